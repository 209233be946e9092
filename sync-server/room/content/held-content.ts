/**
 * A room's content and its guard, made of what the store holds when they are first needed. Whatever throws while the
 * content is used sets it aside: the room goes on without it, and its bytes are kept for inspection.
 */
import { Guard } from "../../guard/guard.ts";
import type { RoomContent } from "./room-content.ts";

/** As the store returned them, in order. */
type Stored = { readonly updates: readonly Uint8Array[]; readonly guardRecords: readonly Uint8Array[] };
type Opened = { readonly content: RoomContent; readonly guard: Guard };

/** What changes nothing, so that a throw leaves the content as it was. */
type ReadOnly =
  | "bytes"
  | "hasChanged"
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
  readonly makeContent: (updates: readonly Uint8Array[]) => RoomContent;
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

  #open(): Opened | null {
    if (this.#isSetAside) return null;
    if (this.#opened !== null) return this.#opened;
    try {
      const { updates, guardRecords } = this.#stored!;
      const content = this.#options.makeContent(updates);
      this.#opened = { content, guard: new Guard(content.stateVector(), guardRecords, this.#options.isReserved) };
    } catch (error) {
      this.#setAside(error);
    }
    this.#stored = null;
    return this.#opened;
  }

  #setAside(error: unknown): void {
    this.#isSetAside = true;
    this.#opened = null;
    this.#options.onSetAside(error);
  }
}
