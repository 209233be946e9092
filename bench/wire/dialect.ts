/**
 * The protocol of each server: the handshake, the first messages in both directions, and how updates and cursors are
 * wrapped. The two floors and `@y/websocket-server` use y-websocket's frames. Hocuspocus adds the document's name
 * before each frame. Clients of our relay use the same messages as `<session-room>`.
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
} from "../../src/protocol/protocol.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";

export type DialectName = "bytes" | "y-websocket" | "hocuspocus" | "session-room";

export type Person = { readonly room: string; readonly name: string; readonly isHost: boolean };

export type Dialect = {
  handshake(person: Person): Promise<{ readonly path: string; readonly protocols: readonly string[] }>;
  /** The first messages of a client. */
  hello(person: Person): readonly Uint8Array[];
  /** Whether a message confirms that the client has entered; `null`: a connected client has entered. */
  readonly isWelcome: ((bytes: Buffer, body: number, to: number) => boolean) | null;
  /** The position of a message's type, after any prefix of the server. */
  bodyAt(bytes: Buffer, from: number): number;
  wrap(message: Uint8Array, room: string): Uint8Array;
  /** The message that an idle client must send every 25 s to stay connected; `null`: none. */
  readonly keepAlive: Uint8Array | null;
};

/** Secret of the relays that the bench starts. */
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
  // The length of the name is one byte, because names in the bench are shorter than 128 bytes.
  bodyAt: (bytes, from) => from + 1 + bytes[from]!,
  wrap: (message, room) => withName(room, message),
  // Hocuspocus closes a connection after 60 s of silence; its own provider renews its awareness state every 15 s.
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
    if (answer !== null && !answer.ok) throw new Error("a client was not admitted");
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

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  bytes: bytesOnly,
  "y-websocket": yWebsocket,
  hocuspocus,
  "session-room": sessionRoom,
};
