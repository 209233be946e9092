/**
 * Measures the guard and the presence rules in a running relay: 50 writers at staggered times and 50 receivers in one
 * room, alternating with the same relay without the checks (`relay-child.ts`).
 * Run: `npm run bench:relay`, on a machine that is otherwise idle.
 */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import { systemClock } from "../src/clock.ts";
import {
  MessageType,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeAwareness,
  writeUpdate,
} from "../src/protocol/protocol.ts";
import { createTokens } from "../sync-server/auth/tokens.ts";
import { spread } from "./report/stats.ts";
import { typing } from "./typing.ts";

const WRITERS = 50;
const RECEIVERS = 50;
const UPDATES_PER_S = 20;
/** Cursor moves of each receiver per second. */
const MOVES_PER_S = 2;
/** Many short rounds, because the speed of the machine changes while they run. */
const ROUNDS = 16;
const ROUND_MS = 2_000;
const GOAL_SHARE = 0.15;
const SECRET = "a secret of the bench, long enough for HS256";
const ROOM = "bench";

const PERIOD_MS = 1_000 / UPDATES_PER_S;
const MOVE_PERIOD_MS = 1_000 / MOVES_PER_S;
const tokens = createTokens(SECRET, systemClock());

const connect = async (
  url: string,
  sub: string,
  role: "host" | "participant",
  isWriter: boolean,
): Promise<WebSocket> => {
  const token = await tokens.sign({ room: ROOM, role, sub, name: sub, expiresAt: Date.now() + 3_600_000 });
  // Writers use session-room.v1 and do not join, so they send and receive nothing.
  const socket = isWriter
    ? new WebSocket(`${url}/${ROOM}`, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token])
    : new WebSocket(`${url}/${ROOM}?token=${token}`);
  await once(socket, "open");
  return socket;
};

const cursorMove = (clientId: number, clock: number): Uint8Array =>
  writeAwareness(
    encoding.encode((encoder) => {
      for (const number of [1, clientId, clock]) encoding.writeVarUint(encoder, number);
      const position = { type: null, tname: "notes", item: { client: clientId, clock }, assoc: 0 };
      const cursor = { anchor: position, head: position };
      encoding.writeVarString(encoder, JSON.stringify({ user: { name: "somebody", color: "#30bced" }, cursor }));
    }),
  );

/** One relay process with its clients. */
class BenchRelay {
  readonly #child: ChildProcess;
  readonly #frames: readonly Uint8Array[][];
  #writers: WebSocket[] = [];
  #receivers: WebSocket[] = [];
  #sent = 0;
  #moves = 0;
  /** Frames that the receivers got: updates and cursors. */
  #delivered = 0;

  private constructor(child: ChildProcess, frames: readonly Uint8Array[][]) {
    this.#child = child;
    this.#frames = frames;
  }

  static async open(kind: string, frames: readonly Uint8Array[][]): Promise<BenchRelay> {
    const child = fork(join(import.meta.dirname, "relay-child.ts"), [kind, SECRET]);
    const relay = new BenchRelay(child, frames);
    const [{ url }] = (await once(child, "message")) as [{ url: string }];
    const wsUrl = url.replace("http", "ws");
    for (let i = 0; i < RECEIVERS; i++) {
      const socket = await connect(wsUrl, `receiver-${i}`, i === 0 ? "host" : "participant", false);
      socket.on("message", (data: Buffer) => {
        if (data[0] === MessageType.awareness || (data[0] === MessageType.sync && data[1] === 2)) relay.#delivered++;
      });
      relay.#receivers.push(socket);
    }
    for (let i = 0; i < WRITERS; i++) relay.#writers.push(await connect(wsUrl, `writer-${i}`, "participant", true));
    return relay;
  }

  async #cpuUs(): Promise<number> {
    this.#child.send("cpu");
    const [{ cpu }] = (await once(this.#child, "message")) as [{ cpu: NodeJS.CpuUsage }];
    return cpu.user + cpu.system;
  }

  /** Runs one round of writing. @returns the relay's CPU time per delivered frame, in µs. */
  async round(): Promise<number> {
    const deliveredBefore = this.#delivered;
    const sentBefore = this.#sent;
    const movesBefore = this.#moves;
    const cpuBefore = await this.#cpuUs();
    const startedAt = performance.now();
    for (let nowMs = 0; nowMs < ROUND_MS; nowMs = performance.now() - startedAt) {
      // One writer after the other, evenly over the period: sends everything that is due by now.
      for (; this.#sent - sentBefore < (nowMs / PERIOD_MS) * WRITERS; this.#sent++) {
        const who = this.#sent % WRITERS;
        const frame = this.#frames[who]![Math.floor(this.#sent / WRITERS)];
        if (frame === undefined) throw new Error("too few updates were prepared");
        this.#writers[who]!.send(frame);
      }
      for (; this.#moves - movesBefore < (nowMs / MOVE_PERIOD_MS) * RECEIVERS; this.#moves++) {
        const who = this.#moves % RECEIVERS;
        this.#receivers[who]!.send(cursorMove(500_000 + who, this.#moves));
      }
      await sleep(1);
    }
    const sent = this.#sent - sentBefore;
    const expected = sent * RECEIVERS + (this.#moves - movesBefore) * (RECEIVERS - 1);
    const giveUpAt = performance.now() + 30_000;
    while (this.#delivered - deliveredBefore < expected) {
      if (performance.now() > giveUpAt)
        throw new Error(`only ${this.#delivered - deliveredBefore} of ${expected} frames arrived`);
      await sleep(5);
    }
    return ((await this.#cpuUs()) - cpuBefore) / (this.#delivered - deliveredBefore);
  }

  close(): void {
    for (const socket of [...this.#writers, ...this.#receivers]) socket.terminate();
    this.#child.disconnect();
  }
}

// One more round for the warm-up, and one because a round takes a little longer than `ROUND_MS`.
const updatesEach = Math.ceil(((ROUNDS + 2) * ROUND_MS * UPDATES_PER_S) / 1_000);
const frames = typing(WRITERS, updatesEach).map((updates) => updates.map(writeUpdate));
const checked = await BenchRelay.open("checked", frames);
const unchecked = await BenchRelay.open("unchecked", frames);
await checked.round();
await unchecked.round();
const withChecks: number[] = [];
const without: number[] = [];
const shares: number[] = [];
for (let round = 1; round <= ROUNDS; round++) {
  // Each relay runs first as often as the other.
  const first = round % 2 === 0 ? await checked.round() : await unchecked.round();
  const second = round % 2 === 0 ? await unchecked.round() : await checked.round();
  const [a, b] = round % 2 === 0 ? [first, second] : [second, first];
  withChecks.push(a);
  without.push(b);
  shares.push(1 - b / a);
  console.log(`round ${round}: ${a.toFixed(2)} µs with the checks, ${b.toFixed(2)} µs without`);
}
checked.close();
unchecked.close();

const show = (what: string, numbers: readonly number[], factor = 1, unit = "µs"): void => {
  const { median, least, most } = spread(numbers.map((each) => each * factor));
  console.log(`${what.padEnd(52)} ${median.toFixed(2)} ${unit} (${least.toFixed(2)} to ${most.toFixed(2)})`);
};
console.log(
  `\n${WRITERS} writers, ${UPDATES_PER_S} updates/s each, at staggered times; ${RECEIVERS} receivers, ${MOVES_PER_S} cursor moves/s each.`,
);
console.log(`Medians of ${ROUNDS} rounds (least to most):`);
show("relay's CPU time per delivered update", withChecks);
show("the same without guard and presence checks", without);
show("share of the checks, round by round", shares, 100, "%");
console.log(`goal: at most ${GOAL_SHARE * 100} % of the relay's CPU time per delivered update`);
