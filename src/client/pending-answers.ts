/** Commands that were sent and not answered yet. Each gets its answer, or learns that none will come. */
import type { CancelTimer, Timers } from "../clock.ts";
import type { Answer } from "../protocol/protocol.ts";
import { RoomError } from "./room-state.ts";

/** How long an answer may take, in ms. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** The relay's answer, or why there is none: `disconnected`, or what ended the connection for good. */
export type Outcome = Answer | RoomError;

type Pending = { readonly settle: (outcome: Outcome) => void; readonly cancelTimer: CancelTimer };

export const disconnected = (): RoomError =>
  new RoomError("disconnected", "There is no connection to the relay. Try again when it is back.");

export type PendingAnswers = {
  /** Makes an id for a command; `settle` is called once. */
  expect(settle: (outcome: Outcome) => void): number;
  /** An answer to nothing that is pending, such as a late one, is nobody's. */
  settle(answer: Answer): void;
  rejectAll(error: RoomError): void;
};

export const pendingAnswers = (clock: Timers): PendingAnswers => {
  const pendings = new Map<number, Pending>();
  let lastId = 0;

  const settle = (id: number, outcome: Outcome): void => {
    const pending = pendings.get(id);
    pendings.delete(id);
    pending?.cancelTimer();
    pending?.settle(outcome);
  };

  return {
    expect(settleOne) {
      const id = ++lastId;
      const seconds = ANSWER_TIMEOUT_MS / 1000;
      const cancelTimer = clock.setTimer(ANSWER_TIMEOUT_MS, () =>
        settle(id, new RoomError("disconnected", `The relay did not answer within ${seconds} s. Try again.`)),
      );
      pendings.set(id, { settle: settleOne, cancelTimer });
      return id;
    },
    settle: (answer) => settle(answer.id, answer),
    rejectAll(error) {
      for (const id of [...pendings.keys()]) settle(id, error);
    },
  };
};
