/**
 * Which changes of this page the server has not acknowledged yet. The relay counts the sync messages (SyncStep2
 * and Update) of each connection and answers with the number up to which all are settled: committed, or refused
 * (docs/SPEC.md, S-rules on acknowledgements). This class counts the same messages on the client's side.
 */

/** A sync message on its way: its number on this connection, and the Yjs update that it carries. */
type InFlight = { readonly n: number; readonly update: Uint8Array; readonly carriesChanges: boolean };

export class SentUpdates {
  /** Messages sent on this connection and not settled, oldest first. */
  #inFlight: InFlight[] = [];
  #sentCount = 0;
  /** Whether the document holds changes that no message on this connection carries. */
  #hasUnsentChanges: boolean;

  /** @param hasUnsentChanges whether the document already holds something, such as a copy loaded from the device. */
  constructor(hasUnsentChanges: boolean) {
    this.#hasUnsentChanges = hasUnsentChanges;
  }

  /** Whether the document holds something of this page's that is neither acknowledged nor refused. */
  get hasUnsaved(): boolean {
    return this.#hasUnsentChanges || this.#inFlight.some(({ carriesChanges }) => carriesChanges);
  }

  /** The document changed, by something other than the relay, while there was no connection to send it on. */
  changedOffline(): void {
    this.#hasUnsentChanges = true;
  }

  /** The client has sent an Update: one change of the document. */
  updateSent(update: Uint8Array): void {
    this.#inFlight.push({ n: ++this.#sentCount, update, carriesChanges: true });
  }

  /**
   * The client has sent a SyncStep2, which holds everything that the relay lacked. Most repeat only deletes and
   * others' work; it carries changes of this page if there were any that the relay had not acknowledged.
   */
  syncSent(update: Uint8Array): void {
    this.#inFlight.push({ n: ++this.#sentCount, update, carriesChanges: this.hasUnsaved });
    this.#hasUnsentChanges = false;
  }

  /** The relay has settled all messages of this connection up to the `n`-th. */
  settled(n: number): void {
    const next = this.#inFlight.findIndex((each) => each.n > n);
    this.#inFlight = next === -1 ? [] : this.#inFlight.slice(next);
  }

  /** The relay refuses the `n`-th message for good. @returns its update if it carried changes of this page. */
  refused(n: number): Uint8Array | null {
    const message = this.#inFlight.find((each) => each.n === n);
    if (message === undefined) return null;
    this.#inFlight = this.#inFlight.filter((each) => each !== message);
    return message.carriesChanges ? message.update : null;
  }

  /** The connection is gone: what was on its way may or may not have arrived, so the next one has to bring it. */
  disconnected(): void {
    this.#hasUnsentChanges = this.hasUnsaved;
    this.#inFlight = [];
    this.#sentCount = 0;
  }
}
