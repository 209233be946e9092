/** A store in memory whose commits a test can hold back, let fail, and look at. */
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { StoreError } from "../../../sync-server/store/store.ts";
import type { Durability, Write } from "../../../sync-server/store/store.ts";

export class GatedStore extends MemoryStore {
  /** What was committed, or waits for it, in order. */
  readonly commits: { readonly writes: readonly Write[]; readonly durability: Durability }[] = [];
  #gate: Promise<void> | null = null;
  #open: (() => void) | null = null;
  #failure: StoreError | null = null;

  /** From now on commits wait. */
  hold(): void {
    this.#gate = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  /** The commits that wait go on, and the later ones wait no more. */
  release(): void {
    this.#open?.();
    this.#gate = null;
  }

  /** From now on every commit fails. */
  fail(message: string): void {
    this.#failure = new StoreError(message);
  }

  override async commit(writes: readonly Write[], durability: Durability = "written"): Promise<void> {
    this.commits.push({ writes, durability });
    await this.#gate;
    if (this.#failure !== null) throw this.#failure;
    await super.commit(writes);
  }
}
