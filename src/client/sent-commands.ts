/** Commands that were sent and are not answered yet. Each gets its answer, or an error if none can come any more. */
import type { CancelTimer, Timers } from "../clock.ts";
import type { Answer, Command } from "../protocol/protocol.ts";
import { noAnswerError } from "./room-errors.ts";
import { RoomError } from "./room-state.ts";

/** How long an answer may take, in ms. */
export const ANSWER_TIMEOUT_MS = 10_000;

/** A command before it has its id. */
export type CommandBody = Command extends infer Kind ? (Kind extends Command ? Omit<Kind, "id"> : never) : never;

/** The relay's answer, or why there is none: `disconnected`, or what closed the connection for good. */
export type Outcome = Answer | RoomError;

type Pending = { readonly settle: (outcome: Outcome) => void; readonly cancelTimer: CancelTimer };

export class SentCommands {
  readonly #clock: Timers;
  readonly #send: (command: Command) => void;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;

  constructor(clock: Timers, send: (command: Command) => void) {
    this.#clock = clock;
    this.#send = send;
  }

  /**
   * Sends a command.
   *
   * @param onOutcome is called once, before anything that the relay sent after its answer is read.
   * @returns a promise of the same, which never rejects.
   */
  send(command: CommandBody, onOutcome?: (outcome: Outcome) => void): Promise<Outcome> {
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    const id = ++this.#lastId;
    const cancelTimer = this.#clock.setTimer(ANSWER_TIMEOUT_MS, () =>
      this.#settle(id, noAnswerError(ANSWER_TIMEOUT_MS)),
    );
    const settle = (outcome: Outcome): void => {
      onOutcome?.(outcome);
      resolve(outcome);
    };
    this.#pending.set(id, { settle, cancelTimer });
    this.#send({ ...command, id });
    return promise;
  }

  /** The relay has answered. An answer that comes too late is ignored. */
  answered(answer: Answer): void {
    this.#settle(answer.id, answer);
  }

  rejectAll(error: RoomError): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id, error);
  }

  #settle(id: number, outcome: Outcome): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    pending?.cancelTimer();
    pending?.settle(outcome);
  }
}

/** The run that the room is in, by an outcome. @throws RoomError if the command was refused or not answered. */
export const acceptedRun = (outcome: Outcome): number => {
  if (outcome instanceof RoomError) throw outcome;
  if (!outcome.ok) throw new RoomError("refused", outcome.message);
  return outcome.run;
};
