/**
 * Who may write under which Yjs client id (docs/SPEC.md, G8 to G10). A client id belongs to whoever wrote under it
 * first. While that connection is here, nobody else may write its next struct: every peer would then ignore the
 * struct of the same clock that the owner writes.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** What authorship needs to know of a connection. */
export type Writer = {
  readonly identity: { readonly id: string };
  /** Who it is across connections: a known person, or all guests of a role, who cannot be distinguished. */
  readonly authorKey: string;
  /** The key of all guests of its role, if it came as one of them: what such a guest left may be its own. */
  readonly sharedKey: string | null;
};

/** Whether a writer may go on with a client id whose author has this key. */
const mayContinue = (key: string | undefined, { authorKey, sharedKey }: Writer): boolean =>
  key === undefined || key === authorKey || key === sharedKey;

const writeKeys = (keys: ReadonlyMap<number, string>): Uint8Array => {
  const byKey = Map.groupBy(keys, ([, key]) => key);
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, byKey.size);
    for (const [key, entries] of byKey) {
      encoding.writeVarString(encoder, key);
      encoding.writeVarUint(encoder, entries.length);
      for (const [client] of entries) encoding.writeVarUint(encoder, client);
    }
  });
};

const readKeys = (record: Uint8Array, keys: Map<number, string>): void => {
  const decoder = decoding.createDecoder(record);
  for (let groups = decoding.readVarUint(decoder); groups > 0; groups--) {
    const key = decoding.readVarString(decoder);
    for (let left = decoding.readVarUint(decoder); left > 0; left--) keys.set(decoding.readVarUint(decoder), key);
  }
};

export class Authors<W extends Writer> {
  /** The author of each client id, here or not. */
  readonly #keys = new Map<number, string>();
  /** Those of `#keys` that were added since `takeChanges`. */
  #newKeys = new Map<number, string>();
  /** The connection that owns a client id now, and the client ids that a connection owns. */
  readonly #owners = new Map<number, W>();
  readonly #owned = new Map<W, Set<number>>();
  readonly #onChange: () => void;

  /**
   * @param records what `encode` and `takeChanges` returned, all of them; none for a new room.
   * @param onChange called when there is something for `takeChanges`.
   */
  constructor(records: readonly Uint8Array[] = [], onChange: () => void = () => {}) {
    for (const record of records) readKeys(record, this.#keys);
    this.#onChange = onChange;
  }

  /**
   * Whether a writer may add structs under a client id.
   *
   * @param isRecovery whether it repeats, in a SyncStep2, content that the relay may have lost.
   */
  mayWrite(client: number, writer: W, isRecovery: boolean): boolean {
    const owner = this.#owners.get(client);
    if (owner !== undefined && owner.identity.id !== writer.identity.id) return false;
    return isRecovery || mayContinue(this.#keys.get(client), writer);
  }

  /** The connection of somebody else that owns a client id now. */
  otherOwner(client: number, writer: W): W | null {
    const owner = this.#owners.get(client);
    return owner === undefined || owner.identity.id === writer.identity.id ? null : owner;
  }

  /** Gives a client id to a writer that has added structs under it, after `mayWrite`. */
  claim(client: number, writer: W, isRecovery: boolean): void {
    const owner = this.#owners.get(client);
    if (owner !== writer) {
      // Content that the relay lost comes back through anybody. It stays its author's, who may return later.
      if (isRecovery) return;
      this.#own(client, writer);
    }
    this.#keep(client, writer);
  }

  /**
   * Gives a client id that nobody owns to a connection that shows a cursor under it, and keeps it for its author while
   * they are away: everybody has seen the id, and could take it before they write anything.
   */
  reserve(client: number, writer: W): void {
    if (this.#owners.has(client) || !mayContinue(this.#keys.get(client), writer)) return;
    this.#own(client, writer);
    this.#keep(client, writer);
  }

  /** Whether a client id is known to be somebody else's. */
  isForeign(client: number, writer: W): boolean {
    const owner = this.#owners.get(client);
    if (owner !== undefined) return owner.identity.id !== writer.identity.id;
    return !mayContinue(this.#keys.get(client), writer);
  }

  /** A connection turned out to be another author than it seemed: what it has written is that author's. */
  rename(writer: W): void {
    for (const client of this.#owned.get(writer) ?? []) this.#keep(client, writer);
  }

  /** Forgets a connection; its client ids stay its author's. @returns whether it owned any. */
  release(writer: W): boolean {
    const owned = this.#owned.get(writer);
    if (owned === undefined) return false;
    for (const client of owned) this.#owners.delete(client);
    this.#owned.delete(writer);
    return owned.size > 0;
  }

  /** What must be stored beside the content: the author of each client id. */
  encode(): Uint8Array {
    return writeKeys(this.#keys);
  }

  /** What was added to that since the last time; `null` if nothing was. */
  takeChanges(): Uint8Array | null {
    if (this.#newKeys.size === 0) return null;
    const changes = this.#newKeys;
    this.#newKeys = new Map();
    return writeKeys(changes);
  }

  #own(client: number, writer: W): void {
    const former = this.#owners.get(client);
    if (former !== undefined) this.#owned.get(former)!.delete(client);
    this.#owners.set(client, writer);
    const owned = this.#owned.get(writer);
    if (owned === undefined) this.#owned.set(writer, new Set([client]));
    else owned.add(client);
  }

  #keep(client: number, { authorKey }: W): void {
    if (this.#keys.get(client) === authorKey) return;
    this.#keys.set(client, authorKey);
    this.#newKeys.set(client, authorKey);
    this.#onChange();
  }
}
