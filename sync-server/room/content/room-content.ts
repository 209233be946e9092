/** What a room needs of whatever holds its content: Yjs structs and deletes that the guard has accepted. */
import type { ContentSource } from "./answers.ts";
import type { HeldStructs } from "../../guard/admit-result.ts";
import type { ScannedUpdate } from "../../update/scan.ts";
import type { Slice } from "../../update/slice.ts";

export interface RoomContent extends HeldStructs, ContentSource {
  /** Bytes that the content takes when it is written; after a compaction, the size by which a document is judged. */
  readonly bytes: number;
  /** Whether an update is being added in slices: it may be forwarded already, and not be in an answer yet. */
  readonly isAdding: boolean;
  /** Whether anything was added since the last compaction began. */
  readonly hasChanged: boolean;
  /** Whether enough was appended to be worth a compaction. */
  readonly isWorthCompacting: boolean;
  /** The same for a room that is about to leave memory. */
  readonly isWorthCompactingBeforeUnload: boolean;
  /**
   * Adds an accepted update; it refers only to what is held.
   *
   * @param scanned the update as it was scanned, if it was.
   */
  add(update: Uint8Array, scanned?: ScannedUpdate | null): void;
  /** The same in slices. */
  addSlices(update: Uint8Array, scanned: ScannedUpdate | null, slice: Slice): Generator<undefined, void>;
  /** For each client id the clock after its last struct. */
  stateVector(): Map<number, number>;
  /**
   * Forgets what is deleted. Yields between slices of some milliseconds, in which updates may be added.
   *
   * @returns updates that replace all stored ones; the caller stores them at once.
   */
  compact(): Generator<undefined, readonly Uint8Array[]>;
}
