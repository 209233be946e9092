/** A page of a room: a stock y-websocket provider, or the room client with the soak's clock. */
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import type * as Y from "yjs";
import type { Clock } from "../../src/clock.ts";
import { Room } from "../../src/index.ts";

// Each y-websocket provider adds an "exit" listener to the process, and there are many providers here.
process.setMaxListeners(0);

const polyfill = WebSocket as unknown as typeof globalThis.WebSocket;

type PageOptions = {
  readonly kind: "stock" | "room";
  readonly doc: Y.Doc;
  readonly relayUrl: string;
  readonly room: string;
  readonly token: string;
  readonly getToken: () => Promise<string>;
  readonly name: string;
  readonly clock: Clock;
};

export type Page = {
  readonly provider: WebsocketProvider;
  /** `null` for stock clients. */
  readonly room: Room | null;
  /** Names of all others that it lists. */
  readonly others: string[];
  destroy(): void;
};

const nameIn = (state: Record<string, unknown>): string =>
  (state["user"] as { name?: string } | undefined)?.name ?? "(nobody)";

const openStock = ({ relayUrl, room, doc, token, name }: PageOptions): Page => {
  const provider = new WebsocketProvider(relayUrl, encodeURIComponent(room), doc, {
    params: { token },
    WebSocketPolyfill: polyfill,
    disableBc: true,
    connect: false,
  });
  const { awareness } = provider;
  awareness.setLocalStateField("user", { name });
  provider.connect();
  return {
    provider,
    room: null,
    get others() {
      return [...awareness.getStates()].filter(([id]) => id !== doc.clientID).map(([, state]) => nameIn(state));
    },
    destroy: () => {
      provider.destroy();
      awareness.destroy();
    },
  };
};

const openRoomClient = ({ relayUrl, room, doc, token, getToken, name, clock }: PageOptions): Page => {
  const client = new Room({
    relay: relayUrl,
    room,
    token,
    getToken,
    doc,
    displayName: name,
    storage: null,
    clock,
    WebSocketPolyfill: polyfill,
  });
  client.join();
  return {
    provider: client.provider,
    room: client,
    get others() {
      return client.state.people.filter(({ self }) => !self).map((person) => person.name);
    },
    destroy: () => client.destroy(),
  };
};

/** Opens a page, which starts to connect. */
export const openPage = (options: PageOptions): Page =>
  options.kind === "stock" ? openStock(options) : openRoomClient(options);
