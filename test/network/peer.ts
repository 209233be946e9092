/** One person in a room by either client, the stock one or the room client, seen in the same way. */
import { WebSocket } from "ws";
import type { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { Room } from "../../src/index.ts";
import type { RoomState } from "../../src/client/room-state.ts";
import { readSession } from "../../src/session/session.ts";
import type { Session } from "../../src/session/session.ts";
import type { Cable } from "../e2e/cable.ts";

export type Kind = "stock" | "room";
export const KINDS: readonly Kind[] = ["stock", "room"];

export type Peer = {
  readonly name: string;
  readonly cable: Cable;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly provider: WebsocketProvider;
  /** `null` at stock clients. */
  readonly room: Room | null;
  readonly text: string;
  readonly session: Session | null;
  readonly isOnline: boolean;
  /** When the line last opened, by `performance.now()`. */
  readonly onlineAt: number;
  /** When the client last took its line for lost, by `performance.now()`. */
  readonly lostAt: number;
  /** Codes with which lines were closed from the other side; 1006 for those that broke. */
  readonly closeCodes: readonly number[];
  /** Names in everybody else's states, sorted: a ghost or a double stands there once more. */
  readonly others: string[];
  type(text: string): void;
};

export type PeerOptions = {
  readonly kind: Kind;
  readonly name: string;
  readonly relayUrl: string;
  readonly room: string;
  readonly token: string;
  readonly cable: Cable;
  readonly onEnd: (cleanUp: () => void) => void;
};

// Each y-websocket provider listens for the end of the process, and here are many people in one.
process.setMaxListeners(0);

const polyfill = WebSocket as unknown as typeof globalThis.WebSocket;

const open = ({ kind, relayUrl, room, token, cable, name }: PeerOptions) => {
  const url = cable.through(relayUrl).replace("http", "ws").replace("localhost", "127.0.0.1");
  if (kind === "room") {
    const client = new Room({
      relay: url,
      room,
      token,
      displayName: name,
      storage: null,
      WebSocketPolyfill: polyfill,
    });
    return { room: client, doc: client.doc, provider: client.provider, destroy: () => client.destroy() };
  }
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(url, encodeURIComponent(room), doc, {
    params: { token },
    WebSocketPolyfill: polyfill,
    disableBc: true,
    connect: false,
  });
  provider.awareness.setLocalStateField("user", { name });
  return { room: null, doc, provider, destroy: () => provider.destroy() };
};

const nameOf = (state: Record<string, unknown>): string =>
  (state["user"] as { name?: string } | undefined)?.name ?? "(nobody)";

/** Connects; what is in the room comes in time. */
export const createPeer = (options: PeerOptions): Peer => {
  const { room, doc, provider, destroy } = open(options);
  const { awareness } = provider;
  let onlineAt = -Infinity;
  let lostAt = -Infinity;
  const closeCodes: number[] = [];
  provider.on("status", ({ status }) => {
    if (status === "connected") onlineAt = performance.now();
  });
  provider.on("connection-close", (event) => {
    lostAt = performance.now();
    if (event !== null) closeCodes.push(event.code);
  });
  options.onEnd(destroy);
  if (room === null) provider.connect();
  else room.join();
  return {
    name: options.name,
    cable: options.cable,
    doc,
    awareness,
    provider,
    room,
    get text() {
      return doc.getText("text").toString();
    },
    get session() {
      return room === null ? readSession(doc) : room.state.session;
    },
    get isOnline() {
      return provider.wsconnected;
    },
    get onlineAt() {
      return onlineAt;
    },
    get lostAt() {
      return lostAt;
    },
    closeCodes,
    get others() {
      return [...awareness.getStates()]
        .filter(([id]) => id !== doc.clientID)
        .map(([, state]) => nameOf(state))
        .sort();
    },
    type: (text) => doc.getText("text").insert(doc.getText("text").length, text),
  };
};

/** The screen of a room client's person. */
export const screenOf = ({ room }: Peer): RoomState["screen"] => {
  if (room === null) throw new Error("a stock client has no screens");
  return room.state.screen;
};
