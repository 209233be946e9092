/**
 * Who may write under which Yjs client id (docs/SPEC.md, G8 to G10). A client id belongs to whoever
 * wrote under it first; while that connection is here, nobody else can write its next struct, which
 * would make its own be ignored by everyone.
 */
import type * as decoding from "lib0/decoding";
import { readVarString, readVarUint } from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** What authorship needs to know of a connection. */
export type Writer = {
  readonly identity: { readonly id: string };
  /** Who it is across connections: a known person, or one of a role's guests, who cannot be told apart. */
  readonly authorKey: string;
  /** The key of all guests of its role, if it came as one of them: what such a one left may be its own. */
  readonly sharedKey: string | null;
  /** Client ids that it writes under. */
  readonly clientIds: Set<number>;
};

export type Claim = {
  /** Whether the update is a SyncStep2, which repeats what others wrote, rather than an edit as it happens. */
  readonly isSync: boolean;
  /** Whether the relay may have lost content that others still hold. */
  readonly isRecovering: boolean;
};

/** Whether the writer may, and if not, the connection that stands in its way. */
export type Verdict<W> = { readonly allowed: true } | { readonly allowed: false; readonly owner: W | null };

const ALLOWED = { allowed: true } as const;

/** Whether what stands under a key may be gone on with. */
const mayContinue = (key: string | undefined, { authorKey, sharedKey }: Writer): boolean =>
  key === undefined || key === authorKey || key === sharedKey;

const writeKeys = (encoder: encoding.Encoder, keys: ReadonlyMap<number, string>): void => {
  const byKey = new Map<string, number[]>();
  for (const [client, key] of keys) {
    const clients = byKey.get(key);
    if (clients === undefined) byKey.set(key, [client]);
    else clients.push(client);
  }
  encoding.writeVarUint(encoder, byKey.size);
  for (const [key, clients] of byKey) {
    encoding.writeVarString(encoder, key);
    encoding.writeVarUint(encoder, clients.length);
    for (const client of clients) encoding.writeVarUint(encoder, client);
  }
};

export class Authors<W extends Writer> {
  readonly #keys = new Map<number, string>();
  /** Those of `#keys` that came since `writeChanges`. */
  readonly #newKeys = new Map<number, string>();
  /** Of the client ids that are in use now, whose they are. */
  readonly #owners = new Map<number, W>();

  /** May this writer add structs under this client id? If so, the id is its own from now on. */
  claim(client: number, writer: W, { isSync, isRecovering }: Claim): Verdict<W> {
    const owner = this.#owners.get(client);
    if (owner !== undefined && owner.identity.id !== writer.identity.id) return { allowed: false, owner };
    // What a relay lost comes back through anybody; it stays its author's, who may be yet to return.
    if (isSync && isRecovering && owner !== writer) return ALLOWED;
    const key = this.#keys.get(client);
    if (!mayContinue(key, writer)) return { allowed: false, owner: null };
    if (owner !== writer) {
      owner?.clientIds.delete(client);
      this.#owners.set(client, writer);
      writer.clientIds.add(client);
    }
    if (key !== writer.authorKey) this.#keep(client, writer.authorKey);
    return ALLOWED;
  }

  /**
   * Keeps a client id that nobody has written under for whoever shows a cursor under it, also while they are
   * away: everybody has seen the id, and could take it before they write their first word.
   */
  reserve(client: number, writer: W): void {
    const key = this.#keys.get(client);
    if (this.#owners.has(client) || !mayContinue(key, writer)) return;
    this.#owners.set(client, writer);
    if (key !== writer.authorKey) this.#keep(client, writer.authorKey);
    writer.clientIds.add(client);
  }

  /** Whether a client id is known to be somebody else's. */
  isForeign(client: number, writer: W): boolean {
    const owner = this.#owners.get(client);
    if (owner !== undefined) return owner.identity.id !== writer.identity.id;
    return !mayContinue(this.#keys.get(client), writer);
  }

  /** A connection is found to be another author than it seemed: what it has written is that one's. */
  rename(writer: W): void {
    for (const client of writer.clientIds) this.#keep(client, writer.authorKey);
  }

  /** Forgets a connection; its client ids stay its author's. @returns whether it had any. */
  release(writer: W): boolean {
    for (const client of writer.clientIds) this.#owners.delete(client);
    const hadAny = writer.clientIds.size > 0;
    writer.clientIds.clear();
    return hadAny;
  }

  /** Whether anything came since `writeChanges`. */
  get hasChanges(): boolean {
    return this.#newKeys.size > 0;
  }

  write(encoder: encoding.Encoder): void {
    writeKeys(encoder, this.#keys);
  }

  /** Writes what came since the last time. */
  writeChanges(encoder: encoding.Encoder): void {
    writeKeys(encoder, this.#newKeys);
    this.#newKeys.clear();
  }

  #keep(client: number, key: string): void {
    this.#keys.set(client, key);
    this.#newKeys.set(client, key);
  }

  /** Adds what `write` or `writeChanges` wrote. */
  read(decoder: decoding.Decoder): void {
    for (let keys = readVarUint(decoder); keys > 0; keys--) {
      const key = readVarString(decoder);
      for (let clients = readVarUint(decoder); clients > 0; clients--) this.#keys.set(readVarUint(decoder), key);
    }
  }
}
