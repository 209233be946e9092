/**
 * What becomes of the document's content: what of this page's is not saved yet, what was refused for good, and whether
 * the document can still be shown and served.
 */
import type * as Y from "yjs";
import { signedCountOf } from "../protocol/protocol.ts";
import type { ContentRefusal, RefusedMessage, RelayMessage, SavedMessage, SignedCount } from "../protocol/protocol.ts";
import type { RoomNotice } from "./room-state.ts";
import { callGuarded } from "./report-error.ts";
import { SentUpdates } from "./sent-updates.ts";

/** Something of this page's was refused for good. */
export type Refusal = {
  readonly code: ContentRefusal;
  /** The Yjs update that carries it, for a page that wants to keep it; `null` if it was no change of the document. */
  readonly update: Uint8Array | null;
};

export type RefusalListener = (refusal: Refusal) => void;

/** Part of the limit from which on a document is nearly full. */
const NEARLY_FULL = 0.9;

const isNewer = (count: SignedCount, before: SignedCount | null): boolean =>
  before === null || count.ledger > before.ledger || (count.ledger === before.ledger && count.count > before.count);

const isEmpty = (doc: Y.Doc): boolean => doc.store.clients.size === 0;

export class ContentStatus {
  readonly #sent: SentUpdates;
  readonly #onChange: () => void;
  readonly #listeners = new Set<RefusalListener>();
  #seen: SignedCount | null = null;
  /** The last refusal of a change, and how many there were. */
  #refused: { readonly refusal: ContentRefusal; readonly count: number } | null = null;
  #size: { readonly bytes: number; readonly limit: number } | null = null;
  #isSetAside = false;
  #hasFailed = false;
  #disagrees = false;

  /** @param onChange called when `hasUnsaved` or `notices` may have changed. */
  constructor(doc: Y.Doc, onChange: () => void) {
    this.#sent = new SentUpdates(!isEmpty(doc));
    this.#onChange = onChange;
  }

  /** Whether the document holds something of this page's that is neither acknowledged nor refused. */
  get hasUnsaved(): boolean {
    return this.#sent.hasUnsaved;
  }

  get notices(): readonly RoomNotice[] {
    const notices: RoomNotice[] = [];
    if (this.#hasFailed || this.#disagrees) notices.push({ code: "document-broken" });
    if (this.#isSetAside) notices.push({ code: "content-set-aside" });
    if (this.#refused !== null) notices.push({ code: "refused", ...this.#refused });
    const size = this.#size;
    if (size !== null && size.bytes >= size.limit * NEARLY_FULL)
      notices.push({ code: "document-nearly-full", ...size });
    return notices;
  }

  /** The newest signed count of the room's commits. */
  get seen(): SignedCount | null {
    return this.#seen;
  }

  /** Calls `listener` at each refusal; returns a function that ends that. */
  onRefused(listener: RefusalListener): () => void {
    const ownListener: RefusalListener = (refusal) => listener(refusal);
    this.#listeners.add(ownListener);
    return () => void this.#listeners.delete(ownListener);
  }

  /** A SyncStep2 (`isComplete`) or an Update was sent. */
  syncSent(isComplete: boolean, update: Uint8Array): void {
    this.#noteUnsaved(() => (isComplete ? this.#sent.syncSent(update) : this.#sent.updateSent(update)));
  }

  changedOffline(): void {
    this.#noteUnsaved(() => this.#sent.changedOffline());
  }

  disconnected(): void {
    this.#sent.disconnected();
  }

  /** Takes a message about the content. @returns whether it is one. */
  receive(message: RelayMessage): boolean {
    switch (message.type) {
      case "saved":
        this.#onSaved(message);
        return true;
      case "refused":
        this.#onRefusal(message);
        return true;
      case "content-set-aside":
        this.#isSetAside = true;
        break;
      case "document-size":
        this.#size = { bytes: message.bytes, limit: message.limit };
        break;
      default:
        return false;
    }
    this.#onChange();
    return true;
  }

  /** The relay serves the document. */
  served(): void {
    this.#isSetAside = false;
  }

  /** Yjs has failed on the page's document, for good. */
  documentFailed(): void {
    this.#hasFailed = true;
    this.#onChange();
  }

  /** Whether the page's document shows another session than the relay has sent. */
  setDisagreement(disagrees: boolean): void {
    if (this.#disagrees === disagrees) return;
    this.#disagrees = disagrees;
    this.#onChange();
  }

  /** Reports only when the answer changes: a person who types sends many messages. */
  #noteUnsaved(change: () => void): void {
    const before = this.hasUnsaved;
    change();
    if (this.hasUnsaved !== before) this.#onChange();
  }

  #onSaved(message: SavedMessage): void {
    const count = signedCountOf(message);
    if (count !== null && isNewer(count, this.#seen)) this.#seen = count;
    this.#noteUnsaved(() => this.#sent.settled(message.n));
  }

  #onRefusal({ n, code }: RefusedMessage): void {
    const update = n === undefined ? null : this.#sent.refused(n);
    // A sync repeats what the page was already sent a refusal of.
    if (n !== undefined && update === null) return;
    if (update !== null) this.#refused = { refusal: code, count: (this.#refused?.count ?? 0) + 1 };
    this.#onChange();
    for (const listener of [...this.#listeners]) callGuarded(() => listener({ code, update }));
  }
}
