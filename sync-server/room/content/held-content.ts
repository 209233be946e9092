/**
 * A room's content and its guard, made of what the store holds when they are first needed. Whatever throws while the
 * content is used sets it aside: the room goes on without it, and its bytes are kept for inspection.
 */
import { Guard } from "../../guard/guard.ts";
import { finish, newSlice, UNSLICED } from "../../update/slice.ts";
import type { Slice } from "../../update/slice.ts";
import type { RoomContent } from "./room-content.ts";
import type { SlicedWork } from "./slices.ts";

/** Content of at most so many bytes is made when it is first needed. */
const OPENED_AT_ONCE_BYTES = 64 * 1024;

/** As the store returned them, in order. */
type Stored = { readonly updates: readonly Uint8Array[]; readonly guardRecords: readonly Uint8Array[] };
type Opened = { readonly content: RoomContent; readonly guard: Guard };

/** What changes nothing, so that a throw leaves the content as it was. */
type ReadOnly =
  | "bytes"
  | "hasChanged"
  | "isAdding"
  | "isDeleted"
  | "parentOf"
  | "isWorthCompacting"
  | "isWorthCompactingBeforeUnload";

export type HeldContentOptions = {
  readonly stored: Stored;
  /** Whether it was set aside before. */
  readonly isSetAside: boolean;
  /** Whether a client id is or was one of the room's ledgers'. */
  readonly isReserved: (client: number) => boolean;
  /** Makes content of what is stored, in slices. */
  readonly makeContent: (updates: readonly Uint8Array[], slice: Slice) => Generator<undefined, RoomContent>;
  /** Called once, with what was thrown. */
  readonly onSetAside: (error: unknown) => void;
};

export class HeldContent {
  readonly #options: HeldContentOptions;
  /** Released once opened: content keeps what it needs of it. */
  #stored: Stored | null;
  #opened: Opened | null = null;
  #isSetAside: boolean;

  constructor(options: HeldContentOptions) {
    this.#options = options;
    this.#stored = options.stored;
    this.#isSetAside = options.isSetAside;
  }

  /** Whether it failed, so that nothing is served or accepted any more. */
  get isSetAside(): boolean {
    return this.#isSetAside;
  }

  get isOpen(): boolean {
    return this.#opened !== null;
  }

  /** For what changes nothing of them; `null` if the content is set aside. */
  get guard(): Guard | null {
    return this.#open()?.guard ?? null;
  }

  get content(): Pick<RoomContent, ReadOnly> | null {
    return this.#open()?.content ?? null;
  }

  /** Does something with the content; a throw sets it aside. @returns `null` if it is set aside. */
  use<T>(act: (content: RoomContent, guard: Guard) => T): T | null {
    const opened = this.#open();
    if (opened === null) return null;
    try {
      return act(opened.content, opened.guard);
    } catch (error) {
      this.#setAside(error);
      return null;
    }
  }

  /** Whether it is large and not made yet, so that `load` is worth it. */
  get isWorthLoading(): boolean {
    const updates = this.#stored?.updates ?? [];
    return updates.reduce((sum, { byteLength }) => sum + byteLength, 0) > OPENED_AT_ONCE_BYTES;
  }

  /** Makes large content ready in slices, before it is needed at once. */
  *load(): SlicedWork {
    if (this.#stored === null) return;
    try {
      const content = yield* this.#options.makeContent(this.#stored.updates, newSlice());
      // Somebody may have needed it meanwhile.
      if (this.#opened === null && !this.#isSetAside) this.#finish(content);
    } catch (error) {
      this.#setAside(error);
    }
  }

  #open(): Opened | null {
    if (this.#isSetAside || this.#opened !== null) return this.#opened;
    try {
      this.#finish(finish(this.#options.makeContent(this.#stored!.updates, UNSLICED)));
    } catch (error) {
      this.#setAside(error);
    }
    return this.#opened;
  }

  #finish(content: RoomContent): void {
    const { guardRecords } = this.#stored!;
    this.#opened = { content, guard: new Guard(content.stateVector(), guardRecords, this.#options.isReserved) };
    this.#stored = null;
  }

  #setAside(error: unknown): void {
    this.#isSetAside = true;
    this.#opened = null;
    this.#stored = null;
    this.#options.onSetAside(error);
  }
}
