/** The oracle's model of one room, and how it reads records and sessions. */
import * as Y from "yjs";
import type { Session } from "../../src/session/session.ts";
import type { Claims } from "../../sync-server/auth/tokens.ts";
import type { RoomRecord } from "../../sync-server/store/store.ts";
import type { ServerSocket } from "./sockets.ts";

export type Connection = {
  readonly claims: Claims;
  readonly speaksSession: boolean;
  inRun: boolean;
  /** How many SyncStep2 and Updates it has sent, and the clocks up to which each Update reaches. */
  syncMessages: number;
  updates: { readonly n: number; readonly upTo: ReadonlyMap<number, number> }[];
  /** The relay has started to close it, and no longer counts it. */
  isClosing: boolean;
};

/** The expected state of one room. */
export type RoomModel = {
  readonly name: string;
  readonly hostAbsenceMs: number;
  readonly connections: Map<ServerSocket, Connection>;
  status: "unknown" | "waiting" | "live" | "ended";
  run: number;
  /** Deadline of the current absence, ms since the epoch. */
  deadlineAt: number | null;
  /** All deadlines that each run has had. */
  readonly deadlines: Map<number, Set<number>>;
  /** `rankOf` the last state on the disk. */
  rank: number;
  ledgerId: number | null;
  /** How often the ledger got another id. */
  renewals: number;
  /** The deadline on the disk when the relay started. */
  storedDeadlineAt: number | null;
  hadHost: boolean;
};

/** Numbers the states of a session in the order in which they may follow each other. */
export const rankOf = (run: number, isEnded: boolean): number => run * 2 + (isEnded ? 1 : 0);
export const rankOfSession = (session: Session): number => rankOf(session.run, session.status === "ended");
export const rankOfRecord = ({ state }: RoomRecord): number => rankOf(state.run, state.status === "ended");
export const deadlineOf = ({ state }: RoomRecord): number | null =>
  state.status === "live" ? (state.absence?.deadlineAt ?? null) : null;

const ledgerClocks = new WeakMap<Uint8Array, number>();
/** The ledger's next clock. */
export const ledgerClockOf = ({ ledger, ledgerId }: RoomRecord): number => {
  let clock = ledgerClocks.get(ledger);
  if (clock === undefined) ledgerClocks.set(ledger, (clock = Y.parseUpdateMeta(ledger).to.get(ledgerId) ?? 0));
  return clock;
};

/** The clock after the last struct of one of a room's ledgers, the present or a former one; 0 if it has no such ledger. */
export const clockOfLedger = (record: RoomRecord, id: number): number =>
  id === record.ledgerId ? ledgerClockOf(record) : (record.formerLedgers.find((each) => each.id === id)?.clock ?? 0);

/** The relay's own description of a room, as for operators. */
export type RelayView = {
  readonly status: "waiting" | "live" | "ended";
  readonly run: number;
  readonly endsAt: number | null;
  readonly ended: { readonly reason: string } | null;
};
