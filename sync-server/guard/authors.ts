/**
 * Who may write under which Yjs client id (docs/SPEC.md, G8 to G10; docs/guard.md has the reasons). A connection that
 * shows a cursor under an id owns it firmly: nobody else writes its next struct, since every peer would then ignore
 * the struct of the same clock that the owner writes. Writing alone proves less: a page also sends what it got from
 * another tab, from an offline copy or from a mesh. So a connection that shows no cursor owns at most the one id under
 * which all of its edits are, until somebody else shows a cursor under it.
 */
import { Hold, readKept, writeKept } from "./author-records.ts";
import type { Kept } from "./author-records.ts";

/** What authorship needs to know of a connection. */
export type Writer = {
  readonly identity: { readonly id: string };
  /** Who it is across connections: a person, or all guests of a role, who cannot be distinguished. */
  readonly authorKey: string;
  /** The key of all guests of its role, if it came as one of them; `null` for a person whom a token names. */
  readonly sharedKey: string | null;
};

/** How the client ids that one connection owns came to be its own. */
type Connected = {
  readonly owned: Set<number>;
  hasShownCursor: boolean;
  /** The only client id of its edits, while it has shown no cursor. `null`: there is none, or there were several. */
  provisional: number | null;
  hasSeveral: boolean;
  /** The last client id under which it wanted to show a cursor in vain. */
  refusedCursor: number | null;
};

/** Client ids that one connection owns at most; an honest one has one or two. */
const MAX_OWNED = 16;
/** Client ids that are kept for one person who has shown a cursor under them but has not written yet. */
const MAX_UNWRITTEN = 16;

const isSamePerson = (a: Writer, b: Writer): boolean => a.identity.id === b.identity.id;
const isAuthor = ({ key }: Kept, { authorKey, sharedKey }: Writer): boolean => key === authorKey || key === sharedKey;
/** Whether an id is kept for exactly this person, and not for all guests of a role. */
const isPersonal = (kept: Kept | undefined, { authorKey, sharedKey }: Writer): boolean =>
  kept !== undefined && kept.key === authorKey && authorKey !== sharedKey;

export type AuthorsOptions = {
  /** Called when there is something for `takeChanges`. */
  readonly onChange: () => void;
  /** Called when a connection that stays no longer owns a client id: others may write under it now. */
  readonly onFreed: () => void;
};

export class Authors<W extends Writer> {
  /** For whom each client id is kept, whether they are connected or not. */
  readonly #kept = new Map<number, Kept>();
  /** What changed of that since `takeChanges`. */
  #changes = new Map<number, Kept | null>();
  /** By author key: the kept ids under which nothing was written, in the order in which they were shown. */
  readonly #unwritten = new Map<string, Set<number>>();
  readonly #owners = new Map<number, { readonly writer: W; readonly isFirm: boolean }>();
  readonly #connected = new Map<W, Connected>();
  readonly #options: AuthorsOptions;

  /** @param records what `encode` and `takeChanges` returned, all of them in order; none for a new room. */
  constructor(records: readonly Uint8Array[], options: AuthorsOptions) {
    for (const record of records) readKept(record, this.#kept);
    this.#options = options;
  }

  /**
   * Whether a writer may add structs under a client id, its own or brought from another client.
   *
   * @param isRecovery whether it repeats, in a SyncStep2, content that the relay has lost.
   */
  mayWrite(client: number, writer: W, isRecovery: boolean): boolean {
    const kept = this.#kept.get(client);
    if (this.otherOwner(client, writer) !== null) return isPersonal(kept, writer);
    return kept === undefined || kept.hold === Hold.open || isRecovery || isAuthor(kept, writer);
  }

  /** Whether a writer may show a cursor under a client id; notes it as one of its own if not. */
  mayShowCursor(client: number, writer: W): boolean {
    const kept = this.#kept.get(client);
    const owner = this.#owners.get(client);
    const may =
      owner !== undefined && owner.isFirm && !isSamePerson(owner.writer, writer)
        ? isPersonal(kept, writer)
        : kept?.hold !== Hold.firm || isAuthor(kept, writer);
    if (!may) this.#connect(writer).refusedCursor = client;
    return may;
  }

  /** The connection of somebody else that owns a client id now. */
  otherOwner(client: number, writer: W): W | null {
    const owner = this.#owners.get(client);
    return owner === undefined || isSamePerson(owner.writer, writer) ? null : owner.writer;
  }

  /** Whether a client id is the writer's own by what it has shown or wanted to show, rather than brought from others. */
  isOwn(client: number, writer: W): boolean {
    return this.#owners.get(client)?.writer === writer || this.#connected.get(writer)?.refusedCursor === client;
  }

  /**
   * Whether what a writer may not write under a client id is its own, and never accepted. It is not known of a guest
   * whom another guest of the role keeps out: that may be its own former connection, which is about to be closed.
   */
  isRefusedForGood(client: number, writer: W): boolean {
    const owner = this.otherOwner(client, writer);
    const mayBeItself = owner !== null && owner.sharedKey !== null && owner.sharedKey === writer.sharedKey;
    return this.isOwn(client, writer) && !mayBeItself;
  }

  /**
   * A writer has added structs under a client id, after `mayWrite`.
   *
   * @param isEdit whether by an Update: a SyncStep2 mostly repeats what others wrote.
   */
  wrote(client: number, writer: W, isEdit: boolean): void {
    const owner = this.#owners.get(client);
    if (owner === undefined) {
      if (isEdit) this.#ownProvisionally(client, writer);
    } else if (owner.writer === writer) {
      if (owner.isFirm) this.#keepWritten(client, writer);
    } else if (!isSamePerson(owner.writer, writer)) {
      // The id is kept for the writer, and a stranger has shown a cursor under it meanwhile.
      this.#own(client, writer, owner.isFirm);
    }
  }

  /** A writer shows a cursor under a client id, after `mayShowCursor`: the id is its own from now on. */
  showCursor(client: number, writer: W): void {
    const connected = this.#connect(writer);
    connected.hasShownCursor = true;
    connected.refusedCursor = null;
    const { provisional } = connected;
    this.#own(client, writer, true);
    if (writer.sharedKey === null) this.#keepUnwritten(client, writer);
    else if (this.#kept.get(client)?.hold === Hold.provisional) this.#change(client, null);
    // Now that its own is known: it had only brought what is under the other.
    if (provisional !== null && provisional !== client) this.#free(provisional, connected, writer);
    connected.provisional = null;
  }

  /** A connection turned out to be another author than it seemed: what it has written is that author's. */
  rename(writer: W): void {
    for (const client of this.#connected.get(writer)?.owned ?? []) {
      if (this.#kept.has(client)) this.#keepWritten(client, writer);
    }
  }

  /** Forgets a connection; its client ids stay its author's. @returns whether it owned any. */
  release(writer: W): boolean {
    const connected = this.#connected.get(writer);
    if (connected === undefined) return false;
    for (const client of connected.owned) this.#owners.delete(client);
    this.#connected.delete(writer);
    return connected.owned.size > 0;
  }

  /** What must be stored beside the content: for whom each client id is kept. */
  encode(): Uint8Array {
    return writeKept(this.#kept);
  }

  /** What changed of that since the last time; `null` if nothing did. */
  takeChanges(): Uint8Array | null {
    if (this.#changes.size === 0) return null;
    const changes = this.#changes;
    this.#changes = new Map();
    return writeKept(changes);
  }

  #connect(writer: W): Connected {
    let connected = this.#connected.get(writer);
    if (connected === undefined) {
      connected = {
        owned: new Set(),
        hasShownCursor: false,
        provisional: null,
        hasSeveral: false,
        refusedCursor: null,
      };
      this.#connected.set(writer, connected);
    }
    return connected;
  }

  #own(client: number, writer: W, isFirm: boolean): void {
    const former = this.#owners.get(client);
    if (former !== undefined) this.#disown(client, this.#connect(former.writer));
    const { owned } = this.#connect(writer);
    if (owned.size >= MAX_OWNED) {
      const [oldest] = owned;
      owned.delete(oldest!);
      this.#owners.delete(oldest!);
    }
    this.#owners.set(client, { writer, isFirm });
    owned.add(client);
  }

  #disown(client: number, connected: Connected): void {
    this.#owners.delete(client);
    connected.owned.delete(client);
    if (connected.provisional === client) connected.provisional = null;
  }

  #ownProvisionally(client: number, writer: W): void {
    const connected = this.#connect(writer);
    if (connected.hasShownCursor || connected.hasSeveral) return;
    if (connected.provisional !== null) {
      // Which of the two is its own cannot be known.
      connected.hasSeveral = true;
      return this.#free(connected.provisional, connected, writer);
    }
    this.#own(client, writer, false);
    connected.provisional = client;
    if (writer.sharedKey === null && !this.#kept.has(client)) {
      this.#change(client, { key: writer.authorKey, hold: Hold.provisional });
    }
  }

  /** Takes an id from a connection that has only written under it. */
  #free(client: number, connected: Connected, writer: W): void {
    this.#disown(client, connected);
    const kept = this.#kept.get(client);
    if (kept?.hold === Hold.provisional && kept.key === writer.authorKey) this.#change(client, null);
    this.#options.onFreed();
  }

  /** For a known person before they write: everybody has seen the id, and could take it while they are away. */
  #keepUnwritten(client: number, writer: W): void {
    const isNew = this.#kept.get(client)?.hold !== Hold.firm;
    this.#keep(client, writer);
    if (!isNew) return;
    const { authorKey } = writer;
    const unwritten = this.#unwritten.get(authorKey) ?? new Set();
    this.#unwritten.set(authorKey, unwritten.add(client));
    if (unwritten.size <= MAX_UNWRITTEN) return;
    const [oldest] = unwritten;
    unwritten.delete(oldest!);
    this.#change(oldest!, null);
  }

  #keepWritten(client: number, writer: W): void {
    this.#keep(client, writer);
    this.#unwritten.get(writer.authorKey)?.delete(client);
  }

  #keep(client: number, writer: W): void {
    const { authorKey, sharedKey } = writer;
    const kept = this.#kept.get(client);
    // It stays an absent guest's, who may return, whoever has continued it.
    if (kept?.hold === Hold.open && !isAuthor(kept, writer)) return;
    const hold = sharedKey === null ? Hold.firm : Hold.open;
    if (kept?.key !== authorKey || kept.hold !== hold) this.#change(client, { key: authorKey, hold });
  }

  #change(client: number, kept: Kept | null): void {
    if (kept === null) this.#kept.delete(client);
    else this.#kept.set(client, kept);
    this.#changes.set(client, kept);
    this.#options.onChange();
  }
}
