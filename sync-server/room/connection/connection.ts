/** A client's connection to a room, and the interface that keeps sockets out of rooms. */
import type { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import type { Credential } from "../../auth/credential.ts";
import type { Arrival, Author } from "../../auth/identity.ts";
import type { Batch } from "../../websocket/frame.ts";
import type { RateLimit } from "./rate-limit.ts";

/** How long the relay may leave a socket unread at a time, in ms: only what it reads shows that a peer is alive. */
export const MAX_PAUSE_MS = 20_000;

/** What a room may do with a socket. */
export interface PeerSocket {
  /** Sends messages, in order. @returns whether it reads fast enough: that few bytes are unread. */
  send(batch: Batch): boolean;
  /** Bytes that the system has not taken yet. */
  readonly unreadBytes: number;
  /** Calls back, once, when no more than so many bytes are unread; at once if that is so already. */
  whenRead(bytes: number, callback: () => void): void;
  /** Finds out whether the peer is still there, and closes the socket soon if it is not. */
  probe(): void;
  /**
   * Stops reading for this time (ms), for `MAX_PAUSE_MS` at most; what was read before may still be handled. Of several
   * pauses, the last to end counts.
   *
   * @returns ends it earlier.
   */
  pause(ms: number): () => void;
  /** Sends a close frame and closes. `reason`: at most 123 bytes of UTF-8, without any token. */
  close(code: CloseCode, reason: string): void;
}

/** What the room knows of a connection; `joined` is written by `Run` alone, the rest by `Room`. */
export type Membership = {
  /** From `Room.attach` to `Room.detach`. */
  isAttached: boolean;
  /** Whether the client is in the run: a stock client while it is attached, others after `join`. */
  joined: boolean;
  /** Its place in the order in which connections were attached to the room. */
  sequence: number;
};

/** An awareness state as others get it: with the relay's knowledge of the person. */
export type PresenceState = {
  /** Awareness client id. */
  readonly clientId: number;
  readonly json: string;
  /** Of the JSON in UTF-8. */
  readonly bytes: number;
};

/** What presence knows of a connection; written by `presence/` alone. */
export type ConnectionPresence = {
  /** `null`: it has sent none yet, or has removed it. */
  state: PresenceState | null;
  /** The person's name: the token's, or the last one that they chose. */
  name: string;
  /** The last awareness client id, and how many times it was another than before. */
  lastId: number | null;
  idCount: number;
};

/**
 * Only what several parts of a room read is here, and it is read-only but for the part that owns it. The rest is in
 * collections of its owner: subscribers in the outbox, pending updates in the intake, client ids in the authors.
 */
export class Connection {
  readonly socket: PeerSocket;
  readonly identity: Identity;
  readonly credential: Credential;
  readonly rate: RateLimit;
  /** Whether the client speaks `session-room.v1`; others are stock y-websocket clients. */
  readonly speaksSession: boolean;
  readonly membership: Readonly<Membership> = {
    isAttached: false,
    joined: false,
    sequence: 0,
  };
  readonly presence: Readonly<ConnectionPresence>;
  readonly #author: Author;
  /** See `Author`. */
  #isKept: boolean;

  constructor(
    socket: PeerSocket,
    { identity, author }: Pick<Arrival, "identity" | "author">,
    credential: Credential,
    rate: RateLimit,
    speaksSession: boolean,
  ) {
    this.socket = socket;
    this.identity = identity;
    this.credential = credential;
    this.rate = rate;
    this.speaksSession = speaksSession;
    this.presence = { state: null, name: identity.name, lastId: null, idCount: 0 };
    this.#author = author;
    this.#isKept = author.isKept;
  }

  get isHost(): boolean {
    return this.identity.role === "host";
  }

  /** Who its author is across connections; see `Writer`. */
  get authorKey(): string {
    const { own, shared } = this.#author;
    return (this.#isKept ? own : null) ?? shared!;
  }

  get sharedKey(): string | null {
    return this.#author.shared;
  }

  /** Notes that the client has its personal token. @returns whether that makes it another author. */
  keepIdentity(): boolean {
    const before = this.authorKey;
    this.#isKept = true;
    return this.authorKey !== before;
  }
}
