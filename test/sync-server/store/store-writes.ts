/** Records and writes for the tests of the stores; free of the test runner, since processes use them too. */
import type { LifecycleState } from "../../../src/session/lifecycle.ts";
import type { RoomRecord, Write } from "../../../sync-server/store/store.ts";

export const START_AT = 1_700_000_000_000;

export const live = (deadlineAt: number | null = null): LifecycleState => ({
  status: "live",
  run: 3,
  startedAt: START_AT,
  absence: deadlineAt === null ? null : { since: START_AT + 5, deadlineAt },
});

export const ENDED: LifecycleState = {
  status: "ended",
  run: 2,
  startedAt: START_AT,
  ended: { at: START_AT + 9, reason: "host-ended", by: { id: "u1", name: 'Ada "A" \u{1F600}' } },
};

export const record = (room: string, state: LifecycleState = live(), more: Partial<RoomRecord> = {}): RoomRecord => ({
  room,
  ledgerId: START_AT,
  ledger: Uint8Array.of(0, 1, 255),
  formerLedgers: [],
  recoversUntil: 0,
  start: "auto",
  hostAbsenceMs: null,
  state,
  ...more,
});

export const putRoom = (...args: Parameters<typeof record>): Write => ({ type: "put-room", record: record(...args) });
export const append = (room: string, ...bytes: number[]): Write => ({
  type: "append-content",
  room,
  update: Uint8Array.from(bytes),
});
