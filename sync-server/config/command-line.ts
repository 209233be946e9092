/** The flags of the command, read and explained by commander. The values are texts; the settings read them. */
import { Command, Option } from "commander";
import { closest } from "fastest-levenshtein";
import { nameOf, SettingError } from "./setting-error.ts";
import { ALL_SETTINGS } from "./settings.ts";
import type { Setting } from "./settings.ts";

export type CommandLine = {
  readonly wantsHelp: boolean;
  readonly wantsVersion: boolean;
  /** The text that a flag gives; `undefined` if it is not there. */
  textOf(setting: Setting): string | undefined;
};

const HELP_WIDTH_CHARS = 100;
const INDENT = "      ";

const createCommand = (): Command => {
  const command = new Command("session-room-relay")
    .description(
      "Each setting is a flag or an environment variable (env); the flag takes precedence. Secrets are better given by an " +
        "environment variable or a file, since everybody on the machine can read the flags of a program.",
    )
    .usage("[--flag value …]")
    .configureHelp({
      helpWidth: HELP_WIDTH_CHARS,
      // The longest names leave no room beside them.
      formatItem: (term, _termWidth, description, helper) =>
        `  ${term}\n${INDENT}${helper.boxWrap(description, HELP_WIDTH_CHARS - INDENT.length).replaceAll("\n", `\n${INDENT}`)}`,
    })
    .helpOption(false);
  for (const { flag, env, about, fallbackText } of ALL_SETTINGS) {
    // `env` is for the help: commander would read the process's own environment, where only main.ts does.
    command.addOption(new Option(`--${flag} <value>`, about).default("", fallbackText).env(env));
  }
  return command.option("-h, --help", "print this").option("--version", "print the version");
};

export const helpText = (): string => createCommand().helpInformation().trimEnd();

/** commander would take whatever follows as the value, and so run on with a flag as a secret. */
const checkValues = (args: readonly string[]): void => {
  for (const [index, arg] of args.entries()) {
    const setting = ALL_SETTINGS.find(({ flag }) => arg === `--${flag}`);
    if (setting === undefined || /^[^-]|^$/.test(args[index + 1] ?? "-")) continue;
    throw new SettingError(
      `${nameOf(setting)} needs a value; one that begins with a dash is given as --${setting.flag}=…`,
    );
  }
};

/** @throws SettingError for an argument that is no known flag with a value. */
export const readCommandLine = (args: readonly string[]): CommandLine => {
  checkValues(args);
  const command = createCommand();
  const { operands, unknown } = command.parseOptions([...args]);
  if (unknown[0] !== undefined) {
    const [name] = unknown[0].split("=", 1);
    const known = command.options.map(({ long }) => long!);
    throw new SettingError(`there is no flag ${name}: the nearest is ${closest(name!, known)}; see --help`);
  }
  // It may be a secret that slipped, so it is not repeated.
  if (operands.length > 0) throw new SettingError("there is an argument that belongs to no flag; see --help");
  const given = new Map(
    command.options
      .map((option) => [option.long, option.attributeName()] as const)
      .filter(([, attribute]) => command.getOptionValueSource(attribute) === "cli")
      .map(([long, attribute]) => [long, command.getOptionValue(attribute) as unknown]),
  );
  return {
    wantsHelp: given.has("--help"),
    wantsVersion: given.has("--version"),
    textOf: ({ flag }) => given.get(`--${flag}`) as string | undefined,
  };
};
