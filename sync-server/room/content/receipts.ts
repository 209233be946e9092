/** What the intake reports of each sync message (SyncStep2 and Update), for its sender to be sent. */
import type { ForbiddenCode } from "../../guard/plan.ts";
import type { Connection } from "../connection/connection.ts";

/** Why something of a client's own is refused for good. */
export type RefusedCode = ForbiddenCode | "document-full" | "other-author";

export interface Receipts {
  /**
   * A message has come.
   *
   * @param isComplete whether it is a SyncStep2, which holds everything that the relay lacks.
   * @returns its number.
   */
  received(connection: Connection, isComplete: boolean): number;
  /** All of a message is handed over to be stored, is held already, or is refused. Until then, it waits. */
  settled(connection: Connection, n: number): void;
  /** Something of a message was dropped, but not for good: a later SyncStep2 may bring it. */
  withheld(connection: Connection, n: number): void;
  refused(connection: Connection, n: number, code: RefusedCode): void;
}

/** Reports nothing. */
export const NO_RECEIPTS: Receipts = {
  received: () => 0,
  settled: () => {},
  withheld: () => {},
  refused: () => {},
};
