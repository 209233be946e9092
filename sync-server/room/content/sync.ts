/** The sync protocol of a room: what it asks of clients (SyncStep1), and what it answers them. */
import * as Y from "yjs";
import type { Connection } from "../connection/connection.ts";
import { syncStep1Frame } from "../connection/messages.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { HeldContent } from "./held-content.ts";
import type { SlicedWork } from "./slices.ts";

/** Where the ledger of the room is: its client id, and the clock after its last struct. */
type LedgerPosition = { readonly id: number; readonly clock: number };

/** Answers from content of at most so many bytes are made at once. */
const ANSWERED_AT_ONCE_BYTES = 128 * 1024;

export class Sync {
  readonly #held: HeldContent;
  readonly #outbox: Outbox;
  readonly #session: { readonly ledger: LedgerPosition };
  /** Made once for all who connect while content and ledger stay the same. */
  #syncStep1: { readonly frame: Frame; readonly ledgerId: number; readonly ledgerClock: number } | null = null;

  constructor(held: HeldContent, session: { readonly ledger: LedgerPosition }, outbox: Outbox) {
    this.#held = held;
    this.#outbox = outbox;
    this.#session = session;
  }

  /** More content is held than before. */
  contentChanged(): void {
    this.#syncStep1 = null;
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

  /** Sends the content that a client with this state vector lacks; it was read before. */
  sendMissing(connection: Connection, stateVector: Uint8Array): void {
    const updates = this.#held.use((content) => content.encodeSince(stateVector));
    if (updates !== null) this.#outbox.sendContent(connection, updates);
  }

  /** Whether an answer is made in slices, with `prepare`, before it is sent. */
  get needsPreparation(): boolean {
    return (this.#held.content?.bytes ?? 0) > ANSWERED_AT_ONCE_BYTES;
  }

  /** Makes the answer to a state vector in slices; nothing may be added to the content before it is sent. */
  *prepare(stateVector: Uint8Array): SlicedWork {
    const work = this.#held.use((content) => content.prepareAnswer(stateVector));
    if (work === null) return;
    while (this.#held.use(() => work.next())?.done === false) yield;
  }

  evictCaches(): void {
    this.#syncStep1 = null;
    if (this.#held.isOpen) this.#held.use((content) => content.evictCaches());
    this.#outbox.evictCaches();
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
