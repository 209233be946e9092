/** Keeps lines alive and finds dead ones: one timer for all sockets (docs/SPEC.md, W10, W11, P9). */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import { KEEPALIVE } from "../../src/protocol/protocol.ts";
import { Batch, Frame } from "../websocket/frame.ts";
import type { Peer } from "./peer.ts";

const KEEPALIVE_BATCH = new Batch([Frame.of(KEEPALIVE)]);
/**
 * How often each socket is looked at, and in how many beats all are: what goes to a thousand silent people at
 * once, and comes back, would keep everybody else waiting.
 */
const ROUND_MS = 5_000;
const BEATS = 10;
/** Between two looks, so that a timer that is a moment early or late puts nothing off by a round. */
const HALF_ROUND_MS = ROUND_MS / 2;
/** y-websocket hangs up after 30 s without a data message; with the round this is some 15 s. */
const KEEPALIVE_AFTER_MS = 15_000 - HALF_ROUND_MS;
const PING_AFTER_MS = 15_000 - HALF_ROUND_MS;
/** With the round that it may take to see that something was heard, a dead peer is gone within 35 s. */
const DEAD_AFTER_MS = 30_000 - HALF_ROUND_MS;
/** Rooms are looked after in so many parts, one a beat: all of them every 20 s, for y-protocols drops what was not renewed for 30 s. */
export const HOUSEKEEPING_PARTS = 4 * BEATS;
/** A beat as late as this means that the process itself was asleep: nobody could have been heard. */
const ASLEEP_MS = 15_000;

export class Heartbeat {
  /** By beat. */
  readonly #sockets = Array.from({ length: BEATS }, () => new Set<Peer>());
  readonly #clock: Clock;
  readonly #housekeeping: (part: number) => void;
  #cancel: CancelTimer;
  #beats = 0;
  #beatAt: number;
  #added = 0;

  /** @param housekeeping called at each beat with the number of a part, from 0; with each about every 20 s. */
  constructor(clock: Clock, housekeeping: (part: number) => void) {
    this.#clock = clock;
    this.#housekeeping = housekeeping;
    this.#beatAt = clock.now();
    this.#cancel = this.#clock.setTimer(ROUND_MS / BEATS, this.#beat);
  }

  /** The beat for a new socket. */
  nextBeat(): number {
    return this.#added++ % BEATS;
  }

  add(socket: Peer): void {
    this.#sockets[socket.beat]!.add(socket);
  }

  delete(socket: Peer): void {
    this.#sockets[socket.beat]!.delete(socket);
  }

  stop(): void {
    this.#cancel();
  }

  readonly #beat = (): void => {
    this.#cancel = this.#clock.setTimer(ROUND_MS / BEATS, this.#beat);
    const now = this.#clock.now();
    const wasAsleep = now - this.#beatAt >= ASLEEP_MS;
    this.#beatAt = now;
    if (wasAsleep) {
      for (const sockets of this.#sockets) for (const socket of sockets) socket.heardAt = now;
    }
    this.#beats++;
    this.#housekeeping(this.#beats % HOUSEKEEPING_PARTS);
    for (const socket of this.#sockets[this.#beats % BEATS]!) this.#lookAt(socket, now);
  };

  #lookAt(socket: Peer, now: number): void {
    socket.look(now);
    const silentMs = now - socket.heardAt;
    if (silentMs >= DEAD_AFTER_MS) return socket.terminate();
    if (this.#clock.wallNow() >= socket.expiresAt) {
      return socket.close(CloseCode.unauthorized, "the token has expired");
    }
    if (silentMs >= PING_AFTER_MS) socket.ping();
    if (now - socket.sentAt >= KEEPALIVE_AFTER_MS) socket.send(KEEPALIVE_BATCH);
  }
}
