/** The relay of the soak as a separate process: the real one, with real ports and a real store, but a fast clock. */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { queryObjects } from "node:v8";
import pino from "pino";
import * as Y from "yjs";
import { parseConfig } from "../../sync-server/config/config.ts";
import { Connection } from "../../sync-server/room/connection/connection.ts";
import { createRelay } from "../../sync-server/relay.ts";
import { Room } from "../../sync-server/room/room.ts";
import { SqliteStore } from "../../sync-server/store/sqlite/store.ts";
import { Peer } from "../../sync-server/gateway/peer.ts";
import { fastClock } from "./fast-clock.ts";
import type { FromRelay, RelaySettings, Sample } from "./sample.ts";
import { watchStalls } from "./stalls.ts";

const settings = JSON.parse(process.argv[2]!) as RelaySettings;
const send = (message: FromRelay): void => void process.send!(message);

const clock = fastClock(settings.speed, settings.epochMs);
const parsed = parseConfig(["--port=0", `--data-dir=${settings.dataDir}`, `--admin-key=${settings.adminKey}`], {});
if (!parsed.ok || !("config" in parsed)) throw new Error("the settings of the soak are wrong");
const relay = await createRelay({
  config: parsed.config,
  clock,
  store: new SqliteStore(settings.dataDir),
  tokenSecret: settings.tokenSecret,
  logger: pino({ level: "error" }, pino.destination({ dest: 2, sync: true })),
  webRoot: null,
  onFatal: () => process.exit(1),
});

// The cast is needed since the constructors are not public.
const countInstances = (kind: unknown): number => queryObjects(kind as new () => object, { format: "count" });

const takeSample = async (): Promise<Sample> => {
  // Twice, with an event loop turn in between, to collect also what finalizers release.
  for (let i = 0; i < 2; i++) {
    globalThis.gc!();
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  const files = readdirSync(settings.dataDir).filter((name) => name.startsWith("session-room.db"));
  return {
    rssBytes: rss,
    heapBytes: heapUsed + external,
    // Without the descriptor that reads the folder.
    descriptors: readdirSync("/proc/self/fd").length - 1,
    handles: process.getActiveResourcesInfo().filter((kind) => kind !== "Timeout" && kind !== "Immediate").length,
    timers: clock.timers,
    rooms: countInstances(Room),
    connections: countInstances(Connection),
    sockets: countInstances(Peer),
    docs: countInstances(Y.Doc),
    databaseBytes: files.reduce((sum, name) => sum + statSync(join(settings.dataDir, name)).size, 0),
  };
};

watchStalls((ms) => send({ type: "stalled", ms }));
process.on("message", () => void takeSample().then((sample) => send({ type: "sample", sample })));
process.on("disconnect", () => void relay.close().then(() => process.exit(0)));
// Ctrl-C reaches the whole process group, but the soak still needs this process for its final checks.
process.on("SIGINT", () => {});
send({ type: "ready", url: relay.url.replace("localhost", "127.0.0.1") });
