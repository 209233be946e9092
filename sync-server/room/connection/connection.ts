/** One client's line into a room: what the room knows of it, and the seam that keeps sockets out of rooms. */
import type { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import type { Credential } from "../../auth/credential.ts";
import type { Batch } from "../../websocket/frame.ts";
import type { Missing } from "../../guard/guard.ts";
import type { Arrival, Author } from "../../auth/identity.ts";
import type { RateLimit } from "./rate-limit.ts";

/** What a room may do with a socket. */
export interface PeerSocket {
  /** Sends messages, in order. */
  send(batch: Batch): void;
  /** Finds out whether the peer is still there, and hangs up soon if it is not. */
  probe(): void;
  /** Says why and hangs up. `reason`: at most 123 bytes of UTF-8, without any token. */
  close(code: CloseCode, reason: string): void;
}

/** A state of presence as its owner sent it, already with what the relay says of the person. */
export type PresenceState = {
  /** Awareness client id. */
  readonly clientId: number;
  /** JSON of the state as others get it. */
  readonly json: string;
};

/** An update of which some part refers to what the relay does not hold yet. */
export type PendingUpdate = { readonly update: Uint8Array; readonly missing: readonly Missing[] };

export class Connection {
  readonly socket: PeerSocket;
  readonly identity: Identity;
  readonly #author: Author;
  /** See `Author`. */
  #isKept: boolean;
  readonly credential: Credential;
  readonly rate: RateLimit;
  /** Whether the client speaks `session-room.v1`; others are stock y-websocket clients. */
  readonly speaksSession: boolean;

  /** Whether it is in its room, from coming to going. */
  isHere = false;
  /** Whether the client is in the run: a stock client by being here, others after `join`. */
  joined = false;
  /** Its place in the order in which connections came into the room. */
  arrival = 0;
  /** State vector of a SyncStep1 that could not be answered while content was withheld. */
  withheldStateVector: Uint8Array | null = null;
  /** Updates that refer to something that the relay does not hold yet. */
  pending: PendingUpdate[] = [];
  pendingBytes = 0;
  presence: PresenceState | null = null;
  /** Yjs client ids that it writes under. */
  readonly clientIds = new Set<number>();
  /** Whether something of it was refused because another connection stood in its way. */
  wasRefused = false;
  /** The name that the person goes by: the token's, or the last one that they chose. */
  name: string;

  constructor(
    socket: PeerSocket,
    { identity, author }: Pick<Arrival, "identity" | "author">,
    credential: Credential,
    rate: RateLimit,
    speaksSession: boolean,
  ) {
    this.socket = socket;
    this.identity = identity;
    this.#author = author;
    this.#isKept = author.isKept;
    this.credential = credential;
    this.rate = rate;
    this.speaksSession = speaksSession;
    this.name = identity.name;
  }

  /** Who its author is across connections; see `Writer`. */
  get authorKey(): string {
    const { own, shared } = this.#author;
    return (this.#isKept ? own : null) ?? shared!;
  }

  get sharedKey(): string | null {
    return this.#author.shared;
  }

  /** Takes note that the client has its personal token. @returns whether that makes it another author. */
  keepIdentity(): boolean {
    const before = this.authorKey;
    this.#isKept = true;
    return this.authorKey !== before;
  }

  forgetPending(): void {
    if (this.pending.length > 0) this.pending = [];
    this.pendingBytes = 0;
  }

  get isHost(): boolean {
    return this.identity.role === "host";
  }
}
