/**
 * A copy of the session state that no content reaches. The relay sends its ledger in Updates of its own, under a
 * client id that it names and under which it accepts nothing from anybody. Whatever a participant does to the
 * shared document (content can make Yjs throw, or stop calling observers), this copy still shows the session.
 */
import * as decoding from "lib0/decoding";
import * as Y from "yjs";
import { readSession, SESSION_ROOT } from "../session/session.ts";
import type { Session } from "../session/session.ts";

/** Client id of the first struct in a Yjs update (v1); `null` if it holds none. @throws if it cannot be read. */
const firstClientOf = (update: Uint8Array): number | null => {
  const decoder = decoding.createDecoder(update);
  const sections = decoding.readVarUint(decoder);
  if (sections !== 1) return null;
  decoding.readVarUint(decoder);
  return decoding.readVarUint(decoder);
};

export class LedgerCopy {
  #doc = new Y.Doc();
  #ledgerId: number | null = null;

  /** The relay has named the client id of its ledger; another one replaces all of the former. */
  useLedger(ledgerId: number): void {
    if (ledgerId === this.#ledgerId) return;
    this.#ledgerId = ledgerId;
    this.#doc.destroy();
    this.#doc = new Y.Doc();
  }

  /**
   * Takes an update from the relay if it is one of the ledger's.
   *
   * @returns whether it was.
   */
  take(update: Uint8Array): boolean {
    try {
      if (this.#ledgerId === null || firstClientOf(update) !== this.#ledgerId) return false;
      Y.applyUpdate(this.#doc, update);
      return true;
    } catch {
      // Not readable, so not from the ledger; the document's own reader reports it.
      return false;
    }
  }

  /** The session; `null` until it has been received. */
  read(): Session | null {
    return readSession(this.#doc);
  }

  /** Whether another document shows the same session state: false if its content has broken it. */
  agreesWith(doc: Y.Doc): boolean {
    const own = this.#doc.getMap(SESSION_ROOT).toJSON();
    const other = doc.getMap(SESSION_ROOT).toJSON();
    return ["run", "startedAt", "ended"].every((key) => JSON.stringify(own[key]) === JSON.stringify(other[key]));
  }
}
