/** What the guard is asked of an update, and what it answers. */
import type { Parent } from "../struct-store/struct-store.ts";
import type { ScannedUpdate } from "../update/scan.ts";

/** An id that some part of an update waits for. */
export type Missing = { readonly client: number; readonly clock: number };

/** Structs of one client that wait for something: where their bytes stand in the update, and where they begin. */
export type WaitingStructs = {
  readonly client: number;
  readonly start: number;
  readonly end: number;
  readonly clock: number;
  readonly missing: Missing;
};

/** A range of deletes that waits for its last id. */
export type WaitingDelete = { readonly client: number; readonly clock: number; readonly length: number };

/** Why structs are forbidden. */
export type ForbiddenCode = "forbidden" | "too-deep";

/** What the guard asks of the content that is held. */
export interface HeldStructs {
  /** Whether all of a range is known to be deleted. */
  isDeleted(client: number, clock: number, length: number): boolean;
  /** Where a held id lies; `null` for GC and what is not held. */
  parentOf(client: number, clock: number): Parent | null;
}

export type AdmitOptions = {
  /**
   * Whether the sender may write under a client id; asked at most once for each client, when the update holds
   * something new of it. Without it everybody may.
   */
  readonly mayWrite?: (client: number) => boolean;
  /** Without it, nothing is known of what is held but the clocks. */
  readonly content?: HeldStructs;
  /** Whether structs may be added. Without that, only deletes are taken, and every client with something new is blocked. */
  readonly isFull?: boolean;
};

/** What becomes of an update. */
export type AdmitResult = {
  /** What is new and allowed: to be stored and forwarded. `null`: nothing. */
  readonly accepted: Uint8Array | null;
  /** The same as it was scanned, if that is so. */
  readonly scanned: ScannedUpdate | null;
  /** The parts that wait. */
  readonly waitingStructs: readonly WaitingStructs[];
  readonly waitingDeletes: readonly WaitingDelete[];
  /** Client ids of which new structs are accepted. */
  readonly written: readonly number[];
  /** Client ids of which new structs are left out because the sender may not write under them. */
  readonly blocked: readonly number[];
  /** Client ids of which structs are accepted as GC structs only, and why. */
  readonly forbidden: ReadonlyMap<number, ForbiddenCode>;
  /** How many structs and deletes are new to the relay. */
  readonly count: number;
};
