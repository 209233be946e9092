/**
 * The relay of `bench/relay.ts`, in its own process so that its CPU time can be measured. With the argument
 * `unchecked`, the guard and the presence rules are replaced by functions that accept everything. Only this
 * file does that; the relay has no such setting.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pino from "pino";
import { systemClock } from "../src/clock.ts";
import { MessageType } from "../src/protocol/protocol.ts";
import { parseConfig } from "../sync-server/config/config.ts";
import type { Connection } from "../sync-server/room/connection/connection.ts";
import { Batch, Frame } from "../sync-server/websocket/frame.ts";
import { Guard } from "../sync-server/guard/guard.ts";
import { createRelay } from "../sync-server/relay.ts";
import { Room } from "../sync-server/room/room.ts";
import { SqliteStore } from "../sync-server/store/sqlite/store.ts";

const [kind = "checked", tokenSecret = ""] = process.argv.slice(2);

if (kind === "unchecked") {
  const nothing = { waitingStructs: [], waitingDeletes: [], written: [], blocked: [], forbidden: new Map(), count: 0 };
  Guard.prototype.admit = (accepted) => ({ accepted, scanned: null, ...nothing });
  const receive = Room.prototype.receive;
  Room.prototype.receive = function (this: Room, connection: Connection, message: Uint8Array): void {
    if (message[0] !== MessageType.awareness) return receive.call(this, connection, message);
    const copy = new Batch([Frame.of(message)]);
    for (const each of this.connections) if (each.membership.joined && each !== connection) each.socket.send(copy);
  };
}

const dataDir = mkdtempSync(join(tmpdir(), "session-room-bench-"));
const parsed = parseConfig([`--port=0`, `--data-dir=${dataDir}`], {});
if (!parsed.ok || !("config" in parsed)) throw new Error("the bench has invalid settings");
const relay = await createRelay({
  config: parsed.config,
  clock: systemClock(),
  store: new SqliteStore(dataDir),
  tokenSecret,
  logger: pino({ level: "error" }, pino.destination(2)),
  webRoot: null,
});
process.send!({ url: relay.url.replace("localhost", "127.0.0.1") });
process.on("message", () => process.send!({ cpu: process.cpuUsage() }));
process.on("disconnect", () => {
  void relay.close().then(() => {
    rmSync(dataDir, { recursive: true, force: true });
    process.exit(0);
  });
});
