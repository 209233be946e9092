/**
 * Our relay as the command starts it, but without the limit of requests a second, which is no setting:
 * in the bench a host ends and starts its session many times a second.
 */
import pino from "pino";
import { systemClock } from "../../src/clock.ts";
import { parseConfig } from "../../sync-server/config/config.ts";
import { createRelay } from "../../sync-server/relay.ts";
import { MemoryStore } from "../../sync-server/store/memory-store.ts";
import { SqliteStore } from "../../sync-server/store/sqlite/store.ts";

const parsed = parseConfig([], process.env);
if (!parsed.ok || !("config" in parsed)) throw new Error("the settings of the bench are wrong");
const { config } = parsed;
const relay = await createRelay({
  config: { ...config, limits: { ...config.limits, requestsPerSecond: 100_000 } },
  clock: systemClock(),
  store: config.store === "sqlite" ? new SqliteStore(config.dataDir) : new MemoryStore(),
  tokenSecret: config.tokenSecret!,
  logger: pino({ level: config.logLevel }, pino.destination({ dest: 2, sync: true })),
  webRoot: null,
});
process.on("SIGTERM", () => void relay.retire().then(() => process.exit(0)));
process.stdout.write(`${relay.url}\n`);
