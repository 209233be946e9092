/**
 * The line to the relay: a y-websocket provider that speaks `session-room.v1` besides, passes the
 * token as a subprotocol, and sends nobody's presence but its own.
 *
 * Facts about y-websocket 3.1 and y-protocols 1.0.7 that this file leans on: message handlers and
 * `protocols` belong to the instance and are read at each use; `connection-close` is emitted for
 * every lost or failed line before the time of the next try is reckoned from `maxBackoffTime`.
 */
/* oxlint-disable no-underscore-dangle -- the two libraries offer no other way to what is set here. */
import * as decoding from "lib0/decoding";
import { Awareness, encodeAwarenessUpdate, removeAwarenessStates } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { CancelTimer, Timers } from "../clock.ts";
import {
  FORMER_SUBPROTOCOL_PREFIX,
  MessageType,
  readRelayMessage,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeAwareness,
  writeCommand,
  writeSyncStep1,
} from "../protocol/protocol.ts";
import type { Command, RelayMessage } from "../protocol/protocol.ts";
import type { AwarenessChange } from "./people.ts";
import type { PersonalToken } from "./personal-token.ts";

/** Longest wait before the next try, in ms. */
const MAX_BACKOFF_MS = 2_500;
/**
 * How long a try to connect may take, in ms. Where the network swallows it, browsers wait for minutes, and
 * y-websocket as long as they: it looks for silence on open lines alone.
 */
export const CONNECT_TIMEOUT_MS = 10_000;

/**
 * Makes the provider, which connects to nothing yet. Its Awareness neither lets states expire nor renews its
 * own: the relay knows from its sockets who is here, while the timers of hidden tabs are so slow that people
 * would flicker in each other's lists.
 */
export const makeProvider = (
  relayUrl: string,
  room: string,
  doc: Y.Doc,
  WebSocketPolyfill: typeof WebSocket = WebSocket,
): WebsocketProvider => {
  const awareness = new Awareness(doc);
  clearInterval(awareness._checkInterval);
  const provider = new WebsocketProvider(relayUrl, encodeURIComponent(room), doc, {
    awareness,
    connect: false,
    // Other tabs may hold other tokens: what the relay withholds must not come from them.
    disableBc: true,
    maxBackoffTime: MAX_BACKOFF_MS,
    WebSocketPolyfill,
  });
  // Says goodbye under the document's client id, and throws if that is not the awareness' any more; a close says it too.
  provider.disconnectBc = () => {};
  sendOwnAwarenessOnly(provider);
  return provider;
};

/** Takes this token from the next connect on. It travels as a subprotocol: addresses end up in logs. */
export const useToken = (provider: WebsocketProvider, { current, former }: PersonalToken): void => {
  const proof = former === null ? [] : [FORMER_SUBPROTOCOL_PREFIX + former];
  provider.protocols = [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + current, ...proof];
};

/** Hangs up at once and tries again, after the usual wait. */
export const reconnect = (provider: WebsocketProvider): void => {
  provider.disconnect();
  provider.shouldConnect = true;
};

/** Sends a frame if there is a line. */
const send = ({ wsconnected, ws }: WebsocketProvider, frame: Uint8Array): void => {
  if (wsconnected && ws?.readyState === 1) ws.send(frame as Uint8Array<ArrayBuffer>);
};

export const sendCommand = (provider: WebsocketProvider, command: Command): void =>
  send(provider, writeCommand(command));

/** Asks for what is missing of the document. */
export const askForDocument = (provider: WebsocketProvider): void =>
  send(provider, writeSyncStep1(Y.encodeStateVector(provider.doc)));

/**
 * Drops everybody else's presence, clocks included: whoever is still there when presence is served
 * again must not be taken for old news.
 */
export const forgetOthers = (provider: WebsocketProvider): void => {
  const { states, meta, clientID } = provider.awareness;
  const isOther = (clientId: number): boolean => clientId !== clientID;
  removeAwarenessStates(provider.awareness, [...states.keys()].filter(isOther), provider);
  for (const clientId of meta.keys()) if (isOther(clientId)) meta.delete(clientId);
};

/** Spreads the tries to connect, and gives one up that takes too long; the next one may find another way. */
export const manageReconnects = (provider: WebsocketProvider, clock: Timers): void => {
  let cancelTry: CancelTimer | undefined;
  provider.on("status", ({ status }) => {
    cancelTry?.();
    if (status === "connecting") cancelTry = clock.setTimer(CONNECT_TIMEOUT_MS, () => reconnect(provider));
  });
  provider.on("connection-close", () => {
    cancelTry?.();
    // Tries that are spread out do not fall upon a restarted relay all at once.
    const backoffMs = Math.min(2 ** (provider.wsUnsuccessfulReconnects + 1) * 100, MAX_BACKOFF_MS);
    provider.maxBackoffTime = backoffMs * (0.5 + Math.random() / 2);
  });
};

const sendOwnAwarenessOnly = (provider: WebsocketProvider): void => {
  const { awareness } = provider;
  const sendOwn = (): void => send(provider, writeAwareness(encodeAwarenessUpdate(awareness, [awareness.clientID])));
  awareness.off("update", provider._awarenessUpdateHandler);
  // Kept where the provider's own handler was: its destroy() takes that off.
  provider._awarenessUpdateHandler = (change: AwarenessChange, origin: unknown) => {
    const { added, updated, removed } = change;
    const ids = [...added, ...updated, ...removed];
    if (origin !== provider && ids.includes(awareness.clientID)) sendOwn();
  };
  awareness.on("update", provider._awarenessUpdateHandler);
  provider.messageHandlers[MessageType.queryAwareness] = sendOwn;
};

/**
 * @param onDocument is called when the relay has sent some of the document, the session first of all.
 * @param onAsked is called when it asks for more, with the state vector of what it holds.
 */
export const readSessionMessages = (
  { messageHandlers }: WebsocketProvider,
  onMessage: (message: RelayMessage) => void,
  onDocument: () => void,
  onAsked: (held: Map<number, number>) => void,
): void => {
  const readSync = messageHandlers[MessageType.sync]!;
  messageHandlers[MessageType.sync] = (encoder, decoder, ...rest) => {
    const { pos } = decoder;
    const step = decoding.readVarUint(decoder);
    if (step === SyncStep.step1) onAsked(Y.decodeStateVector(decoding.readVarUint8Array(decoder)));
    decoder.pos = pos;
    readSync(encoder, decoder, ...rest);
    if (step !== SyncStep.step1) onDocument();
  };
  messageHandlers[MessageType.session] = (_encoder, decoder) => {
    const message = readRelayMessage(decoder);
    if (message !== null) onMessage(message);
  };
};
