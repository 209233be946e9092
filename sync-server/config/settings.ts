/** The table of everything that an operator can set: names, defaults, what each is for, and who reads it. */
import { readAddressRanges } from "./address-ranges.ts";
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
import type { Read } from "./readers.ts";

type StoreKind = "sqlite" | "memory";

/** The levels of pino, the least verbose first; each includes those before it. */
const LOG_LEVELS = ["silent", "fatal", "error", "warn", "info", "debug", "trace"] as const;
type LogLevel = (typeof LOG_LEVELS)[number];

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
  /** Key of the operator's HTTP calls; `null`: rooms can be made from this machine alone (docs/SPEC.md, H1). */
  readonly adminKey: string | null;
  /** Origins whose pages may connect; `null`: any. */
  readonly allowedOrigins: readonly string[] | null;
  /** Addresses and CIDR ranges of the proxies that may name the client of a connection or request. */
  readonly trustedProxies: readonly string[];
  readonly store: StoreKind;
  /** Least severe level that is logged to stderr. */
  readonly logLevel: LogLevel;
  readonly limits: Limits;
};

type SettingKey = Exclude<keyof RelayConfig, "limits">;

type Entry<T> = {
  readonly fallback: T;
  /** What the setting is for, in a few words. */
  readonly about: string;
  /** Shown as the default in the help, where the value itself would not explain it. */
  readonly fallbackText?: string;
  /** The value is never shown, and may come from a file. */
  readonly isSecret?: true;
  readonly read: (text: string) => Read<T>;
};

/** A setting with the names that operators know it by. */
export type Setting = Omit<Entry<unknown>, "fallbackText"> & {
  /** Without the dashes. */
  readonly flag: string;
  readonly env: string;
  readonly fallbackText: string;
};

const DAY_MS = 86_400_000;
const LONGEST_MS = 3650 * DAY_MS;

const ENTRIES: { readonly [K in SettingKey]: Entry<RelayConfig[K]> } = {
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
    about: "origins whose pages may connect, separated by commas",
    read: readOrigins,
  },
  trustedProxies: {
    fallback: [],
    fallbackText: "none",
    about: "proxies whose X-Forwarded-For or PROXY header counts: addresses or CIDR ranges, separated by commas",
    read: readAddressRanges,
  },
  store: {
    fallback: "sqlite",
    about: "sqlite, or memory to keep nothing",
    read: readChoice<StoreKind>(["sqlite", "memory"]),
  },
  logLevel: { fallback: "info", about: `what is logged: ${LOG_LEVELS.join(", ")}`, read: readChoice(LOG_LEVELS) },
};

/** Above every sensible limit, and within what sockets and buffers take. */
const LIMIT_MAX = 2 ** 31 - 1;

const limit = <K extends keyof Limits>(key: K, about: string): { [key in K]: Entry<number> } =>
  ({ [key]: { fallback: DEFAULT_LIMITS[key], about, read: readWholeNumber(1, LIMIT_MAX) } }) as {
    [key in K]: Entry<number>;
  };

/** The limits that operators have a reason to change; docs/limits.md says which. All others are fixed. */
const LIMIT_ENTRIES = {
  ...limit("documentBytes", "size of a room's document"),
  ...limit("messagesPerSecond", "messages a second from one connection"),
  ...limit("bytesPerSecond", "bytes a second from one connection"),
  ...limit("connectionsPerRoom", "connections to one room"),
  ...limit("connectionsPerAddress", "connections from one address, such as a school's or a proxy's"),
  ...limit("newConnectionsPerSecondPerAddress", "new connections a second from one address"),
};

const ENV_PREFIX = "SESSION_ROOM_";
/** Variables without the prefix: most hosting platforms set these. */
const UNPREFIXED = ["PORT", "HOST"];

/** `hostAbsenceMs` is `--host-absence`, since its value has a unit; `limitDocumentBytes` is `--limit-document-bytes`. */
const named = (key: string, entry: Entry<unknown>): Setting => {
  const flag = key.replace(/Ms$/, "").replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
  const upper = flag.toUpperCase().replaceAll("-", "_");
  const value = key.endsWith("Ms") ? formatDuration(entry.fallback as number) : String(entry.fallback);
  const env = UNPREFIXED.includes(upper) ? upper : ENV_PREFIX + upper;
  return { ...entry, flag, env, fallbackText: entry.fallbackText ?? value };
};

export const SETTINGS = Object.fromEntries(
  Object.entries(ENTRIES).map(([key, entry]) => [key, named(key, entry)]),
) as Record<SettingKey, Setting>;

export const LIMIT_SETTINGS = Object.fromEntries(
  Object.entries(LIMIT_ENTRIES).map(([key, entry]) => [
    key,
    named(`limit${key[0]!.toUpperCase()}${key.slice(1)}`, entry),
  ]),
) as Record<keyof typeof LIMIT_ENTRIES, Setting>;

/** The setting that names a file in which a secret is. */
export const fileSettingOf = (secret: Setting): Setting => ({
  flag: `${secret.flag}-file`,
  env: `${secret.env}_FILE`,
  fallback: null,
  fallbackText: "none",
  about: `file that holds the ${secret.flag.replaceAll("-", " ")}`,
  read: readText,
});

/** Every setting, in the order of the help. */
export const ALL_SETTINGS: readonly Setting[] = [...Object.values(SETTINGS), ...Object.values(LIMIT_SETTINGS)].flatMap(
  (setting) => (setting.isSecret ? [setting, fileSettingOf(setting)] : [setting]),
);
