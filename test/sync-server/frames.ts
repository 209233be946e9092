/** Frames that the relay's tests send, and ways to wait until they are handled. */
import * as encoding from "lib0/encoding";
import type { WebSocket } from "ws";
import * as Y from "yjs";
import { writeAwareness, writeUpdate } from "../../src/protocol/protocol.ts";
import { rawClient, until } from "./harness.ts";
import type { RawClient, Setting, StockClient } from "./harness.ts";

/** Interval of the relay's heartbeat (`sync-server/gateway/heartbeat.ts`). */
const TICK_MS = 5_000;

const socketOf = (client: RawClient | StockClient): WebSocket =>
  "socket" in client ? client.socket : (client.provider.ws as unknown as WebSocket);

const roundTrip = async (socket: WebSocket): Promise<void> => {
  let isAnswered = false;
  const onAnswered = () => {
    isAnswered = true;
  };
  socket.once("pong", onAnswered);
  socket.once("close", onAnswered);
  if (socket.readyState === socket.OPEN) socket.ping();
  else onAnswered();
  await until("the relay answered a ping", () => isAnswered);
  socket.off("pong", onAnswered).off("close", onAnswered);
};

/**
 * Resolves when the relay has handled what these clients have sent, and they, in this order, have handled
 * what the relay has sent in response: list the senders first. What has not arrived by then never will.
 */
export const exchanged = async (...clients: (RawClient | StockClient)[]): Promise<void> => {
  for (const client of clients) {
    // The first pong comes after what the relay had sent before; the second after what that led to.
    await roundTrip(socketOf(client));
    await roundTrip(socketOf(client));
  }
};

/** Advances the relay's clock by `ms` in steps, so that these clients can answer its pings. */
export const passTime = async (
  setting: Setting,
  ms: number,
  ...clients: (RawClient | StockClient)[]
): Promise<void> => {
  for (let left = ms; left > 0; left -= TICK_MS) {
    setting.clock.advance(Math.min(left, TICK_MS));
    await exchanged(...clients);
  }
};

/** An update that inserts `text` into the root text `text`, with a new client id by default. */
export const typing = (text: string, clientId?: number): Uint8Array => {
  const doc = new Y.Doc();
  if (clientId !== undefined) doc.clientID = clientId;
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
};

/** A frame with the update of `typing`. */
export const typingFrame = (text: string, clientId?: number): Uint8Array => writeUpdate(typing(text, clientId));

/** An awareness frame of a client; `json` may be any text. */
export const awarenessFrame = (...entries: { id: number; clock?: number; json: string }[]): Uint8Array => {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, entries.length);
  for (const { id, clock = 1, json } of entries) {
    encoding.writeVarUint(encoder, id);
    encoding.writeVarUint(encoder, clock);
    encoding.writeVarString(encoder, json);
  }
  return writeAwareness(encoding.toUint8Array(encoder));
};

export const userState = (name: string, more: object = {}): string => JSON.stringify({ user: { name, ...more } });

/** A bare WebSocket without `session-room.v1`, like a stock client. */
export const rawStockClient = async (setting: Setting, token: string, room = "room"): Promise<RawClient> =>
  rawClient(setting, token, { protocols: [], path: `/${encodeURIComponent(room)}?token=${token}` });
