/** The sync protocol of a room: what it asks of clients (SyncStep1). What it answers them is in feeds.ts. */
import * as Y from "yjs";
import type { Connection } from "../connection/connection.ts";
import { syncStep1Frame } from "../connection/messages.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { Answers } from "./answers.ts";
import type { HeldContent } from "./held-content.ts";

/** Where the ledger of the room is: its client id, and the clock after its last struct. */
type LedgerPosition = { readonly id: number; readonly clock: number };

export class Sync {
  readonly #held: HeldContent;
  readonly #outbox: Outbox;
  readonly #answers: Answers;
  readonly #session: { readonly ledger: LedgerPosition };
  /** Made once for all who connect while content and ledger stay the same. */
  #syncStep1: { readonly frame: Frame; readonly ledgerId: number; readonly ledgerClock: number } | null = null;

  constructor(held: HeldContent, session: { readonly ledger: LedgerPosition }, outbox: Outbox, answers: Answers) {
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
    const { id, clock } = this.#session.ledger;
    const made = this.#syncStep1;
    if (made !== null && made.ledgerId === id && made.ledgerClock === clock) return made.frame;
    const { guard } = this.#held;
    if (guard === null) return null;
    const stateVector = new Map(guard.held).set(id, clock);
    const frame = syncStep1Frame(Y.encodeStateVector(stateVector));
    this.#syncStep1 = { frame, ledgerId: id, ledgerClock: clock };
    return frame;
  }
}
