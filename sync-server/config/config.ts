/**
 * What an operator can set, with defaults. Pure: it is handed the flags and the environment, and
 * only the command-line entry (`main.ts`) reads the real ones.
 */
import { parseArgs } from "node:util";
import { formatDuration } from "./duration.ts";
import { DEFAULT_LIMITS, HOST_ABSENCE_MAX_MS } from "./limits.ts";
import type { Limits } from "./limits.ts";
import {
  readAdminKey,
  readChoice,
  readDuration,
  readHost,
  readOrigins,
  readPublicUrl,
  readText,
  readUrl,
  readWholeNumber,
} from "./readers.ts";
import type { Setting } from "./readers.ts";

export type StoreKind = "sqlite" | "memory";

/** The levels of pino, most silent first; each holds those before it. */
const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export type RelayConfig = {
  /** TCP port; 0 lets the system choose one. */
  readonly port: number;
  /** Address to listen on. */
  readonly host: string;
  /** Folder of the database and of the generated token secret. */
  readonly dataDir: string;
  /** How long a live run may be without a host, in ms. */
  readonly hostAbsenceMs: number;
  /** Least time that a host has to come back after a start of the relay, in ms. */
  readonly restartGraceMs: number;
  /** Lifetime of the tokens of `POST /v1/rooms`, in ms. */
  readonly tokenTtlMs: number;
  /** Address under which people reach the relay, without a slash at the end; `null`: made from host and port. */
  readonly publicUrl: string | null;
  /** Secret of HS256 tokens; `null`: made on first start and kept in the data folder. */
  readonly tokenSecret: string | null;
  /** Address of a JSON Web Key Set (RFC 7517) whose keys may sign tokens too; `null`: none. */
  readonly tokenJwksUrl: string | null;
  /** Key of the operator's HTTP calls; `null`: see `POST /v1/rooms` in the contract. */
  readonly adminKey: string | null;
  /** Origins whose pages may connect; `null`: any. */
  readonly allowedOrigins: readonly string[] | null;
  readonly store: StoreKind;
  /** Least weight of what is logged to stderr. */
  readonly logLevel: LogLevel;
  readonly limits: Limits;
};

export type Environment = Readonly<Record<string, string | undefined>>;

/** What the command line asks for, or one line that says what is wrong with it. */
export type ParsedConfig =
  | { readonly ok: true; readonly config: RelayConfig }
  | { readonly ok: true; readonly help: string }
  | { readonly ok: true; readonly version: true }
  | { readonly ok: false; readonly message: string };

const DAY_MS = 86_400_000;
const LONGEST_MS = 3650 * DAY_MS;
/** Above every sensible limit, and within what sockets and buffers take. */
const LIMIT_MAX = 2 ** 31 - 1;

/** Every setting but the limits, by its key in `RelayConfig`. */
const SETTINGS: { readonly [K in keyof Omit<RelayConfig, "limits">]: Setting<RelayConfig[K]> } = {
  port: { fallback: 1234, about: "TCP port; 0: any that is free", read: readWholeNumber(0, 65_535) },
  host: { fallback: "127.0.0.1", about: "address to listen on; 0.0.0.0 or :: for all", read: readHost },
  dataDir: { fallback: "./data", about: "folder of the database and the token secret", read: readText },
  hostAbsenceMs: {
    fallback: 15 * 60_000,
    about: "time without a host after which a session ends",
    read: readDuration(1, HOST_ABSENCE_MAX_MS),
  },
  restartGraceMs: {
    fallback: 30_000,
    about: "least time for a host to return after a start of the relay",
    read: readDuration(0, LONGEST_MS),
  },
  tokenTtlMs: {
    fallback: 30 * DAY_MS,
    about: "lifetime of the tokens of new rooms",
    read: readDuration(1_000, LONGEST_MS),
  },
  publicUrl: {
    fallback: null,
    fallbackText: "made from host and port",
    about: "address under which people reach the relay",
    read: readPublicUrl,
  },
  tokenSecret: {
    fallback: null,
    fallbackText: "made on first start, kept in the data folder",
    about: "secret of the HS256 tokens; 32 characters or more are safe",
    isSecret: true,
    // Of any length: a secret that another program already uses must not keep the relay from starting.
    read: readText,
  },
  tokenJwksUrl: {
    fallback: null,
    fallbackText: "none",
    about: "address of a JSON Web Key Set whose keys may sign tokens too",
    read: readUrl,
  },
  adminKey: {
    fallback: null,
    fallbackText: "none: rooms are made on this machine alone",
    about: "key of the operator's HTTP calls",
    isSecret: true,
    read: readAdminKey,
  },
  allowedOrigins: {
    fallback: null,
    fallbackText: "any",
    about: "origins whose pages may connect, with commas between",
    read: readOrigins,
  },
  store: {
    fallback: "sqlite",
    about: "sqlite, or memory to keep nothing",
    read: readChoice<StoreKind>(["sqlite", "memory"]),
  },
  logLevel: { fallback: "info", about: `what is logged: ${LOG_LEVELS.join(", ")}`, read: readChoice(LOG_LEVELS) },
};

const LIMIT_SETTINGS: Readonly<Record<keyof Limits, Setting<number>>> = Object.fromEntries(
  Object.entries(DEFAULT_LIMITS).map(([key, fallback]) => [
    key,
    { fallback, about: "", read: readWholeNumber(1, LIMIT_MAX) },
  ]),
) as Record<keyof Limits, Setting<number>>;

type Named = {
  /** Without the dashes. */
  readonly flag: string;
  readonly env: string;
  readonly setting: Setting<unknown>;
};

const ENV_PREFIX = "SESSION_ROOM_";
/** Variables that have no prefix: every host of programs sets these. */
const UNPREFIXED = ["PORT", "HOST"];

/** `hostAbsenceMs` is `--host-absence`, since its value has a unit; `limits.messageBytes` is `--limit-message-bytes`. */
const named = (key: string, setting: Setting<unknown>): Named => {
  const flag = key.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const upper = flag.toUpperCase().replaceAll("-", "_");
  return { flag, env: UNPREFIXED.includes(upper) ? upper : ENV_PREFIX + upper, setting };
};

const namedSettings = Object.entries(SETTINGS).map(([key, setting]) => [key, named(key, setting)] as const);
const namedLimits = Object.entries(LIMIT_SETTINGS).map(
  ([key, setting]) => [key, named(`limit${key.charAt(0).toUpperCase()}${key.slice(1)}`, setting)] as const,
);
const ALL = [...namedSettings, ...namedLimits].map(([, each]) => each);

/** Thrown within this file alone; its message is for the operator. */
class SettingError extends Error {}

const nameOf = ({ flag, env }: Named): string => `--${flag} (${env})`;

/** The values that the flags give, by flag; `help` and `version` are "". */
const readFlags = (args: readonly string[]): ReadonlyMap<string, string> => {
  const options = Object.fromEntries(ALL.map(({ flag }) => [flag, { type: "string" as const }]));
  const { tokens } = parseArgs({
    args: [...args],
    options: { ...options, help: { type: "boolean", short: "h" }, version: { type: "boolean" } },
    // The messages of the strict mode are several sentences long and know no environment variables.
    strict: false,
    tokens: true,
  });
  const values = new Map<string, string>();
  for (const token of tokens) {
    if (token.kind === "option-terminator") continue;
    // What stands there may be a secret that slipped, so it is not repeated.
    if (token.kind === "positional") throw new SettingError(`argument ${token.index + 1} is no flag; see --help`);
    const { name, rawName, value, inlineValue } = token;
    if (name === "help" || name === "version") {
      values.set(name, "");
      continue;
    }
    const known = ALL.find(({ flag }) => flag === name);
    if (known === undefined) throw new SettingError(`there is no flag ${rawName}; see --help`);
    if (value === undefined || (!inlineValue && value.startsWith("-"))) {
      throw new SettingError(`${nameOf(known)} needs a value; one that begins with a dash is given as --${name}=…`);
    }
    values.set(name, value);
  }
  return values;
};

/** The value of one setting: of its flag, else of the environment (where empty counts as unset), else the default. */
const readSetting = (each: Named, flags: ReadonlyMap<string, string>, env: Environment): unknown => {
  const text = flags.get(each.flag) ?? (env[each.env] || undefined);
  if (text === undefined) return each.setting.fallback;
  const result = each.setting.read(text);
  if (result.ok) return result.value;
  // An address may hold a password before its @.
  const shown =
    each.setting.isSecret || text.includes("@") ? "has a value that is not allowed" : `is ${JSON.stringify(text)}`;
  throw new SettingError(`${nameOf(each)} ${shown}; allowed: ${result.allowed}`);
};

const checkTogether = ({ limits }: RelayConfig): void => {
  if (limits.messageBytes > limits.frameBytes) {
    throw new SettingError(
      `--limit-message-bytes (${ENV_PREFIX}LIMIT_MESSAGE_BYTES) is ${limits.messageBytes}; allowed: at most --limit-frame-bytes, which is ${limits.frameBytes}`,
    );
  }
};

/**
 * Reads the settings. A flag beats the environment, and an empty variable counts as unset.
 *
 * @param args the command line behind the program's name.
 */
export const parseConfig = (args: readonly string[], env: Environment): ParsedConfig => {
  try {
    const flags = readFlags(args);
    if (flags.has("help")) return { ok: true, help: helpText() };
    if (flags.has("version")) return { ok: true, version: true };
    const readAll = (settings: typeof namedSettings) =>
      Object.fromEntries(settings.map(([key, each]) => [key, readSetting(each, flags, env)]));
    const config = { ...readAll(namedSettings), limits: readAll(namedLimits) } as RelayConfig;
    checkTogether(config);
    return { ok: true, config };
  } catch (error) {
    if (error instanceof SettingError) return { ok: false, message: error.message };
    throw error;
  }
};

const fallbackOf = (key: string, { fallback, fallbackText }: Setting<unknown>): string =>
  fallbackText ?? (key.endsWith("Ms") ? formatDuration(fallback as number) : String(fallback));

const helpText = (): string =>
  [
    "Usage: session-room-relay [--flag value …]",
    "",
    "Each setting is a flag or an environment variable; the flag wins. Secrets are better kept",
    "in the environment, since everybody on the machine can read the flags of a program.",
    "",
    ...namedSettings.flatMap(([key, { flag, env, setting }]) => [
      `  --${flag.padEnd(18)} ${env}`,
      `      ${setting.about} (default: ${fallbackOf(key, setting)})`,
    ]),
    "",
    "  --help, --version",
    "",
    "Limits, whole numbers from 1; docs/limits.md says what happens above each:",
    "",
    ...namedLimits.flatMap(([, { flag, env, setting }]) => [
      `  --${flag}  ${env}`,
      `      (default: ${setting.fallback})`,
    ]),
  ].join("\n");
