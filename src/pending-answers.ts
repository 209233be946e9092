/** Commands that were sent and not answered yet. Each gets its answer, or learns that none will come. */
import type { CancelTimer, Timers } from "./clock.ts";
import type { Answer } from "./protocol.ts";
import { RoomError } from "./room-state.ts";

/** How long an answer may take, in ms. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** The relay's answer, or why there is none: `disconnected`, or what ended the connection for good. */
export type Outcome = Answer | RoomError;

type Pending = { readonly settle: (outcome: Outcome) => void; readonly cancelTimer: CancelTimer };

export const disconnected = (): RoomError =>
  new RoomError("disconnected", "There is no connection to the relay. Try again when it is back.");

export class PendingAnswers {
  readonly #clock: Timers;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(clock: Timers) {
    this.#clock = clock;
  }

  /** Makes an id for a command; `settle` is called once. */
  expect(settle: (outcome: Outcome) => void): number {
    const id = ++this.#lastId;
    const cancelTimer = this.#clock.setTimer(ANSWER_TIMEOUT_MS, () => {
      const seconds = ANSWER_TIMEOUT_MS / 1000;
      this.#take(id)?.settle(new RoomError("disconnected", `The relay did not answer within ${seconds} s. Try again.`));
    });
    this.#pending.set(id, { settle, cancelTimer });
    return id;
  }

  /** An answer to nothing that is pending, such as a late one, is nobody's. */
  settle(answer: Answer): void {
    this.#take(answer.id)?.settle(answer);
  }

  rejectAll(error: RoomError): void {
    for (const id of [...this.#pending.keys()]) this.#take(id)?.settle(error);
  }

  #take(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimer();
    return pending;
  }
}
