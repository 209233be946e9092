/** Compacts a room's content in slices when that is worth it, and has the result stored. */
import type { Outbox } from "../connection/outbox.ts";
import type { SlicedWork, Slices } from "./slices.ts";
import type { HeldContent } from "./held-content.ts";

/** Content of at most so many bytes is compacted at once when its room leaves memory: some 20 ms if all is tiny. */
const COMPACTED_AT_ONCE_BYTES = 256 * 1024;

export type CompactorOptions = {
  /** The room's name. */
  readonly room: string;
  readonly held: HeldContent;
  readonly outbox: Outbox;
  readonly slices: Slices;
};

export class Compactor {
  readonly #options: CompactorOptions;
  #isRunning = false;
  #isStopped = false;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Called after each change of the content. */
  runIfWorthIt(): void {
    const { held, slices } = this.#options;
    if (this.#isRunning || held.content?.isWorthCompacting !== true) return;
    this.#isRunning = true;
    slices.run(this.#work());
  }

  /** The room is about to leave memory: compacts small content now, and stops what is going on. */
  prepareUnload(): void {
    const { held } = this.#options;
    this.#isStopped = true;
    const content = held.isOpen ? held.content : null;
    if (content?.isWorthCompactingBeforeUnload !== true || content.bytes > COMPACTED_AT_ONCE_BYTES) return;
    this.#store(held.use((each) => finish(each.compact())));
  }

  *#work(): SlicedWork {
    const { held } = this.#options;
    const work = held.use((content) => content.compact());
    for (;;) {
      if (this.#isStopped || work === null) break;
      const result = held.use(() => work.next());
      if (result === null) break;
      if (result.done === true) {
        this.#store(result.value);
        break;
      }
      yield;
    }
    this.#isRunning = false;
  }

  #store(updates: readonly Uint8Array[] | null): void {
    const { outbox, room } = this.#options;
    if (updates !== null) outbox.store({ type: "replace-content", room, updates });
  }
}

const finish = <T>(work: Generator<undefined, T>): T => {
  for (;;) {
    const result = work.next();
    if (result.done === true) return result.value;
  }
};
