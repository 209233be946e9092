/** Keeps lines alive and finds dead ones: one timer for all sockets (docs/SPEC.md, W10, W11, P9). */
import { CloseCode } from "../src/close-codes.ts";
import type { CancelTimer, Clock } from "../src/clock.ts";
import { KEEPALIVE } from "../src/protocol.ts";
import { Batch, Frame } from "./frame.ts";
import type { WsSocket } from "./ws-socket.ts";

const KEEPALIVE_BATCH = new Batch([Frame.of(KEEPALIVE)]);
const TICK_MS = 5_000;
/** y-websocket hangs up after 30 s without a data message; with the tick this is at most 20 s. */
const KEEPALIVE_AFTER_MS = 15_000;
const PING_AFTER_MS = 10_000;
/** With the tick, a dead peer is gone within 35 s. */
const DEAD_AFTER_MS = 30_000;
/** y-protocols drops states that were not renewed for 30 s. */
const HOUSEKEEPING_EVERY_TICKS = 4;
/** A tick as late as this means that the process itself was asleep: nobody could have been heard. */
const ASLEEP_MS = 15_000;

export class Heartbeat {
  readonly #sockets = new Set<WsSocket>();
  readonly #clock: Clock;
  readonly #housekeeping: () => void;
  #cancel: CancelTimer;
  #ticks = 0;
  #tickedAt: number;

  /** @param housekeeping called about every 20 s. */
  constructor(clock: Clock, housekeeping: () => void) {
    this.#clock = clock;
    this.#housekeeping = housekeeping;
    this.#tickedAt = clock.now();
    this.#cancel = this.#clock.setTimer(TICK_MS, this.#tick);
  }

  add(socket: WsSocket): void {
    this.#sockets.add(socket);
  }

  delete(socket: WsSocket): void {
    this.#sockets.delete(socket);
  }

  stop(): void {
    this.#cancel();
  }

  readonly #tick = (): void => {
    this.#cancel = this.#clock.setTimer(TICK_MS, this.#tick);
    const now = this.#clock.now();
    this.#ticks++;
    if (this.#ticks % HOUSEKEEPING_EVERY_TICKS === 0) this.#housekeeping();
    const wasAsleep = now - this.#tickedAt >= ASLEEP_MS;
    this.#tickedAt = now;
    for (const socket of this.#sockets) {
      if (wasAsleep) socket.heardAt = now;
      const silentMs = now - socket.heardAt;
      if (silentMs >= DEAD_AFTER_MS) {
        socket.terminate();
        continue;
      }
      if (this.#clock.wallNow() >= socket.expiresAt) {
        socket.close(CloseCode.unauthorized, "the token has expired");
        continue;
      }
      if (silentMs >= PING_AFTER_MS) socket.ping();
      if (now - socket.sentAt >= KEEPALIVE_AFTER_MS) socket.send(KEEPALIVE_BATCH);
    }
  };
}
