/**
 * The model of a room as one page has it, the events that change it, and the effects that follow: the types, and
 * what all parts of the reducer share. `room-reducer.ts` decides, `room-client.ts` executes the effects.
 */
import type { Identity, RefusalCode } from "../protocol/protocol.ts";
import type { Session, SessionEnd } from "../session/session.ts";
import type { Connection, RoomError } from "./room-state.ts";

/** A `join` that was sent on this connection. */
export type JoinAttempt = {
  readonly attempt: number;
  /** The session as it was known when the command was sent. */
  readonly asOf: Session;
  /** The relay refused it: another attempt is sent only after a change of the session. */
  readonly isRefused: boolean;
};

export type RoomModel = {
  readonly connection: Connection;
  /** Whether the page has joined at all: before that it does not connect. */
  readonly wantsConnection: boolean;
  /** Whether the page is away (hidden for good, or frozen) and must not connect. */
  readonly isSuspended: boolean;
  /** Whether the page was asked for a newer token because one was refused, and none was accepted since. */
  readonly hasRequestedToken: boolean;

  /** Who the relay says the person is. */
  readonly me: Identity | null;
  /** Whether the person wants to be in the session; `left`: they were asked and went. */
  readonly wish: "none" | "in" | "left";

  readonly session: Session | null;
  /** Whether the relay has sent any of the document: a copy that the page stored may show sessions of long ago. */
  readonly hasDocument: boolean;
  /** Whether the relay serves no content on this connection any more, as after a leave or an end. */
  readonly isWithheld: boolean;
  /** Whether the relay, when it last requested the document, lacked edits that the page made as somebody else. */
  readonly lacksFormerEdits: boolean;
  /** The end that this page has seen; whoever has seen it returns only on request. */
  readonly endSeen: SessionEnd | null;
  /** A host's arrival did not start the room, so Start Session has to. */
  readonly needsManualStart: boolean;

  /** How many joins were sent so far; numbers them. */
  readonly joinAttempts: number;
  /** The join that is not accepted yet. */
  readonly join: JoinAttempt | null;
  /** Run that the relay counts this connection in; `null`: in none. */
  readonly joinedRun: number | null;
  /** Whether the content shows: from the first join until leaving or the end, across lost connections. */
  readonly inside: boolean;

  /** What closed the room for good. */
  readonly error: RoomError | null;
};

/** A person who is not in the session and has not asked to be. */
export const OUTSIDE = { join: null, joinedRun: null, inside: false } as const;

export const INITIAL_MODEL: RoomModel = {
  ...OUTSIDE,
  connection: "connecting",
  wantsConnection: false,
  isSuspended: false,
  hasRequestedToken: false,
  me: null,
  wish: "none",
  session: null,
  hasDocument: false,
  isWithheld: false,
  lacksFormerEdits: false,
  endSeen: null,
  needsManualStart: false,
  joinAttempts: 0,
  error: null,
};

/** What happens to the connection; see `connection-policy.ts`. */
export type ConnectionEvent =
  /** The page goes away for good or is frozen. */
  | { readonly type: "suspended" }
  | { readonly type: "resumed" }
  /** The browser reports that the network is gone, or is back. */
  | { readonly type: "network-lost" }
  | { readonly type: "network-returned" }
  | { readonly type: "disconnected" }
  /** The relay closed the connection with a code that says not to return. */
  | {
      readonly type: "connection-refused";
      readonly error: RoomError;
      /** Whether the refused token was the personal one. */
      readonly hadPersonalToken: boolean;
      /** Whether the page can be asked for a newer token. */
      readonly canRequestToken: boolean;
    }
  /** The page gave a newer token after a refusal. */
  | { readonly type: "token-renewed" }
  /** The page has no newer token; `refusal` is the error of the refused one. */
  | { readonly type: "token-unavailable"; readonly refusal: RoomError };

/** How the commands of the handshake were answered; see `join-handshake.ts`. */
export type HandshakeEvent =
  | { readonly type: "join-accepted"; readonly attempt: number; readonly run: number }
  | { readonly type: "join-refused"; readonly attempt: number; readonly code: RefusalCode }
  /** The answer to a join did not arrive: the connection is silent, or gone. */
  | { readonly type: "join-unanswered" }
  | { readonly type: "leave-answered" }
  | { readonly type: "leave-unanswered" }
  /** The relay has requested the document once more since the join was accepted. */
  | { readonly type: "former-edits-checked" };

export type RoomEvent =
  | ConnectionEvent
  | HandshakeEvent
  /** The person wants to come in: for the first time or again. */
  | { readonly type: "join-requested" }
  | { readonly type: "leave-requested" }
  /** The person's Start was answered; `run` is the present one. */
  | { readonly type: "start-accepted"; readonly run: number }
  /** The relay has said who the person is. */
  | { readonly type: "welcomed"; readonly me: Identity }
  /** The first of the document has arrived from the relay. */
  | { readonly type: "document-received"; readonly session: Session | null }
  /** The map `session` has changed, by whatever: the page may load a stored copy. */
  | { readonly type: "session-changed"; readonly session: Session | null }
  /** The relay has sent its state vector. */
  | { readonly type: "document-requested"; readonly lacksFormerEdits: boolean }
  /** The room cannot be used any more. */
  | { readonly type: "failed"; readonly error: RoomError }
  | { readonly type: "destroyed" };

export type RoomEffect =
  | { readonly type: "connect" }
  | { readonly type: "disconnect" }
  /** Close the connection and connect again, after the usual wait. */
  | { readonly type: "reconnect" }
  /** Connect with the page's token from now on. */
  | { readonly type: "drop-personal-token" }
  | { readonly type: "request-token"; readonly refusal: RoomError }
  /** Give the commands that are not answered yet this error. */
  | { readonly type: "reject-commands"; readonly error: RoomError }
  | { readonly type: "send-join"; readonly attempt: number }
  | { readonly type: "send-leave" }
  /** Find out whether the relay has accepted the edits that the page made as somebody else. */
  | { readonly type: "check-former-edits" }
  /** Send SyncStep1: the relay serves content again. */
  | { readonly type: "request-document" }
  /** The document is not complete any more. */
  | { readonly type: "mark-unsynced" }
  | { readonly type: "show-presence" }
  | { readonly type: "hide-presence" }
  /** Remove everybody else's presence. */
  | { readonly type: "forget-others" }
  /** Close the connection for good and reject what waits. */
  | { readonly type: "give-up"; readonly error: RoomError };

export type Transition = { readonly model: RoomModel; readonly effects: readonly RoomEffect[] };

export const withoutEffects = (model: RoomModel): Transition => ({ model, effects: [] });

export const effectIf = (condition: boolean, effect: RoomEffect): readonly RoomEffect[] => (condition ? [effect] : []);

/** Closes the room for good. */
export const fail = (model: RoomModel, error: RoomError): Transition => ({
  model: { ...model, ...OUTSIDE, connection: "closed", error },
  effects: [{ type: "give-up", error }, ...effectIf(model.inside, { type: "hide-presence" })],
});
