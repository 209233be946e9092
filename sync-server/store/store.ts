/**
 * What the relay stores, and the interface of every store. A store sees rooms as records and bytes, and knows nothing of
 * Yjs, sockets or the lifecycle. Every store must pass `test/sync-server/store/store-contract.ts`.
 */
import type { LifecycleState, StartMode } from "../../src/session/lifecycle.ts";

/** A room without its content. */
export type RoomRecord = {
  readonly room: string;
  /** The Yjs client id of the ledger; see docs/SPEC.md, S4. */
  readonly ledgerId: number;
  /** The ledger as one Yjs update (v1). */
  readonly ledger: Uint8Array;
  /** Client ids that earlier ledgers of the room had, with the clock after their last struct. */
  readonly formerLedgers: readonly { readonly id: number; readonly clock: number }[];
  /** Until when clients may bring what the store has lost, ms since the epoch; 0: it has lost nothing. */
  readonly recoversUntil: number;
  readonly start: StartMode;
  /** `null`: the relay's default. */
  readonly hostAbsenceMs: number | null;
  /** Stores index live rooms and deadlines by it. */
  readonly state: LifecycleState;
};

export type StoredRoom = {
  readonly record: RoomRecord;
  /** Yjs updates (v1); applied in this order they make up the content. None if it is set aside. */
  readonly content: readonly Uint8Array[];
  /** How often content was appended, since the room was made. */
  readonly contentCount: number;
  /** Whether the content is kept for inspection alone, because serving it failed. */
  readonly isContentSetAside: boolean;
  /** The guard's records of the room, in its own encoding, in the order in which they were made. */
  readonly guard: readonly Uint8Array[];
};

export type Write =
  /** Makes or replaces the record; the content is not changed. */
  | { readonly type: "put-room"; readonly record: RoomRecord }
  /** Appends one update, however large, and counts it. */
  | { readonly type: "append-content"; readonly room: string; readonly update: Uint8Array }
  /** Replaces all content so far by equivalent updates; the count stays. */
  | { readonly type: "replace-content"; readonly room: string; readonly updates: readonly Uint8Array[] }
  /** From now on the content is kept as it is, and not read any more. */
  | { readonly type: "set-content-aside"; readonly room: string }
  | { readonly type: "append-guard"; readonly room: string; readonly record: Uint8Array }
  /** Replaces all records of the guard so far by one equivalent record. */
  | { readonly type: "replace-guard"; readonly room: string; readonly record: Uint8Array }
  /** A small value of the relay itself, such as the start of its awareness clocks. */
  | { readonly type: "put-meta"; readonly key: string; readonly value: string };

/**
 * How safe a commit must be before it resolves. `flushed`: survives a power cut (fsync).
 * `written`: survives the end of the process, by SIGKILL too.
 */
export type Durability = "flushed" | "written";

/** The store failed: no space, no permission, a damaged file. The message names the file and says what to do. */
export class StoreError extends Error {
  override name = "StoreError";
}

export interface Store {
  readRoom(room: string): Promise<StoredRoom | null>;
  /**
   * The records, without content, of live rooms that have no deadline or one before `before` (ms since the epoch), in
   * batches of at most `batch`. Rooms may be written meanwhile.
   */
  liveRooms(before: number, batch: number): AsyncIterable<readonly RoomRecord[]>;
  /** Names of live rooms whose deadline is at or before `now` (ms since the epoch), earliest first, at most `limit`. */
  dueRooms(now: number, limit: number): Promise<readonly string[]>;
  /** The earliest deadline of all live rooms, ms since the epoch. */
  earliestDeadline(): Promise<number | null>;
  readMeta(key: string): Promise<string | null>;
  /**
   * Stores all writes, in order, or none. The caller awaits each commit before the next.
   *
   * @throws StoreError; then nothing of the batch was stored.
   */
  commit(writes: readonly Write[], durability: Durability): Promise<void>;
  close(): Promise<void>;
}
