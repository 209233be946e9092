/**
 * The token by which an invited person stays the same person: the relay gives it to everybody who connects with an
 * invitation, and the browser tab keeps it across reconnects and reloads (docs/SPEC.md, P5).
 */
import { isTokenText } from "./relay-address.ts";
import { hashText } from "./text-hash.ts";

export type TokenStorage = Pick<Storage, "getItem" | "setItem">;

/** The session storage of this tab, if there is one. Reading the property throws where a page may store nothing. */
export const tabStorage = (): TokenStorage | null => {
  try {
    return globalThis.sessionStorage ?? null;
  } catch {
    return null;
  }
};

/**
 * The key under which a personal token is stored. It contains a hash of the page's token, so that another
 * invitation opened in the same tab makes another person. The page's token itself is never stored, and 48 bits
 * do not reveal it: its signature has 256. A collision made on purpose gains nothing: relay and room are part of
 * the key, and a token found under it is the tab's own for that room.
 */
const storageKey = (relayUrl: string, room: string, pageToken: string): string =>
  `session-room:${JSON.stringify([relayUrl, room, hashText(pageToken)])}`;

export class PersonalToken {
  readonly #storage: TokenStorage | null;
  readonly #key: string;
  #pageToken: string;
  #personal: string | null;
  #former: string | null = null;

  constructor(storage: TokenStorage | null, relayUrl: string, room: string, pageToken: string) {
    this.#storage = storage;
    this.#key = storageKey(relayUrl, room, pageToken);
    this.#pageToken = pageToken;
    const stored = this.#tryStorage((store) => store.getItem(this.#key));
    this.#personal = isTokenText(stored) ? stored : null;
  }

  /** The token to connect with: the personal one if there is one, else the page's. */
  get current(): string {
    return this.#personal ?? this.#pageToken;
  }

  /** Whether `current` is the personal token. */
  get isPersonal(): boolean {
    return this.#personal !== null;
  }

  /** The personal token that is no longer accepted. Sent with the page's token, it says who the person was. */
  get former(): string | null {
    return this.#former;
  }

  /** Stores and uses the personal token that the relay gave. */
  keep(token: string): void {
    this.#personal = token;
    this.#former = null;
    this.#tryStorage((store) => store.setItem(this.#key, token));
  }

  /** Takes a newer token of the page. A personal token stays in use: the relay replaces that one as well. */
  renew(pageToken: string): void {
    this.#pageToken = pageToken;
  }

  /** Uses the page's token again. The personal one stays stored, as proof until there is a new one. */
  drop(): void {
    this.#former = this.#personal ?? this.#former;
    this.#personal = null;
  }

  /** A full or forbidden storage costs the person their identity at the next reload, nothing more. */
  #tryStorage<T>(use: (store: TokenStorage) => T): T | null {
    try {
      return this.#storage === null ? null : use(this.#storage);
    } catch {
      return null;
    }
  }
}
