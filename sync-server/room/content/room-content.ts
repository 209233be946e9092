/** What a room needs of whatever holds its content: Yjs structs and deletes that the guard has accepted. */
import type { HeldStructs } from "../../guard/plan.ts";
import type { ScannedUpdate } from "../../update/scan.ts";
import type { Slice } from "../../update/slice.ts";

export interface RoomContent extends HeldStructs {
  /** Bytes that the content takes when it is written; after a compaction, the size by which a document is judged. */
  readonly bytes: number;
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
   * What a client with this state vector lacks, as Yjs updates to be applied in order; the deletes are complete.
   *
   * @throws MalformedError if the state vector cannot be read.
   */
  encodeSince(stateVector: Uint8Array): readonly [Uint8Array, ...Uint8Array[]];
  /** Makes what `encodeSince` will return, in slices; nothing may be added meanwhile. */
  prepareAnswer(stateVector: Uint8Array): Generator<undefined, void>;
  /**
   * Forgets what is deleted. Yields between slices of some milliseconds, in which updates may be added.
   *
   * @returns updates that replace all stored ones; the caller stores them at once.
   */
  compact(): Generator<undefined, readonly Uint8Array[]>;
  /** Releases what nobody has asked for since the last call. */
  evictCaches(): void;
}
