/** Compacts a room's content in slices when that is worth it, and has the result stored. */
import type { Clock } from "../../../src/clock.ts";
import { finish } from "../../update/slice.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { SlicedWork, Slices } from "./slices.ts";
import type { HeldContent } from "./held-content.ts";

/** Content of at most so many bytes is compacted at once when its room leaves memory: some 20 ms if all is tiny. */
const COMPACTED_AT_ONCE_BYTES = 256 * 1024;

/** How long a client has to answer before a compaction, in ms. */
const ANSWER_MS = 1_000;
/** Time between two compactions of content that is too large, in ms: it may hold nothing that can be forgotten. */
const PAUSE_MS = 2_000;

export type CompactorOptions = {
  /** The room's name. */
  readonly room: string;
  readonly held: HeldContent;
  readonly outbox: Outbox;
  readonly slices: Slices;
  readonly clock: Pick<Clock, "now">;
  /** Asks one client for what the relay lacks. */
  readonly askSomebody: () => void;
};

export class Compactor {
  readonly #options: CompactorOptions;
  #isRunning = false;
  #isStopped = false;
  /** When a client was asked for its deletes, ms since the epoch; `null`: not yet. */
  #askedAt: number | null = null;
  /** When the last compaction ended, ms since the epoch. */
  #endedAt = -Infinity;

  constructor(options: CompactorOptions) {
    this.#options = options;
  }

  /** Called after each change of the content. */
  contentAppended(): void {
    const { held, slices, clock, askSomebody } = this.#options;
    if (this.#isRunning || held.content?.isWorthCompacting !== true) return;
    // Yjs deletes the losers among concurrent values of a key without a message; a client's SyncStep2 holds them.
    if (this.#askedAt === null) {
      this.#askedAt = clock.now();
      askSomebody();
      return;
    }
    if (clock.now() < this.#askedAt + ANSWER_MS) return;
    this.#askedAt = null;
    this.#isRunning = true;
    slices.run(this.#work());
  }

  /** Compacts content that is too large, if that was not done just before. */
  *compactIfItHelps(): SlicedWork {
    const { held, clock } = this.#options;
    while (this.#isRunning) yield;
    if (held.content?.hasChanged !== true || clock.now() < this.#endedAt + PAUSE_MS) return;
    this.#isRunning = true;
    yield* this.#work();
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
    this.#endedAt = this.#options.clock.now();
  }

  #store(updates: readonly Uint8Array[] | null): void {
    const { outbox, room } = this.#options;
    if (updates !== null) outbox.store({ type: "replace-content", room, updates });
  }
}
