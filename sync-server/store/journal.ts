/**
 * The relay's one ordered queue of writes, and of what is to be done after their commit. Everything that is sent is
 * sent from `afterCommit`, so that no crash takes back anything that anybody was sent (docs/SPEC.md, W8). What
 * is queued within one turn of the event loop is committed together; during a commit the next batch gathers.
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
  #afterCommit: (() => void)[] = [];
  /** What is to be called before the next commit. */
  #gatherers: (() => void)[] = [];
  /** Rejects the promises of `settled` that are pending. */
  readonly #waiting = new Set<(error: StoreError) => void>();
  /** A batch is being committed, or its `afterCommit` callbacks run. */
  #isBusy = false;
  #isScheduled = false;
  #isStopped = false;
  #failure: StoreError | null = null;

  /**
   * @param onFailure called once, when a commit fails: from then on nothing is written and no callback runs.
   * @param onBug called with whatever a callback threw; the callbacks after it still run.
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
   * whole batch. After a failed commit writes are dropped, and so is what was to follow them.
   *
   * @throws Error after `stop`: such a write would be lost silently.
   */
  write(write: Write, durability: Durability): void {
    if (this.#failure !== null) return;
    if (this.#isStopped) throw new Error("the journal was stopped: nothing can be written any more");
    this.#writes.push(write);
    if (durability === "flushed") this.#durability = "flushed";
    this.#schedule();
  }

  /**
   * Calls `run` once everything written so far is committed and all callbacks before it have run; at once if that is
   * so already. Never after a failed commit.
   */
  afterCommit(run: () => void): void {
    if (this.#failure !== null) return;
    if (this.#isIdle) this.#run(run);
    else this.#afterCommit.push(run);
  }

  /** Calls `gather` at the end of this turn, before the commit, which includes what it writes. */
  beforeCommit(gather: () => void): void {
    if (this.#failure !== null) return;
    this.#gatherers.push(gather);
    this.#schedule();
  }

  /** Resolves when everything queued so far is committed and all callbacks have run. @throws StoreError if that failed. */
  settled(): Promise<void> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#gather();
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      this.#afterCommit.push(() => {
        this.#waiting.delete(reject);
        resolve();
      });
    });
  }

  /** Commits what is queued, and what that leads to; later writes throw. Never rejects: failures go to `onFailure`. */
  async stop(): Promise<void> {
    while (!this.#isIdle && this.#failure === null) await this.settled().catch(() => {});
    this.#isStopped = true;
  }

  get #isIdle(): boolean {
    return !this.#isBusy && this.#isEmpty;
  }

  get #isEmpty(): boolean {
    return this.#writes.length === 0 && this.#afterCommit.length === 0 && this.#gatherers.length === 0;
  }

  #schedule(): void {
    // During a commit, the loop in `#work` goes on with what was queued meanwhile.
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
      const afterCommit = this.#afterCommit;
      this.#writes = [];
      this.#durability = "written";
      this.#afterCommit = [];
      try {
        if (writes.length > 0) await this.#store.commit(writes, durability);
      } catch (error) {
        this.#fail(error instanceof StoreError ? error : new StoreError(String(error), { cause: error }));
        return;
      }
      for (const run of afterCommit) this.#run(run);
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
    this.#afterCommit = [];
    this.#gatherers = [];
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
    this.#onFailure(error);
  }
}
