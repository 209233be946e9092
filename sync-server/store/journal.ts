/**
 * The relay's one ordered queue of what is to be kept and what is to be told. Whatever anybody is
 * told is told from `afterwards`, so nobody is told anything that a crash could take back
 * (docs/SPEC.md, W8). What arrives within one turn of the loop is committed together, and while a
 * commit is under way the next batch gathers.
 */
import type { Clock } from "../../src/clock.ts";
import { StoreError } from "./store.ts";
import type { Durability, Store, Write } from "./store.ts";

export class Journal {
  readonly #store: Pick<Store, "commit">;
  readonly #clock: Pick<Clock, "afterTurn">;
  readonly #onFailure: (error: StoreError) => void;
  readonly #onBug: (error: unknown) => void;

  #writes: Write[] = [];
  #durability: Durability = "written";
  /** What is to be done once `#writes`, and all before, are committed. */
  #afterwards: (() => void)[] = [];
  /** Who has gathered something to write and to tell. */
  #gatherers: (() => void)[] = [];
  /** How to tell those who wait for `settled` that it will never be. */
  readonly #waiting = new Set<(error: StoreError) => void>();
  /** A batch is being committed, or told of. */
  #isBusy = false;
  #isScheduled = false;
  #isStopped = false;
  #failure: StoreError | null = null;

  /**
   * @param onFailure told once, when a commit fails: from then on nothing is kept and nothing is told.
   * @param onBug told of whatever a callback threw; the callbacks behind it still run.
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

  /**
   * Queues a write for the commit at the end of this turn; one that asks for fsync gets it for the
   * whole batch. After a failed commit writes are dropped: nobody is told of them either.
   *
   * @throws Error after `stop`: such a write would be lost without a word.
   */
  write(write: Write, durability: Durability): void {
    if (this.#failure !== null) return;
    if (this.#isStopped) throw new Error("the journal was stopped: nothing can be written any more");
    this.#writes.push(write);
    if (durability === "flushed") this.#durability = "flushed";
    this.#schedule();
  }

  /**
   * Does something once everything written so far is committed, and everything that was to be done
   * before it is done; at once if that is so. Never after a failed commit.
   */
  afterwards(run: () => void): void {
    if (this.#failure !== null) return;
    if (this.#isIdle) this.#run(run);
    else this.#afterwards.push(run);
  }

  /** Calls `gather` at the end of this turn, before the commit: what it writes is in that, what it tells comes after it. */
  beforeCommit(gather: () => void): void {
    if (this.#failure !== null) return;
    this.#gatherers.push(gather);
    this.#schedule();
  }

  /** Resolves when everything queued so far is committed and told. @throws StoreError if that failed. */
  settled(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#gather();
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#afterwards.push(() => {
        this.#waiting.delete(reject);
        resolve();
      });
    });
  }

  /** Commits what is queued, and what comes of it; later writes throw. Never rejects: `onFailure` tells of a failure. */
  async stop(): Promise<void> {
    while (!this.#isIdle && this.#failure === null) await this.settled().catch(() => {});
    this.#isStopped = true;
  }

  get #isIdle(): boolean {
    return !this.#isBusy && this.#isEmpty;
  }

  get #isEmpty(): boolean {
    return this.#writes.length === 0 && this.#afterwards.length === 0 && this.#gatherers.length === 0;
  }

  #schedule(): void {
    // While a batch is on its way, the loop in `#work` takes up what has gathered.
    if (this.#isScheduled || this.#isBusy) return;
    this.#isScheduled = true;
    this.#clock.afterTurn(() => {
      this.#isScheduled = false;
      void this.#work();
    });
  }

  async #work(): Promise<void> {
    this.#isBusy = true;
    while (!this.#isEmpty) {
      this.#gather();
      const writes = this.#writes;
      const durability = this.#durability;
      const afterwards = this.#afterwards;
      this.#writes = [];
      this.#durability = "written";
      this.#afterwards = [];
      try {
        if (writes.length > 0) await this.#store.commit(writes, durability);
      } catch (error) {
        this.#fail(error instanceof StoreError ? error : new StoreError(String(error), { cause: error }));
        return;
      }
      for (const run of afterwards) this.#run(run);
    }
    this.#isBusy = false;
  }

  #gather(): void {
    const gatherers = this.#gatherers;
    this.#gatherers = [];
    for (const gather of gatherers) this.#run(gather);
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
    this.#isBusy = false;
    this.#writes = [];
    this.#afterwards = [];
    this.#gatherers = [];
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#onFailure(error);
  }
}
