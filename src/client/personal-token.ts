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

export type PersonalToken = {
  /** The token to connect with: the personal one if there is one, else the page's. */
  readonly current: string;
  /** Tells the relay who one was when one has to come with the page's token again; `null`: nobody yet. */
  readonly former: string | null;
  /** Keeps what the relay gave. */
  keep(token: string): void;
  /** Takes a newer token of the page. A personal one stays in use: the relay replaces it too. */
  renew(pageToken: string): void;
  /** Uses the personal token no more; false if the page's was in use already. It is kept as proof until there is a new one. */
  drop(): boolean;
};

export const personalToken = (
  storage: TokenStorage | null,
  relayUrl: string,
  room: string,
  firstPageToken: string,
): PersonalToken => {
  const key = storageKey(relayUrl, room, firstPageToken);
  let pageToken = firstPageToken;

  /** A full or forbidden storage costs the person their identity at the next reload, nothing more. */
  const attempt = <T>(use: (store: TokenStorage) => T): T | null => {
    try {
      return storage === null ? null : use(storage);
    } catch {
      return null;
    }
  };

  const kept = attempt((store) => store.getItem(key));
  let personal = isTokenText(kept) ? kept : null;
  /** The personal token that the relay took no more. */
  let former: string | null = null;

  return {
    get current() {
      return personal ?? pageToken;
    },
    get former() {
      return former;
    },
    keep(token) {
      personal = token;
      former = null;
      attempt((store) => store.setItem(key, token));
    },
    renew(token) {
      pageToken = token;
    },
    drop() {
      if (personal === null) return false;
      former = personal;
      personal = null;
      return true;
    },
  };
};
