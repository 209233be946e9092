/** What the intake reports of each sync message (SyncStep2 and Update), for its sender to be sent. */
import type { ForbiddenCode } from "../../guard/plan.ts";
import type { Connection } from "../connection/connection.ts";

/** Why something of a message is refused for good. */
export type RefusedCode = ForbiddenCode | "document-full" | "other-author";

export interface Receipts {
  /** A message has come. @returns its number among those of its connection, from 1. */
  received(connection: Connection): number;
  /** All of a message is handed over to be stored, held already, or refused; what was stored is committed later. */
  settled(connection: Connection, n: number): void;
  /** Something of a message is refused for good. */
  refused(connection: Connection, n: number, code: RefusedCode): void;
  /** Something of a message waits for what it refers to; it is settled later, or with a later SyncStep2. */
  withheld(connection: Connection, n: number): void;
}

/** Reports nothing. */
export const NO_RECEIPTS: Receipts = {
  received: () => 0,
  settled: () => {},
  refused: () => {},
  withheld: () => {},
};
