/** What a room needs of whatever holds its content: Yjs structs and deletes that the guard has accepted. */
import type { ContentSource } from "./answers.ts";

export interface RoomContent extends ContentSource {
  /** Bytes that the content takes in the store, at most. */
  readonly bytes: number;
  /** Adds an accepted update; it refers only to what is held. */
  add(update: Uint8Array): void;
  /** For each client id the clock after its last struct. */
  stateVector(): Map<number, number>;
  /**
   * What a client with this state vector lacks, as Yjs updates to be applied in order; the deletes are complete.
   *
   * @throws MalformedError if the state vector cannot be read.
   */
  encodeSince(stateVector: Uint8Array): readonly [Uint8Array, ...Uint8Array[]];
  /** Whether all of a range of held structs is deleted already. */
  isDeleted(client: number, clock: number, length: number): boolean;
  /** Whether a held struct is the value of a map's key. */
  isEntry(client: number, clock: number): boolean;
  /** One update that replaces all stored ones, if they have grown enough; `null` if not. The caller stores it. */
  foldIfLong(): Uint8Array | null;
  /** The same for a room that is about to leave memory. */
  foldBeforeUnload(): Uint8Array | null;
  /** Releases what nobody has asked for since the last call. */
  evictCaches(): void;
}
