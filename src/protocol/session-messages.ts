/**
 * The session messages (type 83 of the wire protocol, JSON): what `session-room.v1` clients ask of the relay, and what
 * it answers and reports.
 */
import type { Role } from "../session/session.ts";

/** How many commits of content a room has, signed by the relay: a client that shows it proves what was committed. */
export type SignedCount = {
  /** Client id of the ledger that the room had then. */
  readonly ledger: number;
  readonly count: number;
  readonly proof: string;
};

/** Enters the run. `id`, in every command: chosen by the client and repeated in the answer. */
export type JoinCommand = {
  readonly type: "join";
  readonly id: number;
  /** The newest count that the client was sent. */
  readonly seen?: SignedCount;
};
/** Leaves the run; the connection stays. */
export type LeaveCommand = { readonly type: "leave"; readonly id: number };
/** Starts the run after `run`, the one that the person saw. */
export type StartCommand = { readonly type: "start"; readonly id: number; readonly run: number };
/** Ends the run that the person saw. */
export type EndCommand = { readonly type: "end"; readonly id: number; readonly run: number };
/** A newer token of the same person, before the present one expires. */
export type RenewCommand = { readonly type: "renew"; readonly id: number; readonly token: string };

/** What a client asks of the relay. */
export type Command = JoinCommand | LeaveCommand | StartCommand | EndCommand | RenewCommand;

/** Who the relay holds a client to be. `verified`: the name is the token's. */
export type Identity = {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly verified: boolean;
};

/** First message of the relay to each `session-room.v1` client, and again when its token was renewed. */
export type Welcome = {
  readonly type: "welcome";
  readonly person: Identity;
  /** Personal token to use from now on; present when the client came with an invitation. */
  readonly token?: string;
  /**
   * In how many ms the token expires; the relay then closes with 4401 unless it was renewed. A time
   * span, since the clocks of people's machines are often minutes wrong.
   */
  readonly expiresInMs: number;
};

/** Why a command was refused. */
export type RefusalCode =
  /** Only hosts may do this. */
  | "not-a-host"
  /** The session has not started. */
  | "not-started"
  /** The session has ended. */
  | "ended"
  /** The command names a run that the room has not reached. */
  | "unknown-run"
  /** The new token is wrong or has expired. */
  | "bad-token"
  /** The new token is for another person, room or role. */
  | "other-person";

/** The command was carried out; `run` is the room's present run. */
export type AcceptedAnswer = {
  readonly type: "answer";
  readonly id: number;
  readonly ok: true;
  readonly run: number;
};
/** The command was refused; `message` says why in English. */
export type RefusedAnswer = {
  readonly type: "answer";
  readonly id: number;
  readonly ok: false;
  readonly code: RefusalCode;
  readonly message: string;
};

export type Answer = AcceptedAnswer | RefusedAnswer;

/**
 * All sync messages (SyncStep2 and Update, numbered from 1 on each connection) up to the `n`-th are settled:
 * committed, refused in a message of its own, held already, or dropped since they hold nothing of the sender's own.
 */
export type SavedMessage = { readonly type: "saved"; readonly n: number } & Partial<SignedCount>;

/** Why something of a client's own was refused for good. */
export type ContentRefusal =
  /** The document has no room for it. */
  | "document-full"
  /** It is written under a Yjs client id that is another person's. */
  | "other-author"
  /** It refers to what clients must not write, such as the session. */
  | "forbidden"
  /** Types or values are nested too deep. */
  | "too-deep"
  | "too-large"
  /** Not an edit, but an awareness state. */
  | "awareness-too-large";

/** Something of the client's own was refused for good; `message` says why in English. */
export type RefusedMessage = {
  readonly type: "refused";
  /** Number of the sync message; absent if it was none. */
  readonly n?: number;
  readonly code: ContentRefusal;
  readonly message: string;
};

/** Serving this room's content failed: it is neither served nor accepted any more, while the session goes on. */
export type ContentSetAsideMessage = { readonly type: "content-set-aside" };

/** How large the document is, sent to hosts when it is nearly full. */
export type DocumentSizeMessage = { readonly type: "document-size"; readonly bytes: number; readonly limit: number };

/** The client id under which the ledger is written from now on; sent before the first update of that ledger. */
export type LedgerMessage = { readonly type: "ledger"; readonly id: number };

/** The session messages of the relay. */
export type RelayMessage =
  | Welcome
  | Answer
  | SavedMessage
  | RefusedMessage
  | ContentSetAsideMessage
  | DocumentSizeMessage
  | LedgerMessage;
