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
import type { Command, RelayMessage, SavedMessage, SignedCount } from "./session-messages.ts";

export type * from "./session-messages.ts";

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
