/**
 * The wire protocol, both directions. Every message is one binary WebSocket message:
 *
 *     message    := varUint(type) body
 *     type 0     := sync       body := varUint(step) varBytes(payload)
 *                     step 0 SyncStep1  payload = Yjs state vector
 *                     step 1 SyncStep2  payload = Yjs update
 *                     step 2 Update     payload = Yjs update
 *     type 1     := awareness  body := varBytes(awareness update)
 *     type 2     := auth       (never sent by clients; the relay closes with a code instead)
 *     type 3     := queryAwareness, no body
 *     type 83    := session    body := varString(JSON), only with the subprotocol session-room.v1
 *
 * Types 0 to 3 are those of y-websocket 3.1 and y-protocols 1.0. Bytes after the body are ignored,
 * as in every y-websocket. A decoded message is still untrusted.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import type { Role } from "../session/session.ts";

export const MessageType = { sync: 0, awareness: 1, auth: 2, queryAwareness: 3, session: 83 } as const;
export const SyncStep = { step1: 0, step2: 1, update: 2 } as const;

/** Subprotocol of clients that speak the session messages. */
export const SUBPROTOCOL = "session-room.v1";
/** A subprotocol that only carries a token: this prefix, then the JWT. The relay never answers it. */
export const TOKEN_SUBPROTOCOL_PREFIX = "session-room.token.";
/** The same with a personal token that has expired: it identifies the person who connects with an invitation. */
export const FORMER_SUBPROTOCOL_PREFIX = "session-room.former.";

/** Longest room name, in characters (Unicode code points). */
export const ROOM_NAME_MAX_CHARS = 128;
/** Longest name of a person, in characters (Unicode code points), after trimming. */
export const PERSON_NAME_MAX_CHARS = 80;

/**
 * Whether `room` can name a room: 1 to 128 characters, well-formed Unicode without control characters.
 * Not `.` or `..`, which URLs resolve, percent-encoded too, so that no address would reach the room.
 */
export const isRoomName = (room: string): boolean =>
  room.isWellFormed() && [...room].length <= ROOM_NAME_MAX_CHARS && /^\P{Cc}+$/u.test(room) && !/^\.\.?$/.test(room);

/** A name as it is shown to others: without control characters, trimmed, cut to 80 characters; may be empty. */
export const cleanPersonName = (name: unknown): string => {
  if (typeof name !== "string") return "";
  // Line breaks and bidirectional overrides could dress up a name as another; joiners are part of many scripts.
  const plain = name
    .toWellFormed()
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]+/gu, " ")
    .trim();
  return [...plain].slice(0, PERSON_NAME_MAX_CHARS).join("").trim();
};

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

export type SyncStep1Message = { readonly kind: "sync-step-1"; readonly stateVector: Uint8Array };
export type SyncStep2Message = { readonly kind: "sync-step-2"; readonly update: Uint8Array };
export type UpdateMessage = { readonly kind: "update"; readonly update: Uint8Array };
export type AwarenessMessage = { readonly kind: "awareness"; readonly update: Uint8Array };
export type QueryAwarenessMessage = { readonly kind: "query-awareness" };
export type SessionMessage = { readonly kind: "session"; readonly command: Command };
/** A type that no client sends. */
export type UnknownMessage = { readonly kind: "unknown"; readonly type: number };

/** A client's message, decoded as far as the relay needs to dispatch it; payloads are views into the message. */
export type ClientMessage =
  | SyncStep1Message
  | SyncStep2Message
  | UpdateMessage
  | AwarenessMessage
  | QueryAwarenessMessage
  | SessionMessage
  | UnknownMessage;

/** A message or payload that does not follow the grammar above: the sender's fault. */
export class MalformedError extends Error {
  override name = "MalformedError";
}

const malformed = (what: string): never => {
  throw new MalformedError(what);
};

const isCommandId = (value: unknown): value is number => Number.isSafeInteger(value);

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const parseSignedCount = (value: unknown): SignedCount => {
  if (typeof value !== "object" || value === null) return malformed("seen is not an object");
  const { ledger, count, proof } = value as Record<string, unknown>;
  if (!isCount(ledger) || !isCount(count) || typeof proof !== "string") {
    return malformed("seen needs ledger, count and proof");
  }
  return { ledger, count, proof };
};

const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return malformed("the session message is not JSON");
  }
};

const parseCommand = (text: string): Command => {
  const value = parseJson(text);
  if (typeof value !== "object" || value === null) return malformed("the session message is not an object");
  const { type, id, run, token, seen } = value as Record<string, unknown>;
  if (!isCommandId(id)) return malformed("the session message has no numeric id");
  switch (type) {
    case "join":
      return seen === undefined ? { type, id } : { type, id, seen: parseSignedCount(seen) };
    case "leave":
      return { type, id };
    case "start":
    case "end":
      if (!isCount(run)) return malformed(`${type} needs the run that it is for`);
      return { type, id, run };
    case "renew":
      if (typeof token !== "string") return malformed("renew needs a token");
      return { type, id, token };
    default:
      return malformed("unknown session message");
  }
};

/**
 * Reads a client's message.
 *
 * @throws MalformedError, and nothing else, whatever the bytes are.
 */
export const readClientMessage = (message: Uint8Array): ClientMessage => {
  try {
    const decoder = decoding.createDecoder(message);
    const type = decoding.readVarUint(decoder);
    switch (type) {
      case MessageType.sync: {
        const step = decoding.readVarUint(decoder);
        const payload = decoding.readVarUint8Array(decoder);
        if (step === SyncStep.step1) return { kind: "sync-step-1", stateVector: payload };
        if (step === SyncStep.step2) return { kind: "sync-step-2", update: payload };
        if (step === SyncStep.update) return { kind: "update", update: payload };
        return malformed(`unknown sync step ${step}`);
      }
      case MessageType.awareness:
        return { kind: "awareness", update: decoding.readVarUint8Array(decoder) };
      case MessageType.queryAwareness:
        return { kind: "query-awareness" };
      case MessageType.session:
        return { kind: "session", command: parseCommand(decoding.readVarString(decoder)) };
      default:
        return { kind: "unknown", type };
    }
  } catch (error) {
    if (error instanceof MalformedError) throw error;
    throw new MalformedError("the message ends early or holds a number out of range");
  }
};

const writeMessage = (head: readonly number[], payload: Uint8Array): Uint8Array =>
  encoding.encode((encoder) => {
    for (const number of head) encoding.writeVarUint(encoder, number);
    encoding.writeVarUint8Array(encoder, payload);
  });

const writeSessionMessage = (message: Command | RelayMessage): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, MessageType.session);
    encoding.writeVarString(encoder, JSON.stringify(message));
  });

export const writeSyncStep1 = (stateVector: Uint8Array): Uint8Array =>
  writeMessage([MessageType.sync, SyncStep.step1], stateVector);
export const writeSyncStep2 = (update: Uint8Array): Uint8Array =>
  writeMessage([MessageType.sync, SyncStep.step2], update);
export const writeUpdate = (update: Uint8Array): Uint8Array =>
  writeMessage([MessageType.sync, SyncStep.update], update);
export const writeAwareness = (update: Uint8Array): Uint8Array => writeMessage([MessageType.awareness], update);
export const writeCommand: (command: Command) => Uint8Array = writeSessionMessage;

/** Asks the receiver for the awareness states that it knows; a stock client answers with its own among them. */
export const QUERY_AWARENESS: Uint8Array = /* @__PURE__ */ Uint8Array.of(MessageType.queryAwareness);

/**
 * The smallest data message, an awareness update of no states. An idle relay sends it because
 * y-websocket 3.1 closes after 30 s without a data message (`messageReconnectTimeout`).
 */
export const KEEPALIVE: Uint8Array = /* @__PURE__ */ Uint8Array.of(MessageType.awareness, 1, 0);

export const writeRelayMessage: (message: RelayMessage) => Uint8Array = writeSessionMessage;

const isNumber = (value: unknown): boolean => Number.isSafeInteger(value);
const isText = (value: unknown): boolean => typeof value === "string";

/** Whether a message of the relay has the fields that its type needs. */
const isRelayMessage = (message: Readonly<Record<string, unknown>> | null): boolean => {
  switch (message?.["type"]) {
    case "welcome":
    case "answer":
    case "content-set-aside":
      return true;
    case "saved":
      return isNumber(message["n"]);
    case "refused":
      return (message["n"] === undefined || isNumber(message["n"])) && isText(message["code"]);
    case "document-size":
      return isNumber(message["bytes"]) && isNumber(message["limit"]);
    case "ledger":
      return isNumber(message["id"]);
    default:
      return false;
  }
};

/** The count that an acknowledgement carries; `null` if it carries none. */
export const signedCountOf = ({ ledger, count, proof }: SavedMessage): SignedCount | null =>
  isNumber(ledger) && isNumber(count) && isText(proof) ? { ledger: ledger!, count: count!, proof: proof! } : null;

/**
 * Reads the body of a session message from the relay; the decoder is after the type.
 *
 * @returns `null` for a message that this version does not know; newer relays may send some.
 * @throws Error if the body is not a string of JSON: no relay sends that.
 */
export const readRelayMessage = (decoder: decoding.Decoder): RelayMessage | null => {
  const message = JSON.parse(decoding.readVarString(decoder)) as Record<string, unknown> | null;
  return isRelayMessage(message) ? (message as RelayMessage) : null;
};
