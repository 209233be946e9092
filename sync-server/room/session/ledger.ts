/** The ledger: the relay's part of the document, a small Yjs document of its own under one client id. */
import * as Y from "yjs";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import { readSession, SESSION_ROOT, toRecord } from "../../../src/session/session.ts";
import type { Session } from "../../../src/session/session.ts";

const EMPTY_UPDATE = Uint8Array.of(0, 0);

export class Ledger {
  /** The Yjs client id of all its structs; greater for a ledger that was made later. */
  readonly id: number;
  /** The whole ledger as one Yjs update. A document is made of it only to write: bytes take a tenth of its memory. */
  #state: Uint8Array;
  #clock: number | null = null;

  private constructor(id: number, state: Uint8Array) {
    this.id = id;
    this.#state = state;
  }

  /** Makes a ledger that holds `session`, with every key. @param id see `makeLedgerId`. */
  static create(session: Session, id: number): Ledger {
    const ledger = new Ledger(id, EMPTY_UPDATE);
    ledger.write(session);
    return ledger;
  }

  static load(id: number, state: Uint8Array): Ledger {
    return new Ledger(id, state);
  }

  /** Writes `session` in one transaction, and returns that as a Yjs update. */
  write(session: Session): Uint8Array {
    const doc = this.#open();
    const before = Y.encodeStateVector(doc);
    const record: Record<string, unknown> = toRecord(session);
    doc.transact(() => {
      const map = doc.getMap(SESSION_ROOT);
      for (const [key, value] of Object.entries(record)) {
        // `ended: null` again and again would only grow the document.
        if (map.get(key) !== value) map.set(key, value);
      }
    });
    this.#state = Y.encodeStateAsUpdate(doc);
    this.#clock = null;
    return Y.encodeStateAsUpdate(doc, before);
  }

  /** The whole ledger as one Yjs update. */
  encode(): Uint8Array {
    return this.#state;
  }

  /** The clock after the ledger's last struct. */
  get clock(): number {
    return (this.#clock ??= Y.parseUpdateMeta(this.#state).to.get(this.id) ?? 0);
  }

  /**
   * Whether a client's state vector shows that this ledger may be outdated: the client holds more under its id than it
   * has written, or something under an id between it and `before`, as of a ledger that was made after it.
   *
   * @throws MalformedError if the state vector cannot be read.
   */
  isOutdatedBy(stateVector: Uint8Array, before: number): boolean {
    let held: Map<number, number>;
    try {
      held = Y.decodeStateVector(stateVector);
    } catch {
      throw new MalformedError("the state vector cannot be read");
    }
    for (const [id, clock] of held) {
      if (id === this.id ? clock > this.clock : id > this.id && id < before) return true;
    }
    return false;
  }

  read(): Session {
    const session = readSession(this.#open());
    if (session === null) throw new Error("the ledger does not hold a session: it was not written by Ledger");
    return session;
  }

  #open(): Y.Doc {
    const doc = new Y.Doc({ gc: true });
    // A map from the start: otherwise the first reader would decide the type of the root.
    doc.getMap(SESSION_ROOT);
    Y.applyUpdate(doc, this.#state);
    // After loading: a doc that applies its own client's structs takes another id (yjs 13.6, `Transaction`).
    doc.clientID = this.id;
    return doc;
  }
}
