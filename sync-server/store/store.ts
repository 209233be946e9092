/**
 * What the relay keeps, and the interface of whatever keeps it. A store knows rooms as records and
 * bytes; it knows no Yjs, no socket and no lifecycle. Every store passes `test/sync-server/store/store-contract.ts`.
 */
import type { LifecycleState, StartMode } from "../../src/session/lifecycle.ts";

/** A room without its content. */
export type RoomRecord = {
  readonly room: string;
  /** Yjs client id under which the ledger stands; see docs/SPEC.md, S4. */
  readonly ledgerId: number;
  /** The ledger as one Yjs update (v1). */
  readonly ledger: Uint8Array;
  readonly start: StartMode;
  /** Limit of the absence in ms; `null`: the relay's default. */
  readonly hostAbsenceMs: number | null;
  /** State and absence. The store indexes live rooms and deadlines by it. */
  readonly state: LifecycleState;
};

export type StoredRoom = {
  readonly record: RoomRecord;
  /** Yjs updates (v1) in the order in which they were accepted; applied in that order they are the content. */
  readonly content: readonly Uint8Array[];
  /** What the guard keeps of the room: records in its own encoding, which together say it all. */
  readonly guard: readonly Uint8Array[];
};

export type Write =
  /** Makes or replaces the record; content stays. */
  | { readonly type: "put-room"; readonly record: RoomRecord }
  | { readonly type: "append-content"; readonly room: string; readonly update: Uint8Array }
  /** Replaces all content so far by one update that says the same. */
  | { readonly type: "replace-content"; readonly room: string; readonly update: Uint8Array }
  | { readonly type: "append-guard"; readonly room: string; readonly record: Uint8Array }
  /** Replaces all records of the guard so far by one that says the same. */
  | { readonly type: "replace-guard"; readonly room: string; readonly record: Uint8Array }
  /** A small value of the relay's own, such as where its awareness clocks stand. */
  | { readonly type: "put-meta"; readonly key: string; readonly value: string };

/**
 * How safe a commit must be before it resolves. `flushed`: survives a power cut (fsync).
 * `written`: survives the end of the process, by SIGKILL too.
 */
export type Durability = "flushed" | "written";

/** The store cannot do what it should: no space, no permission, a damaged file. The message names the file and the way out. */
export class StoreError extends Error {
  override name = "StoreError";
}

export interface Store {
  readRoom(room: string): Promise<StoredRoom | null>;
  /**
   * The records alone of live rooms without a deadline, or with one before `before` (ms since the epoch), in
   * batches of at most `batch`. They may be written meanwhile.
   */
  liveRooms(before: number, batch: number): AsyncIterable<readonly RoomRecord[]>;
  /** Names of live rooms whose deadline is at or before `now` (ms since the epoch), earliest first, at most `limit`. */
  dueRooms(now: number, limit: number): Promise<readonly string[]>;
  /** The earliest deadline of all live rooms, ms since the epoch. */
  earliestDeadline(): Promise<number | null>;
  readMeta(key: string): Promise<string | null>;
  /**
   * All writes, in order, or none. Commits are made one after the other: the caller awaits each
   * before the next.
   *
   * @throws StoreError; then nothing of the batch was kept.
   */
  commit(writes: readonly Write[], durability: Durability): Promise<void>;
  close(): Promise<void>;
}
