/** The sync protocol of a room: what it asks of clients (SyncStep1). What it answers them is in feeds.ts. */
import * as Y from "yjs";
import type { Connection } from "../connection/connection.ts";
import { syncStep1Frame } from "../connection/messages.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { Answers } from "./answers.ts";
import type { HeldContent } from "./held-content.ts";

/** Where a ledger of the room ends: its client id, and the clock after its last struct. */
type LedgerPosition = { readonly id: number; readonly clock: number };
type Ledgers = { readonly ledger: LedgerPosition; readonly formerLedgers: readonly LedgerPosition[] };

export class Sync {
  readonly #held: HeldContent;
  readonly #outbox: Outbox;
  readonly #answers: Answers;
  readonly #session: Ledgers;
  /** Made once for all who connect while content and ledger stay the same. */
  #syncStep1: { readonly frame: Frame; readonly ledgerId: number; readonly ledgerClock: number } | null = null;

  constructor(held: HeldContent, session: Ledgers, outbox: Outbox, answers: Answers) {
    this.#answers = answers;
    this.#held = held;
    this.#outbox = outbox;
    this.#session = session;
  }

  /** More content is held than before. */
  contentChanged(): void {
    this.#syncStep1 = null;
    this.#answers.contentChanged();
  }

  /** Asks a client for what the relay lacks. */
  requestMissing(connection: Connection): void {
    const frame = this.#makeSyncStep1();
    if (frame !== null) this.#outbox.send(connection, frame);
  }

  requestMissingFromAll(): void {
    const frame = this.#makeSyncStep1();
    if (frame !== null) this.#outbox.sendToAll(frame);
  }

  evictCaches(): void {
    this.#syncStep1 = null;
    this.#answers.evict();
  }

  /** `null` if the content is set aside. */
  #makeSyncStep1(): Frame | null {
    const { ledger, formerLedgers } = this.#session;
    const { id, clock } = ledger;
    const made = this.#syncStep1;
    if (made !== null && made.ledgerId === id && made.ledgerClock === clock) return made.frame;
    const { guard } = this.#held;
    if (guard === null) return null;
    const stateVector = new Map(guard.held).set(id, clock);
    // Clients may still hold these, and are not asked for what is dropped anyway.
    for (const former of formerLedgers) if (former.clock > 0) stateVector.set(former.id, former.clock);
    const frame = syncStep1Frame(Y.encodeStateVector(stateVector));
    this.#syncStep1 = { frame, ledgerId: id, ledgerClock: clock };
    return frame;
  }
}
