/**
 * The entry of the command: reads the settings, starts the relay, and stops it at a signal. The first
 * line on stdout is the address to open; an error is one line on stderr and exit code 1.
 */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import pino from "pino";
import { systemClock } from "../src/clock.ts";
import { parseConfig } from "./config/config.ts";
import type { RelayConfig } from "./config/config.ts";
import { createRelay } from "./relay.ts";
import type { Relay } from "./relay.ts";
import { keptTokenSecret } from "./auth/token-secret.ts";
import { MemoryStore } from "./store/memory-store.ts";
import { STRONG_SECRET_CHARS } from "./config/readers.ts";
import { SqliteStore } from "./store/sqlite/store.ts";
import { StoreError } from "./store/store.ts";

/** The root of the package; its compiled form is in dist/lib. */
const packageRoot = new URL(import.meta.url.endsWith(".ts") ? "../" : "../../../", import.meta.url);

const fail = (message: string): never => {
  process.stderr.write(`session-room-relay: ${message}\n`);
  process.exit(1);
};

const print = (line: string): void => void process.stdout.write(`${line}\n`);

const packageVersion = (): string => {
  const text = readFileSync(new URL("package.json", packageRoot), "utf8");
  return (JSON.parse(text) as { version: string }).version;
};

/** The folder of the built example page; `null` if it was not built. */
const findWebRoot = (): string | null => {
  const folder = fileURLToPath(new URL("dist/web", packageRoot));
  return existsSync(folder) ? folder : null;
};

/** One line about what an operator can fix when the relay does not start; `null` for any other error. */
const explain = (error: unknown, { port, host }: RelayConfig): string | null => {
  if (error instanceof StoreError) return error.message;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  switch (code) {
    case "EADDRINUSE":
      return `port ${port} on ${host} is in use: stop what uses it, or choose another with --port (PORT)`;
    case "EACCES":
      return `port ${port} on ${host} may not be used by this user: choose one above 1023 with --port (PORT)`;
    case "EADDRNOTAVAIL":
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `${host} is no address of this machine (${code}): choose another with --host (HOST)`;
    default:
      return null;
  }
};

const start = async (config: RelayConfig): Promise<void> => {
  // Synchronous, so that nothing is lost at an exit.
  const logger = pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true }));
  const die = (error: unknown, what: string): never => {
    logger.fatal({ err: error }, what);
    process.exit(1);
  };
  // After a bug the state in memory is unknown; a new start reads the state that was stored.
  process.on("uncaughtException", (error) => die(error, "a bug: the relay stops"));
  process.on("unhandledRejection", (error) => die(error, "a bug: the relay stops"));

  let relay: Relay | null = null;
  let isStopping = false;
  const stop = (): void => {
    if (isStopping || relay === null) process.exit(isStopping ? 1 : 0);
    isStopping = true;
    relay.retire().then(
      () => process.exit(0),
      (error: unknown) => die(error, "the relay could not stop properly"),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);

  try {
    const tokenSecret = config.tokenSecret ?? keptTokenSecret(config.dataDir);
    if (tokenSecret.length < STRONG_SECRET_CHARS) {
      logger.warn(
        `the token secret (SESSION_ROOM_TOKEN_SECRET) has fewer than ${STRONG_SECRET_CHARS} characters: it may be guessed`,
      );
    }
    if (config.publicUrl !== null && config.adminKey === null) {
      logger.warn(
        "SESSION_ROOM_PUBLIC_URL is set without SESSION_ROOM_ADMIN_KEY: if a proxy sends no forwarding header, anyone can make rooms",
      );
    }
    const store = config.store === "sqlite" ? new SqliteStore(config.dataDir) : new MemoryStore();
    relay = await createRelay({
      config,
      clock: systemClock(),
      store,
      tokenSecret,
      logger,
      webRoot: findWebRoot(),
      onFatal: (error) => fail(error.message),
    });
  } catch (error) {
    const explained = explain(error, config);
    return explained === null ? die(error, "the relay could not start") : fail(explained);
  }
  print(`Session room ready: ${relay.url}`);
};

const parsed = parseConfig(process.argv.slice(2), process.env);
if (!parsed.ok) fail(parsed.message);
else if ("help" in parsed) print(parsed.help);
else if ("version" in parsed) print(packageVersion());
else await start(parsed.config);
