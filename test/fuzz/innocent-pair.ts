/**
 * Two people in a room of their own, of whom one moves a cursor every 20 ms: how long the other waits for each move, and
 * whether the relay closes a connection, while somebody attacks the relay from another room.
 */
import { once } from "node:events";
import { WebSocket } from "ws";
import { writeAwareness } from "../../src/protocol/protocol.ts";
import { awarenessState } from "./hostile-updates.ts";

const MOVE_EVERY_MS = 20;
const MOVER = 1_000_001;
const WATCHER = 2_000_002;
/** The number of a move is the first key of its state. A watcher that gets a later move has missed nothing. */
const MOVE = /"n":(\d+)/g;

export type PairReport = {
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** The longest; a move that has not arrived counts with its age. */
  readonly maxMs: number;
  readonly moves: number;
  readonly unanswered: number;
  readonly closes: number;
};

const at = (sorted: readonly number[], share: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;

export class InnocentPair {
  readonly #mover: WebSocket;
  readonly #timer: NodeJS.Timeout;
  readonly #sentMs = new Map<number, number>();
  #tripsMs: number[] = [];
  #moves = 0;
  #closes = 0;
  readonly #sockets: readonly WebSocket[];

  private constructor(mover: WebSocket, watcher: WebSocket) {
    this.#mover = mover;
    this.#sockets = [mover, watcher];
    for (const socket of this.#sockets) socket.on("close", () => this.#closes++);
    watcher.on("message", (data: Buffer) => this.#receive(data));
    watcher.send(writeAwareness(awarenessState(WATCHER, 1, '{"user":{"name":"watcher"}}')));
    this.#timer = setInterval(() => this.#move(), MOVE_EVERY_MS);
  }

  /** Two stock clients of one room. @param tokens of the mover and of the watcher. */
  static async open(url: string, room: string, tokens: readonly [string, string]): Promise<InnocentPair> {
    const sockets = tokens.map((token) => new WebSocket(`${url}/${encodeURIComponent(room)}?token=${token}`));
    await Promise.all(sockets.map((socket) => once(socket, "open")));
    for (const socket of sockets) socket.on("error", () => {});
    return new InnocentPair(sockets[0]!, sockets[1]!);
  }

  /** The moves since the last report. */
  report(): PairReport {
    const nowMs = performance.now();
    const sorted = [...this.#tripsMs, ...[...this.#sentMs.values()].map((sentMs) => nowMs - sentMs)].toSorted(
      (a, b) => a - b,
    );
    this.#tripsMs = [];
    const unanswered = this.#sentMs.size;
    return {
      p50Ms: at(sorted, 0.5),
      p99Ms: at(sorted, 0.99),
      maxMs: at(sorted, 1),
      moves: sorted.length,
      unanswered,
      closes: this.#closes,
    };
  }

  /** How long the oldest move has been under way, in ms. */
  get waitingMs(): number {
    const [oldestMs] = this.#sentMs.values();
    return oldestMs === undefined ? 0 : performance.now() - oldestMs;
  }

  stop(): void {
    clearInterval(this.#timer);
    for (const socket of this.#sockets) {
      socket.removeAllListeners("close");
      socket.terminate();
    }
  }

  #move(): void {
    // After a close nothing more can arrive; what was under way stays unanswered.
    if (this.#closes > 0) return;
    const n = ++this.#moves;
    this.#sentMs.set(n, performance.now());
    this.#mover.send(writeAwareness(awarenessState(MOVER, n, `{"n":${n}}`)));
  }

  #receive(data: Buffer): void {
    const nowMs = performance.now();
    for (const [, number] of data.toString("latin1").matchAll(MOVE)) {
      for (let n = Number(number); this.#sentMs.has(n); n--) {
        this.#tripsMs.push(nowMs - this.#sentMs.get(n)!);
        this.#sentMs.delete(n);
      }
    }
  }
}
