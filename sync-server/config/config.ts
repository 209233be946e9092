/**
 * Makes the settings of one start out of the flags and the environment. It is handed both, since only
 * the command-line entry (`main.ts`) reads the real ones, and reads the files that hold secrets.
 */
import { readFileSync } from "node:fs";
import { helpText, readCommandLine } from "./command-line.ts";
import { checkNames } from "./environment.ts";
import type { Environment } from "./environment.ts";
import { DEFAULT_LIMITS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import { nameOf, SettingError } from "./setting-error.ts";
import { fileSettingOf, LIMIT_SETTINGS, SETTINGS } from "./settings.ts";
import type { RelayConfig, Setting } from "./settings.ts";

export type { RelayConfig } from "./settings.ts";

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

const readSecret = (setting: Setting, textOf: Texts): unknown => {
  const fileSetting = fileSettingOf(setting);
  const path = readSetting(fileSetting, textOf) as string | null;
  if (path === null) return readSetting(setting, textOf);
  if (textOf(setting) !== undefined) {
    throw new SettingError(`${nameOf(setting)} and ${nameOf(fileSetting)} are both given; allowed: one of them`);
  }
  const subject = `${nameOf(fileSetting)} is ${JSON.stringify(path)}`;
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (error) {
    throw new SettingError(`${subject}, which cannot be read (${(error as NodeJS.ErrnoException).code})`);
  }
  // Editors and `echo` end a file with a line break.
  return read(setting, content.replace(/(?:\r?\n)+$/, ""), `${subject}, whose content is not allowed`);
};

const readAll = (settings: Readonly<Record<string, Setting>>, textOf: Texts) =>
  Object.fromEntries(
    Object.entries(settings).map(([key, setting]) => [
      key,
      (setting.isSecret ? readSecret : readSetting)(setting, textOf),
    ]),
  );

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
