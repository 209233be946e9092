/**
 * Ends runs whose absence deadline has passed, with one timer for the earliest deadline of all rooms. The deadlines
 * are in the store, so rooms that are not in memory cost none.
 */
import type { CancelTimer, Clock } from "../../../src/clock.ts";
import type { Journal } from "../../store/journal.ts";
import type { Store } from "../../store/store.ts";

/** Rooms that are checked together; other work is done between two batches. */
const BATCH = 250;

export type DeadlinesOptions = {
  readonly store: Pick<Store, "dueRooms" | "earliestDeadline">;
  readonly journal: Pick<Journal, "settled">;
  readonly clock: Clock;
  /** Ends the room's run if its deadline has passed; resolves when that is committed. */
  readonly check: (room: string) => Promise<void>;
  /** Called when the store fails; no deadline is checked any more then. */
  readonly onError: (error: unknown) => void;
};

export class Deadlines {
  readonly #options: DeadlinesOptions;
  #armedFor = Infinity;
  /** Earliest deadline that was set since the store was last read, which may not hold it yet. */
  #noticedAt = Infinity;
  #cancel: CancelTimer | null = null;
  /** No deadline is served before `start`: until then no host could connect in time. */
  #isStarted = false;
  #isServing = false;
  #isStopped = false;

  constructor(options: DeadlinesOptions) {
    this.#options = options;
  }

  /** Begins to serve the deadlines that are in the store. */
  async start(): Promise<void> {
    this.#isStarted = true;
    await this.#rearm();
  }

  /** A room has set a deadline (ms since the epoch); it need not be committed yet. */
  noticed(deadlineAt: number): void {
    this.#noticedAt = Math.min(this.#noticedAt, deadlineAt);
    if (deadlineAt < this.#armedFor && !this.#isServing) this.#arm(deadlineAt);
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  #arm(deadlineAt: number): void {
    if (!this.#isStarted || this.#isStopped) return;
    this.#cancel?.();
    this.#armedFor = deadlineAt;
    const { clock } = this.#options;
    this.#cancel = clock.setTimer(deadlineAt - clock.now(), () => void this.#serve());
  }

  async #rearm(): Promise<void> {
    const { store, journal } = this.#options;
    this.#noticedAt = Infinity;
    await journal.settled();
    const stored = await store.earliestDeadline();
    const earliest = Math.min(stored ?? Infinity, this.#noticedAt);
    this.#armedFor = Infinity;
    if (earliest < Infinity) this.#arm(earliest);
  }

  async #serve(): Promise<void> {
    const { store, journal, clock, check, onError } = this.#options;
    this.#isServing = true;
    try {
      for (;;) {
        await journal.settled();
        if (this.#isStopped) return;
        const due = await store.dueRooms(clock.now(), BATCH);
        if (due.length === 0) break;
        await Promise.all(due.map(check));
      }
      await this.#rearm();
    } catch (error) {
      onError(error);
    } finally {
      this.#isServing = false;
    }
  }
}
