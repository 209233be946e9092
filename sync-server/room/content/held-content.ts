/** A room's content and its guard, made of what the store holds when they are first needed. */
import { Guard } from "../../guard/guard.ts";
import type { RoomContent } from "./room-content.ts";

/** As the store returned them, in order. */
type Stored = { readonly updates: readonly Uint8Array[]; readonly guardRecords: readonly Uint8Array[] };
type Opened = { readonly content: RoomContent; readonly guard: Guard };

export class HeldContent {
  readonly #makeContent: (updates: readonly Uint8Array[]) => RoomContent;
  /** Released once opened: content keeps what it needs of it. */
  #stored: Stored | null;
  #opened: Opened | null = null;

  constructor(stored: Stored, makeContent: (updates: readonly Uint8Array[]) => RoomContent) {
    this.#stored = stored;
    this.#makeContent = makeContent;
  }

  get isOpen(): boolean {
    return this.#opened !== null;
  }

  get content(): RoomContent {
    return this.#open().content;
  }

  get guard(): Guard {
    return this.#open().guard;
  }

  #open(): Opened {
    if (this.#opened === null) {
      const { updates, guardRecords } = this.#stored!;
      const content = this.#makeContent(updates);
      this.#opened = { content, guard: new Guard(content.stateVector(), guardRecords) };
      this.#stored = null;
    }
    return this.#opened;
  }
}
