/** One person in a room, with the same interface for both clients: stock y-websocket and our room client. */
import { WebSocket } from "ws";
import type { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { Room } from "../../src/index.ts";
import type { RoomState } from "../../src/client/room-state.ts";
import { readSession } from "../../src/session/session.ts";
import type { Session } from "../../src/session/session.ts";
import type { EmulatedNetwork } from "./emulated-network.ts";

export type ClientKind = "stock" | "room";
export const CLIENT_KINDS: readonly ClientKind[] = ["stock", "room"];

export type Peer = {
  readonly name: string;
  readonly network: EmulatedNetwork;
  readonly doc: Y.Doc;
  readonly awareness: Awareness;
  readonly provider: WebsocketProvider;
  /** `null` for stock clients. */
  readonly room: Room | null;
  readonly text: string;
  readonly session: Session | null;
  readonly isOnline: boolean;
  /** When the connection was last opened, by `performance.now()`. */
  readonly onlineAt: number;
  /** When the client last noticed that its connection was lost, by `performance.now()`. */
  readonly lostAt: number;
  /** Close codes received, in order; 1006 for a connection that broke. */
  readonly closeCodes: readonly number[];
  /** Names in all other awareness states, sorted; a ghost or duplicate appears as an additional entry. */
  readonly others: string[];
  type(text: string): void;
};

type PeerOptions = {
  readonly kind: ClientKind;
  readonly name: string;
  readonly relayUrl: string;
  readonly room: string;
  readonly token: string;
  readonly network: EmulatedNetwork;
  readonly onEnd: (cleanUp: () => void) => void;
};

// Each y-websocket provider adds an "exit" listener to the process, and there are many providers here.
process.setMaxListeners(0);

const polyfill = WebSocket as unknown as typeof globalThis.WebSocket;

const open = ({ kind, relayUrl, room, token, network, name }: PeerOptions) => {
  const url = network.through(relayUrl).replace("http", "ws").replace("localhost", "127.0.0.1");
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

/** Starts to connect, and does not wait for the sync. */
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
    network: options.network,
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

/** The screen that the room client's state asks for. */
export const screenOf = ({ room }: Peer): RoomState["screen"] => {
  if (room === null) throw new Error("a stock client has no screens");
  return room.state.screen;
};
