/** What all rooms of a relay share. */
import type { Clock } from "../../src/clock.ts";
import type { CommitProofs } from "../auth/commit-proof.ts";
import type { Limits } from "../config/limits.ts";
import type { Slices } from "./content/slices.ts";
import type { Journal } from "../store/journal.ts";
import type { AwarenessClock } from "./presence/awareness-clock.ts";

export type RoomContext = {
  readonly clock: Clock;
  readonly journal: Journal;
  /** Runs what takes long, for all rooms in turn. */
  readonly slices: Slices;
  /** Called with what was thrown while a message of a room was handled. */
  readonly failed: (room: string, error: unknown) => void;
  /** Called when a room's content is set aside, with what was thrown while it was used. */
  readonly contentSetAside: (room: string, error: unknown) => void;
  readonly awarenessClock: AwarenessClock;
  readonly limits: Limits;
  /** Default limit of the absence, ms. */
  readonly hostAbsenceMs: number;
  /** When this relay started. */
  readonly startedAt: number;
  /** Signs how many commits of content a room has. */
  readonly proofs: Pick<CommitProofs, "sign" | "verify">;
  /** Called with each deadline that is set (ms since the epoch). */
  readonly deadlineSet: (deadlineAt: number) => void;
};
