/** What the HTTP calls need of the rooms; `rooms.ts` implements it. */
import type { StartMode } from "../../src/session/lifecycle.ts";
import type { EndReason, PersonRef, SessionEnd } from "../../src/session/session.ts";

/** A room as HTTP calls return it; all times in ms since the epoch. */
export type RoomDescription = {
  readonly room: string;
  readonly status: "waiting" | "live" | "ended";
  readonly run: number;
  readonly startedAt: number | null;
  readonly ended: SessionEnd | null;
  /** Persons present, not connections. */
  readonly hosts: number;
  readonly participants: number;
  readonly absentSince: number | null;
  readonly endsAt: number | null;
};

export interface RoomService {
  /** Creates a room durably; `null` if it exists. */
  create(
    room: string,
    options: { readonly start: StartMode; readonly hostAbsenceMs: number | null },
  ): Promise<RoomDescription | null>;
  /** `null` if there is no such room. */
  describe(room: string): Promise<RoomDescription | null>;
  /** Idempotent; `run`: the run that the caller saw. "unknown-run" if the room has not reached it. */
  start(room: string, run: number | undefined): Promise<RoomDescription | "unknown-run" | null>;
  end(
    room: string,
    run: number | undefined,
    reason: EndReason,
    by: PersonRef | null,
  ): Promise<RoomDescription | "unknown-run" | null>;
}
