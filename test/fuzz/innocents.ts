/** Watches an innocent pair, in a process of its own and a room that nobody attacks, for stalls and closed connections. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { FuzzedRelay } from "./fuzzed-relay.ts";
import type { PairReport } from "./innocent-pair.ts";
import type { Statistics } from "./statistics.ts";

const ROOM = "innocents";
/** The longest that a cursor move may take. Generous: a machine of the continuous integration may be busy otherwise. */
const STALL_MS = 2_000;

export class Innocents {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, statistics: Statistics) {
    this.#child = child;
    child.on("message", ({ maxMs, closes }: PairReport) => {
      statistics.longestMoveMs = Math.max(statistics.longestMoveMs, maxMs);
      if (maxMs > STALL_MS)
        statistics.reportViolation(`a cursor move in a room that nobody attacks took more than ${STALL_MS} ms`);
      if (closes > 0) statistics.reportViolation("a connection of a room that nobody attacks was closed");
    });
  }

  static async start(relay: FuzzedRelay, statistics: Statistics): Promise<Innocents> {
    await relay.makeRoom(ROOM);
    const token = (role: "host" | "participant"): Promise<string> =>
      relay.token({ room: ROOM, role, sub: role, name: role });
    const url = relay.url.replace("http", "ws");
    const child = fork(join(import.meta.dirname, "innocent-process.ts"), [
      url,
      ROOM,
      await token("host"),
      await token("participant"),
    ]);
    const failed = once(child, "exit").then(() => Promise.reject(new Error("the innocent pair did not connect")));
    failed.catch(() => undefined);
    // From the first report on.
    await Promise.race([once(child, "message"), failed]);
    return new Innocents(child, statistics);
  }

  stop(): void {
    this.#child.removeAllListeners("message");
    this.#child.kill();
  }
}
