/**
 * Real providers, as pages use them: the document applies every update, and the awareness echoes every change.
 * Uses `y-websocket` for all servers except Hocuspocus, which has its own provider.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { HocuspocusProvider, HocuspocusProviderWebsocket } from "@hocuspocus/provider";
import { WebSocket } from "ws";
import type { Awareness } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { ProvidersAnswer, ProvidersRequest } from "../generator/jobs.ts";
import { tokenFor } from "../wire/dialect.ts";
import type { Target } from "../servers.ts";

const OPEN_MS = 30_000;
const CATCH_UP_MS = 30_000;

type Opened = { readonly doc: Y.Doc; readonly awareness: Awareness; isReady(): boolean };
type WebSocketClass = typeof globalThis.WebSocket;

const open = async (target: Target, room: string, number: number): Promise<Opened> => {
  const doc = new Y.Doc();
  if (target.dialect === "hocuspocus") {
    const websocketProvider = new HocuspocusProviderWebsocket({
      url: `ws://127.0.0.1:${target.port}`,
      WebSocketPolyfill: WebSocket,
    });
    const provider = new HocuspocusProvider({ websocketProvider, name: room, document: doc, token: "token" });
    provider.attach();
    return { doc, awareness: provider.awareness!, isReady: () => provider.synced };
  }
  const token = await tokenFor({ room, name: `provider-${number}`, isHost: false });
  const provider = new WebsocketProvider(`ws://127.0.0.1:${target.port}`, room, doc, {
    ...(target.dialect === "session-room" ? { params: { token } } : {}),
    disableBc: true,
    WebSocketPolyfill: WebSocket as unknown as WebSocketClass,
  });
  // A floor does not answer SyncStep1; a connected provider receives everything from then on.
  const isReady = (): boolean => (target.dialect === "bytes" ? provider.wsconnected : provider.synced);
  return { doc, awareness: provider.awareness, isReady };
};

const until = async (isDone: () => boolean, atMostMs: number): Promise<void> => {
  for (const endsAt = Date.now() + atMostMs; !isDone() && Date.now() < endsAt;) await sleep(20);
};

let all: readonly Opened[] = [];
let moves: NodeJS.Timeout | null = null;

const answer = (message: ProvidersAnswer): void => void process.send!(message);

const handle = async (request: ProvidersRequest): Promise<void> => {
  if (request.type === "open") {
    all = await Promise.all(request.rooms.map((room, i) => open(request.target, room, i)));
    await until(() => all.every(({ isReady }) => isReady()), OPEN_MS);
    if (!all.every(({ isReady }) => isReady())) throw new Error("not all real providers were synced in time");
    all.forEach(({ awareness }, i) => awareness.setLocalStateField("user", { name: `Provider ${i}` }));
    let next = 0;
    moves = setInterval(() => {
      const { awareness } = all[next++ % all.length]!;
      awareness.setLocalStateField("cursor", { anchor: next, head: next });
    }, request.moveEveryMs / all.length);
    await sleep(200);
    return answer({ type: "opened" });
  }
  if (moves !== null) clearInterval(moves);
  const isIncomplete = ({ doc }: Opened, clocks: Readonly<Record<number, number>>): boolean => {
    const held = Y.decodeStateVector(Y.encodeStateVector(doc));
    return Object.entries(clocks).some(([client, clock]) => (held.get(Number(client)) ?? 0) < clock);
  };
  const incomplete = (): number => all.filter((each, i) => isIncomplete(each, request.clocks[i]!)).length;
  await until(() => incomplete() === 0, CATCH_UP_MS);
  answer({ type: "checked", incomplete: incomplete() });
};

// Each provider of y-websocket adds a listener for the exit of the process.
process.setMaxListeners(0);
process.on("message", (request: ProvidersRequest) => void handle(request));
process.on("disconnect", () => process.exit(0));
