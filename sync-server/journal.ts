/**
 * The relay's one ordered queue of what is to be kept and what is to be told. Whatever anybody is
 * told is told from `afterwards`, so nobody is told anything that a crash could take back
 * (docs/SPEC.md, W8). What arrives within one turn of the loop is committed together.
 */
import type { Clock } from "../src/clock.ts";
import { StoreError } from "./store/store.ts";
import type { Durability, Store, Write } from "./store/store.ts";

export class Journal {
  readonly #store: Pick<Store, "commit">;
  readonly #clock: Pick<Clock, "afterTurn">;
  readonly #onFailure: (error: StoreError) => void;
  readonly #onBug: (error: unknown) => void;

  #writes: Write[] = [];
  #durability: Durability = "written";
  /** What is to be done once `#writes`, and all before, are committed. */
  #afterwards: (() => void)[] = [];
  #isCommitting = false;
  #isScheduled = false;
  #isStopped = false;
  #failure: StoreError | null = null;

  /**
   * @param onFailure told once, when a commit fails: from then on nothing is kept and nothing is told.
   * @param onBug told of whatever a callback threw.
   */
  constructor(
    store: Pick<Store, "commit">,
    clock: Pick<Clock, "afterTurn">,
    onFailure: (error: StoreError) => void,
    onBug: (error: unknown) => void,
  ) {
    this.#store = store;
    this.#clock = clock;
    this.#onFailure = onFailure;
    this.#onBug = onBug;
  }

  /** Queues a write for the commit at the end of this turn; one that asks for fsync gets it for the whole batch. */
  write(write: Write, durability: Durability): void {
    if (this.#isStopped) throw new Error("the journal was stopped: nothing can be written any more");
    this.#writes.push(write);
    if (durability === "flushed") this.#durability = "flushed";
    this.#schedule();
  }

  /** Does something once everything written so far is committed; at once if it is. In order, or never. */
  afterwards(run: () => void): void {
    if (this.#failure !== null) return;
    if (this.#writes.length === 0 && !this.#isCommitting && this.#afterwards.length === 0) this.#run(run);
    else this.#afterwards.push(run);
  }

  /** Resolves when everything queued so far is committed and told. @throws StoreError if that failed. */
  settled(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    if (this.#writes.length === 0 && !this.#isCommitting && this.#afterwards.length === 0) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.push(reject);
      this.afterwards(() => {
        this.#waiting.splice(this.#waiting.indexOf(reject), 1);
        resolve();
      });
    });
  }

  /** How to tell those who wait for `settled` that it will never be. */
  readonly #waiting: ((error: StoreError) => void)[] = [];

  /** Commits what is queued; later writes throw. */
  async stop(): Promise<void> {
    await this.settled().catch(() => {});
    this.#isStopped = true;
  }

  #schedule(): void {
    if (this.#isScheduled || this.#isCommitting || this.#failure !== null) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(() => {
      this.#isScheduled = false;
      void this.#commit();
    });
  }

  async #commit(): Promise<void> {
    this.#isCommitting = true;
    while (this.#writes.length > 0 && this.#failure === null) {
      const writes = this.#writes;
      const durability = this.#durability;
      const afterwards = this.#afterwards;
      this.#writes = [];
      this.#durability = "written";
      this.#afterwards = [];
      try {
        await this.#store.commit(writes, durability);
      } catch (error) {
        this.#fail(error instanceof StoreError ? error : new StoreError(String(error), { cause: error }));
        return;
      }
      for (const run of afterwards) this.#run(run);
    }
    this.#isCommitting = false;
    const rest = this.#afterwards;
    this.#afterwards = [];
    for (const run of rest) this.#run(run);
  }

  #run(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.#onBug(error);
    }
  }

  #fail(error: StoreError): void {
    this.#failure = error;
    this.#isCommitting = false;
    this.#writes = [];
    this.#afterwards = [];
    for (const reject of this.#waiting.splice(0)) reject(error);
    this.#onFailure(error);
  }
}
