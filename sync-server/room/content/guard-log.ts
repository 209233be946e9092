/**
 * Stores what guard and authors must not forget: at each flush of the outbox what has changed, and now and then all
 * of it as one record.
 */
import type { Authors } from "../../guard/authors.ts";
import { writeRecord } from "../../guard/record.ts";
import type { Write } from "../../store/store.ts";
import type { Connection } from "../connection/connection.ts";
import type { OutboxSource } from "../connection/outbox.ts";
import type { HeldContent } from "./held-content.ts";

/** Bytes of changes from which on they are folded into one record, once they are as many as the last one had too. */
const FOLD_BYTES = 16 * 1024;

export class GuardLog implements OutboxSource {
  readonly #room: string;
  readonly #held: HeldContent;
  readonly #authors: Authors<Connection>;
  /** Size of the last record that held everything. */
  #recordBytes = 0;
  /** Size of all records since. */
  #changesBytes: number;

  /** @param storedBytes size of the records in the store. */
  constructor(room: string, held: HeldContent, authors: Authors<Connection>, storedBytes: number) {
    this.#room = room;
    this.#held = held;
    this.#authors = authors;
    this.#changesBytes = storedBytes;
  }

  takeWrite(): Write | null {
    const guard = this.#held.isOpen ? this.#held.guard : null;
    const guardChanges = guard?.takeChanges() ?? null;
    const authors = this.#authors.takeChanges();
    if (guardChanges === null && authors === null) return null;
    const changes = writeRecord({ guard: guardChanges, authors });
    this.#changesBytes += changes.byteLength;
    const whole = this.#changesBytes < Math.max(FOLD_BYTES, this.#recordBytes) ? null : this.#held.guard;
    // The guard's part of what is set aside is kept as it is.
    if (whole === null) return { type: "append-guard", room: this.#room, record: changes };
    const record = writeRecord({ guard: whole.encode(), authors: this.#authors.encode() });
    this.#recordBytes = record.byteLength;
    this.#changesBytes = 0;
    return { type: "replace-guard", room: this.#room, record };
  }
}
