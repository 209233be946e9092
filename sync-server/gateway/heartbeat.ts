/**
 * Checks every peer every 5 s, with one timer for all. A tenth of them is checked at a time: keepalives to a thousand
 * idle clients at once, and their answers, would delay everybody else.
 */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import { checkLiveness, LIVENESS_CHECK_MS } from "./liveness.ts";
import type { Peer } from "./peer.ts";

const PARTS = 10;
const STEP_MS = LIVENESS_CHECK_MS / PARTS;
/** A step as late as this means that the process itself was suspended, and could receive nothing. */
const SUSPENDED_MS = 15_000;

export class Heartbeat {
  readonly #parts = Array.from({ length: PARTS }, () => new Set<Peer>());
  readonly #clock: Clock;
  #cancel: CancelTimer;
  #steps = 0;
  #steppedAt: number;
  #added = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#steppedAt = clock.now();
    this.#cancel = clock.setTimer(STEP_MS, this.#step);
  }

  add(peer: Peer): void {
    this.#parts[this.#added++ % PARTS]!.add(peer);
  }

  delete(peer: Peer): void {
    for (const peers of this.#parts) peers.delete(peer);
  }

  stop(): void {
    this.#cancel();
  }

  readonly #step = (): void => {
    this.#cancel = this.#clock.setTimer(STEP_MS, this.#step);
    const now = this.#clock.now();
    if (now - this.#steppedAt >= SUSPENDED_MS) {
      for (const peers of this.#parts) for (const peer of peers) peer.lastReceivedAt = now;
    }
    this.#steppedAt = now;
    this.#steps++;
    const wallNow = this.#clock.wallNow();
    for (const peer of this.#parts[this.#steps % PARTS]!) {
      if (peer.expiresAt <= wallNow) peer.close(CloseCode.unauthorized, "the token has expired");
      checkLiveness(peer, now);
    }
  };
}
