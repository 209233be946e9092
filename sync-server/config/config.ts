/**
 * Makes the settings of one start out of the flags and the environment. It is handed both, since only
 * the command-line entry (`main.ts`) reads the real ones.
 */
import { helpText, readCommandLine } from "./command-line.ts";
import { checkNames } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { nameOf, SettingError } from "./setting-error.ts";
import { LIMIT_SETTINGS, SETTINGS } from "./settings.ts";
import type { RelayConfig, Setting } from "./settings.ts";

export type { LogLevel, RelayConfig, StoreKind } from "./settings.ts";

/** What the command line asks for, or one line that says what is wrong with it. */
export type ParsedConfig =
  | { readonly ok: true; readonly config: RelayConfig }
  | { readonly ok: true; readonly help: string }
  | { readonly ok: true; readonly version: true }
  | { readonly ok: false; readonly message: string };

type Texts = (setting: Setting) => string | undefined;

/** @param subject what the message about a text that is not allowed begins with. */
const read = (setting: Setting, text: string, subject: string): unknown => {
  const result = setting.read(text);
  if (result.ok) return result.value;
  throw new SettingError(`${subject}; allowed: ${result.allowed}`);
};

const readSetting = (setting: Setting, textOf: Texts): unknown => {
  const text = textOf(setting);
  if (text === undefined) return setting.fallback;
  // An address may hold a password before its @.
  const isHidden = setting.isSecret || text.includes("@");
  const shown = isHidden ? "has a value that is not allowed" : `is ${JSON.stringify(text)}`;
  return read(setting, text, `${nameOf(setting)} ${shown}`);
};

const readAll = (settings: Readonly<Record<string, Setting>>, textOf: Texts) =>
  Object.fromEntries(Object.entries(settings).map(([key, setting]) => [key, readSetting(setting, textOf)]));

/**
 * Reads the settings. A flag takes precedence over the environment, and an empty variable counts as unset.
 *
 * @param args the command line after the program's name.
 */
export const parseConfig = (args: readonly string[], env: Environment): ParsedConfig => {
  try {
    const commandLine = readCommandLine(args);
    if (commandLine.wantsHelp) return { ok: true, help: helpText() };
    if (commandLine.wantsVersion) return { ok: true, version: true };
    checkNames(env);
    const textOf: Texts = (setting) => commandLine.textOf(setting) ?? (env[setting.env] || undefined);
    const limits: Limits = { ...DEFAULT_LIMITS, ...readAll(LIMIT_SETTINGS, textOf) };
    // A proxy on this machine must not get less than one elsewhere.
    const connectionsPerLoopbackAddress = Math.max(limits.connectionsPerLoopbackAddress, limits.connectionsPerAddress);
    const config = { ...readAll(SETTINGS, textOf), limits: { ...limits, connectionsPerLoopbackAddress } };
    return { ok: true, config: config as RelayConfig };
  } catch (error) {
    if (error instanceof SettingError) return { ok: false, message: error.message };
    throw error;
  }
};
