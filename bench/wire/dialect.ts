/**
 * How each server is spoken to: the handshake, what a newcomer says and hears, and how updates and cursors are
 * wrapped. Two floors and `@y/websocket-server` take y-websocket's frames; Hocuspocus has the document's name
 * before each; ours is spoken to as `<session-room>` does.
 */
import * as encoding from "lib0/encoding";
import { systemClock } from "../../src/clock.ts";
import {
  MessageType,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeAwareness,
  writeCommand,
  writeSyncStep1,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import type { Command } from "../../src/protocol/protocol.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";

export type DialectName = "bytes" | "y-websocket" | "hocuspocus" | "session-room";

export type Person = { readonly room: string; readonly name: string; readonly isHost: boolean };

export type Dialect = {
  handshake(person: Person): Promise<{ readonly path: string; readonly protocols: readonly string[] }>;
  /** What a newcomer sends. */
  hello(person: Person): readonly Uint8Array[];
  /** Whether a message tells the newcomer that it is in; `null`: who is connected is in. */
  readonly isWelcome: ((bytes: Buffer, body: number, to: number) => boolean) | null;
  /** Where the type of a message stands, behind what the server puts before it. */
  bodyAt(bytes: Buffer, from: number): number;
  wrap(message: Uint8Array, room: string): Uint8Array;
  /** What an idle client must send every 25 s not to be dropped; `null`: nothing. */
  readonly keepAlive: Uint8Array | null;
};

/** Of the bench's own relays, which live as long as it does. */
export const TOKEN_SECRET = "a secret of the bench, long enough for HS256";
const HOUR_MS = 3_600_000;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);
const tokens = createTokens(TOKEN_SECRET, systemClock());

export const tokenFor = ({ room, name, isHost }: Person): Promise<string> =>
  tokens.sign({
    room,
    role: isHost ? "host" : "participant",
    sub: name,
    name,
    expiresAt: Date.now() + 12 * HOUR_MS,
  });

const isSyncStep2 = (bytes: Buffer, body: number): boolean =>
  bytes[body] === MessageType.sync && bytes[body + 1] === SyncStep.step2;

const bytesOnly: Dialect = {
  handshake: async ({ room }) => ({ path: `/${room}`, protocols: [] }),
  hello: () => [],
  isWelcome: null,
  bodyAt: (_bytes, from) => from,
  wrap: (message) => message,
  keepAlive: null,
};

const yWebsocket: Dialect = {
  ...bytesOnly,
  hello: () => [writeSyncStep1(EMPTY_STATE_VECTOR)],
  isWelcome: isSyncStep2,
};

const withName = (room: string, message: Uint8Array): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarString(encoder, room);
    encoding.writeUint8Array(encoder, message);
  });

const hocuspocus: Dialect = {
  handshake: async () => ({ path: "/", protocols: [] }),
  hello: ({ room }) => [
    encoding.encode((encoder) => {
      encoding.writeVarString(encoder, room);
      encoding.writeVarUint(encoder, MessageType.auth);
      encoding.writeVarUint(encoder, 0);
      encoding.writeVarString(encoder, "token");
      encoding.writeVarString(encoder, "4.7.0");
    }),
    withName(room, writeSyncStep1(EMPTY_STATE_VECTOR)),
  ],
  isWelcome: isSyncStep2,
  // Names are shorter than 128 bytes: their length is one byte.
  bodyAt: (bytes, from) => from + 1 + bytes[from]!,
  wrap: (message, room) => withName(room, message),
  // Its limit of silence is 60 s; its own provider renews its awareness state every 15 s.
  keepAlive: writeAwareness(Uint8Array.of(0)),
};

const sessionRoom: Dialect = {
  ...bytesOnly,
  handshake: async (person) => ({
    path: `/${person.room}`,
    protocols: [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + (await tokenFor(person))],
  }),
  hello: () => [writeSyncStep1(EMPTY_STATE_VECTOR), writeCommand({ type: "join", id: 1 })],
  isWelcome: (bytes, body, to) => {
    const answer = readAnswer(bytes, body, to);
    if (answer !== null && !answer.ok) throw new Error("a newcomer was not let in");
    return answer !== null;
  },
};

/** A session message that answers a command; `null` for anything else. */
export const readAnswer = (bytes: Buffer, body: number, to: number): { id: number; ok: boolean } | null => {
  if (bytes[body] !== MessageType.session) return null;
  const message = JSON.parse(bytes.toString("utf8", bytes.indexOf('{"', body), to)) as {
    type: string;
    id: number;
    ok: boolean;
  };
  return message.type === "answer" ? message : null;
};

export const command = (of: Command): Uint8Array => writeCommand(of);
export { writeAwareness, writeUpdate };

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  bytes: bytesOnly,
  "y-websocket": yWebsocket,
  hocuspocus,
  "session-room": sessionRoom,
};
