/**
 * The observable state of the room client: everything that the elements render. They decide nothing themselves.
 */
import type { ContentRefusal, Identity } from "../protocol/protocol.ts";
import type { Role, Session, SessionEnd } from "../session/session.ts";

/** State of the connection to the relay. `closed`: failed for good or destroyed; nothing is retried. */
export type Connection = "connecting" | "online" | "reconnecting" | "closed";

/** Somebody present, as the relay identifies them; several tabs of one person are one entry. */
export type Participant = {
  readonly id: string;
  /** Never empty; "Guest" for somebody who chose no name. Text, never markup. */
  readonly name: string;
  readonly role: Role;
  /** Whether the name is the token's, not the person's own choice. */
  readonly verified: boolean;
  /** Whether this is the person at this page. */
  readonly self: boolean;
};

export type RoomErrorCode =
  /** The token is missing, invalid or expired. */
  | "unauthorized"
  /** Not allowed in this room, or removed from it. */
  | "forbidden"
  | "room-deleted"
  /** Something that was sent is too large. */
  | "too-large"
  /** The relay could not read, or refused, what was sent. */
  | "bad-message"
  /** A setting of the page is wrong: the relay's address, the room's name, two copies of Yjs. */
  | "bad-settings"
  /** The command was sent while there is no connection, or the connection broke before the answer. */
  | "disconnected"
  /** The relay refused the command; the message says why. */
  | "refused";

/** What went wrong, for people (`message`) and for code (`code`). Never holds a token. */
export class RoomError extends Error {
  override name = "RoomError";
  readonly code: RoomErrorCode;
  constructor(code: RoomErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What the person should be looking at. */
export type Screen =
  /** Nothing is known yet. */
  | { readonly name: "connecting" }
  /** The room has not had its first start. `canStart`: a host of a room with manual start. */
  | { readonly name: "waiting"; readonly canStart: boolean }
  /** In the session: the page's content shows. */
  | { readonly name: "joined"; readonly run: number }
  | { readonly name: "left" }
  | {
      readonly name: "ended";
      readonly end: SessionEnd;
      /** The person is a host and no new run is live. */
      readonly canStart: boolean;
      /** A new run is live: "Rejoin the session?". */
      readonly canRejoin: boolean;
    }
  /** Final: the page cannot go on with this token or these settings. */
  | { readonly name: "failed"; readonly error: RoomError };

/** Something that the person should know about the document, while they are in the session. */
export type RoomNotice =
  /** Something that they wrote was refused for good, so that nobody else gets it; `count`: how often. */
  | { readonly code: "refused"; readonly refusal: ContentRefusal; readonly count: number }
  /** Only for hosts. */
  | { readonly code: "document-nearly-full"; readonly bytes: number; readonly limit: number }
  /** The document can no longer be served: nothing new is saved, while the session goes on. */
  | { readonly code: "content-set-aside" }
  /** The document of this page has failed and shows no changes any more; others are not concerned. */
  | { readonly code: "document-broken" };

export type RoomState = {
  readonly screen: Screen;
  readonly connection: Connection;
  /** The person at this page; `null` until the relay has identified them. */
  readonly me: Identity | null;
  /** Hosts first, then by name; empty unless joined. */
  readonly people: readonly Participant[];
  /** The session as the relay has sent it; `null` until received. */
  readonly session: Session | null;
  /** Whether the document holds something of this page's that is neither saved by the relay nor refused. */
  readonly unsaved: boolean;
  readonly notices: readonly RoomNotice[];
};

/** The state before anything has arrived from the relay. */
export const NOTHING_KNOWN: RoomState = {
  screen: { name: "connecting" },
  connection: "connecting",
  me: null,
  people: [],
  session: null,
  unsaved: false,
  notices: [],
};
