/**
 * The token with which an invited person stays the same person: the relay gives it to whoever comes
 * with an invitation, and the browser tab keeps it across reconnects and reloads (docs/SPEC.md, P5).
 */
import { isTokenText } from "./relay-address.ts";
import { hashOfText } from "./text-hash.ts";

export type TokenStorage = Pick<Storage, "getItem" | "setItem">;

/** The storage of this tab, if there is one. Reading the property throws where a page may store nothing. */
export const tabStorage = (): TokenStorage | null => {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
};

/**
 * Name under which a personal token is kept. It holds a fingerprint of the page's token, so that
 * another invitation opened in the same tab makes another person; the page's token is never kept, and 48
 * bits do not tell it: its signature has 256. To make up a token with the fingerprint of another is easy
 * and gains nothing, since relay and room stand beside it, and there the tab's own token is used then.
 */
const storageKey = (relayUrl: string, room: string, pageToken: string): string =>
  `session-room:${JSON.stringify([relayUrl, room, hashOfText(pageToken)])}`;

export class PersonalToken {
  readonly #storage: TokenStorage | null;
  readonly #key: string;
  #pageToken: string;
  #personal: string | null;
  /** The personal token that the relay took no more. */
  #former: string | null = null;

  constructor(storage: TokenStorage | null, relayUrl: string, room: string, pageToken: string) {
    this.#storage = storage;
    this.#key = storageKey(relayUrl, room, pageToken);
    this.#pageToken = pageToken;
    const kept = this.#try((store) => store.getItem(this.#key));
    this.#personal = isTokenText(kept) ? kept : null;
  }

  /** The token to connect with: the personal one if there is one, else the page's. */
  get current(): string {
    return this.#personal ?? this.#pageToken;
  }

  /** Tells the relay who one was when one has to come with the page's token again; `null`: nobody yet. */
  get former(): string | null {
    return this.#former;
  }

  /** Keeps what the relay gave. */
  keep(token: string): void {
    this.#personal = token;
    this.#former = null;
    this.#try((store) => store.setItem(this.#key, token));
  }

  /** Takes a newer token of the page. A personal one stays in use: the relay replaces it too. */
  renew(pageToken: string): void {
    this.#pageToken = pageToken;
  }

  /** Uses the personal token no more; false if the page's was in use already. It is kept as proof until there is a new one. */
  drop(): boolean {
    if (this.#personal === null) return false;
    this.#former = this.#personal;
    this.#personal = null;
    return true;
  }

  /** A full or forbidden storage costs the person their identity at the next reload, nothing more. */
  #try<T>(use: (storage: TokenStorage) => T): T | null {
    try {
      return this.#storage === null ? null : use(this.#storage);
    } catch {
      return null;
    }
  }
}
