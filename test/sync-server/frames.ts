/** What the relay's tests send and wait for, frame by frame. */
import * as encoding from "lib0/encoding";
import type { WebSocket } from "ws";
import * as Y from "yjs";
import { writeAwareness, writeUpdate } from "../../src/protocol/protocol.ts";
import { rawClient, until } from "./harness.ts";
import type { RawClient, Setting, StockClient } from "./harness.ts";

/** Every 5 s the relay looks after its sockets (`sync-server/gateway/heartbeat.ts`). */
const TICK_MS = 5_000;

const socketOf = (client: RawClient | StockClient): WebSocket =>
  "socket" in client ? client.socket : (client.provider.ws as unknown as WebSocket);

const roundTrip = async (socket: WebSocket): Promise<void> => {
  let isBack = false;
  const back = () => {
    isBack = true;
  };
  socket.once("pong", back);
  socket.once("close", back);
  if (socket.readyState === socket.OPEN) socket.ping();
  else back();
  await until("the relay answered a ping", () => isBack);
  socket.off("pong", back).off("close", back);
};

/**
 * Resolves when the relay has handled what these clients sent, and they, in this order, have
 * handled what the relay told them: name the senders first. After it, what has not come never will.
 */
export const exchanged = async (...clients: (RawClient | StockClient)[]): Promise<void> => {
  for (const client of clients) {
    // The answer to the first ping comes behind the relay's own; the second follows what that led to.
    await roundTrip(socketOf(client));
    await roundTrip(socketOf(client));
  }
};

/** Lets the relay's time go on by `ms` as it does for clients that answer its pings. */
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

/** An update that types `text` into the root text `text`, under a client id of its own. */
export const typing = (text: string, clientId?: number): Uint8Array => {
  const doc = new Y.Doc();
  if (clientId !== undefined) doc.clientID = clientId;
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc);
};

/** A frame that types `text`; see `typing`. */
export const typingFrame = (text: string, clientId?: number): Uint8Array => writeUpdate(typing(text, clientId));

/** An awareness frame as a client sends it; `json` may be anything at all. */
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

/** A bare socket without `session-room.v1`: a stock client of any version, byte for byte. */
export const rawStockClient = async (setting: Setting, token: string, room = "room"): Promise<RawClient> =>
  rawClient(setting, token, { protocols: [], path: `/${encodeURIComponent(room)}?token=${token}` });
