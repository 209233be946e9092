/**
 * The wire protocol, both directions. Every frame is one binary WebSocket message:
 *
 *     frame      := varUint(type) body
 *     type 0     := sync       body := varUint(step) varBytes(payload)
 *                     step 0 SyncStep1  payload = Yjs state vector
 *                     step 1 SyncStep2  payload = Yjs update
 *                     step 2 Update     payload = Yjs update
 *     type 1     := awareness  body := varBytes(awareness update)
 *     type 2     := auth       (never sent by clients; the relay closes with a code instead)
 *     type 3     := queryAwareness, no body
 *     type 83    := session    body := varString(JSON), only with the subprotocol session-room.v1
 *
 * Types 0 to 3 are those of y-websocket 3.1 and y-protocols 1.0. Bytes behind the body are ignored,
 * as every y-websocket does. A decoded message is still untrusted.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import * as MessageType from "./message-type.ts";
import type { Role } from "../session/session.ts";
import * as SyncStep from "./sync-step.ts";

export { MessageType, SyncStep };

/** Subprotocol of clients that speak the session messages. */
export const SUBPROTOCOL = "session-room.v1";
/** A subprotocol that only carries a token: this prefix, then the JWT. The relay never answers it. */
export const TOKEN_SUBPROTOCOL_PREFIX = "session-room.token.";
/** The same with a personal token that has expired: it says who comes with the invitation beside it. */
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

/** What a client asks of the relay. `id` is echoed in the answer; `run` is the run that the person saw. */
export type Command =
  | { readonly type: "join"; readonly id: number }
  | { readonly type: "leave"; readonly id: number }
  | { readonly type: "start"; readonly id: number; readonly run: number }
  | { readonly type: "end"; readonly id: number; readonly run: number }
  /** A newer token of the same person, before the present one expires. */
  | { readonly type: "renew"; readonly id: number; readonly token: string };

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

export type Answer =
  | { readonly type: "answer"; readonly id: number; readonly ok: true; readonly run: number }
  | {
      readonly type: "answer";
      readonly id: number;
      readonly ok: false;
      readonly code: RefusalCode;
      readonly message: string;
    };

export type RelayMessage = Welcome | Answer;

/** A client's frame as far as the relay looks before it acts; payloads are views into the frame. */
export type ClientFrame =
  | { readonly kind: "sync-step-1"; readonly stateVector: Uint8Array }
  | { readonly kind: "sync-step-2" | "update"; readonly update: Uint8Array }
  | { readonly kind: "awareness"; readonly update: Uint8Array }
  | { readonly kind: "query-awareness" }
  | { readonly kind: "session"; readonly command: Command }
  | { readonly kind: "unknown"; readonly type: number };

/** A frame or payload that does not follow the grammar above. The sender's fault, never ours. */
export class MalformedError extends Error {
  override name = "MalformedError";
}

const malformed = (what: string): never => {
  throw new MalformedError(what);
};

const isCommandId = (value: unknown): value is number => Number.isSafeInteger(value);

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
  const { type, id, run, token } = value as Record<string, unknown>;
  if (!isCommandId(id)) return malformed("the session message has no numeric id");
  switch (type) {
    case "join":
    case "leave":
      return { type, id };
    case "start":
    case "end":
      if (!Number.isSafeInteger(run) || (run as number) < 0) return malformed(`${type} needs the run that it is for`);
      return { type, id, run: run as number };
    case "renew":
      if (typeof token !== "string") return malformed("renew needs a token");
      return { type, id, token };
    default:
      return malformed("unknown session message");
  }
};

/**
 * Reads a client's frame.
 *
 * @throws MalformedError, and nothing else, whatever the bytes are.
 */
export const readClientFrame = (frame: Uint8Array): ClientFrame => {
  try {
    const decoder = decoding.createDecoder(frame);
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
    throw new MalformedError("the frame ends early or holds a number out of range");
  }
};

const bytesFrame = (head: readonly number[], payload: Uint8Array): Uint8Array =>
  encoding.encode((encoder) => {
    for (const number of head) encoding.writeVarUint(encoder, number);
    encoding.writeVarUint8Array(encoder, payload);
  });

export const writeSyncStep1 = (stateVector: Uint8Array): Uint8Array =>
  bytesFrame([MessageType.sync, SyncStep.step1], stateVector);
export const writeSyncStep2 = (update: Uint8Array): Uint8Array =>
  bytesFrame([MessageType.sync, SyncStep.step2], update);
export const writeUpdate = (update: Uint8Array): Uint8Array => bytesFrame([MessageType.sync, SyncStep.update], update);

/** Asks the receiver for the awareness states that it knows; a stock client answers with its own among them. */
export const QUERY_AWARENESS: Uint8Array = /* @__PURE__ */ Uint8Array.of(MessageType.queryAwareness);

export const writeAwareness = (update: Uint8Array): Uint8Array => bytesFrame([MessageType.awareness], update);

/**
 * The smallest data message, an awareness update of no states. An idle relay sends it because
 * y-websocket 3.1 hangs up after 30 s without a data message (`messageReconnectTimeout`).
 */
export const KEEPALIVE: Uint8Array = /* @__PURE__ */ Uint8Array.of(MessageType.awareness, 1, 0);

const sessionFrame = (message: Command | RelayMessage): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, MessageType.session);
    encoding.writeVarString(encoder, JSON.stringify(message));
  });

export const writeCommand: (command: Command) => Uint8Array = sessionFrame;
export const writeRelayMessage: (message: RelayMessage) => Uint8Array = sessionFrame;

/**
 * Reads the body of a session message from the relay (the decoder stands behind the type).
 *
 * @returns `null` for a message that this version does not know; newer relays may send some.
 * @throws Error if the body is not a string of JSON: no relay sends that, and nobody should catch it.
 */
export const readRelayMessage = (decoder: decoding.Decoder): RelayMessage | null => {
  const message = JSON.parse(decoding.readVarString(decoder)) as RelayMessage | null;
  return message?.type === "welcome" || message?.type === "answer" ? message : null;
};
