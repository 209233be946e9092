/**
 * The connection to the relay: a y-websocket provider that also speaks `session-room.v1`, passes the token as a
 * subprotocol, and sends nobody's presence but its own.
 *
 * What this file relies on in y-websocket 3.1 and y-protocols 1.0.7: message handlers and `protocols` belong to
 * the instance and are read at each use; `connection-close` is emitted for every lost or failed connection before
 * the wait until the next attempt is computed from `maxBackoffTime`; `closed` is emitted after it, for the close
 * codes that are final.
 */
/* oxlint-disable no-underscore-dangle -- the two libraries offer no other access to what is set here. */
import * as decoding from "lib0/decoding";
import type * as encoding from "lib0/encoding";
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
import { countedSocket } from "./counted-socket.ts";
import type { OnSyncSent } from "./counted-socket.ts";
import type { AwarenessChange } from "./participants.ts";
import { callGuarded } from "./report-error.ts";

/** Longest wait before the next attempt to connect, in ms. */
const MAX_BACKOFF_MS = 2_500;
/**
 * How long an attempt to connect may take, in ms. If the network drops it, browsers wait for minutes, and so does
 * y-websocket: it checks open connections alone for silence.
 */
export const CONNECT_TIMEOUT_MS = 10_000;

/** Removes what was written of an answer that could not be completed: half of it must not be sent. */
const clear = (encoder: encoding.Encoder): void => {
  encoder.bufs = [];
  encoder.cpos = 0;
};

/** `readyState` of an open WebSocket. */
const OPEN = 1;

export type RoomProviderOptions = {
  readonly relayUrl: string;
  readonly room: string;
  readonly doc: Y.Doc;
  readonly clock: Timers;
  readonly WebSocketPolyfill?: typeof WebSocket | undefined;
};

export type RoomProviderHandlers = {
  readonly onMessage: (message: RelayMessage) => void;
  /** The relay has sent an update. @returns whether it is one of the session. */
  readonly onUpdate: (update: Uint8Array) => boolean;
  /** The document was given what the relay sent, the session first of all. */
  readonly onDocument: (isSession: boolean) => void;
  /** Yjs could not take in a change or write what it holds: from now on the document cannot be relied on. */
  readonly onDocumentFailed: () => void;
  readonly onSyncSent: OnSyncSent;
  /** The document has changed, not by the relay, while nothing could be sent. */
  readonly onChangedOffline: () => void;
  /** The relay requests the document, with the state vector of what it holds. */
  readonly onDocumentRequested: (stateVector: ReadonlyMap<number, number>) => void;
  readonly onSynced: () => void;
  readonly onDisconnected: () => void;
  /** Closed with a code that says not to return; follows `onDisconnected`. */
  readonly onRefused: (closeCode: number, reason: string) => void;
};

export class RoomProvider {
  /** The provider of y-websocket, for the page. */
  readonly websocketProvider: WebsocketProvider;
  readonly awareness: Awareness;
  readonly #clock: Timers;
  /** Aborted by `destroy`: the document belongs to the page. */
  readonly #lifetime = new AbortController();

  /** Connects to nothing yet. */
  constructor(options: RoomProviderOptions, handlers: RoomProviderHandlers) {
    const { relayUrl, room, doc, clock, WebSocketPolyfill = WebSocket } = options;
    this.#clock = clock;
    this.awareness = new Awareness(doc);
    // States neither expire nor are renewed: the relay knows from its sockets who is here, while the timers of
    // hidden tabs are so slow that people would flicker in each other's lists.
    clearInterval(this.awareness._checkInterval);
    this.websocketProvider = new WebsocketProvider(relayUrl, encodeURIComponent(room), doc, {
      awareness: this.awareness,
      connect: false,
      // Other tabs may have other tokens: what the relay withholds from this one must not come from them.
      disableBc: true,
      maxBackoffTime: MAX_BACKOFF_MS,
      WebSocketPolyfill: countedSocket(WebSocketPolyfill, handlers.onSyncSent),
    });
    // It removes the state of the document's client id, and throws if the awareness has another one by now. Closing
    // the connection removes the state as well.
    this.websocketProvider.disconnectBc = () => {};
    this.#sendOwnAwarenessOnly();
    this.#manageReconnects();
    this.#readMessages(handlers);
    this.#noteOfflineChanges(handlers);
    this.websocketProvider.on("sync", (isSynced) => isSynced && handlers.onSynced());
    this.websocketProvider.on("connection-close", () => handlers.onDisconnected());
    this.websocketProvider.on("closed", ({ code, reason }) => handlers.onRefused(code, reason));
  }

  /** Whether this page has the whole document that the relay serves. */
  get isSynced(): boolean {
    return this.websocketProvider.synced;
  }

  /** Uses these tokens from the next connection on. They travel as subprotocols, since addresses are logged. */
  useTokens(token: string, former: string | null): void {
    const proof = former === null ? [] : [FORMER_SUBPROTOCOL_PREFIX + former];
    this.websocketProvider.protocols = [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token, ...proof];
  }

  /** @throws whatever the browser throws about the address. */
  connect(): void {
    this.websocketProvider.connect();
  }

  /** Closes the connection at once and stays away. */
  disconnect(): void {
    this.websocketProvider.disconnect();
  }

  /** Closes the connection at once and connects again after the usual wait. */
  reconnect(): void {
    this.websocketProvider.disconnect();
    this.websocketProvider.shouldConnect = true;
  }

  sendCommand(command: Command): void {
    this.#send(writeCommand(command));
  }

  /** Requests what this page lacks of the document. */
  requestDocument(): void {
    this.#send(writeSyncStep1(Y.encodeStateVector(this.websocketProvider.doc)));
  }

  markUnsynced(): void {
    this.websocketProvider.synced = false;
  }

  /**
   * Removes everybody else's presence, clocks included: when presence is served again, the state of somebody who
   * is still there must not be taken for an outdated one.
   */
  forgetOthers(): void {
    const { states, meta, clientID } = this.awareness;
    const isOther = (clientId: number): boolean => clientId !== clientID;
    removeAwarenessStates(this.awareness, [...states.keys()].filter(isOther), this.websocketProvider);
    for (const clientId of meta.keys()) if (isOther(clientId)) meta.delete(clientId);
  }

  destroy(): void {
    this.#lifetime.abort();
    this.websocketProvider.destroy();
    this.awareness.destroy();
  }

  /** Sends a frame if there is an open connection. */
  #send(frame: Uint8Array): void {
    if (this.#canSend) this.websocketProvider.ws!.send(frame as Uint8Array<ArrayBuffer>);
  }

  /** As y-websocket has it when it sends an update. */
  get #canSend(): boolean {
    const { wsconnected, ws } = this.websocketProvider;
    return wsconnected && ws?.readyState === OPEN;
  }

  #noteOfflineChanges({ onChangedOffline }: RoomProviderHandlers): void {
    const { websocketProvider: provider } = this;
    const { doc } = provider;
    const onUpdate = (_update: Uint8Array, origin: unknown): void => {
      if (origin !== provider && !this.#canSend) onChangedOffline();
    };
    doc.on("update", onUpdate);
    this.#lifetime.signal.addEventListener("abort", () => doc.off("update", onUpdate));
  }

  #sendOwnAwarenessOnly(): void {
    const { awareness, websocketProvider: provider } = this;
    const sendOwn = (): void => this.#send(writeAwareness(encodeAwarenessUpdate(awareness, [awareness.clientID])));
    awareness.off("update", provider._awarenessUpdateHandler);
    // In the place of the provider's own handler, so that its destroy() removes this one.
    provider._awarenessUpdateHandler = ({ added, updated, removed }: AwarenessChange, origin: unknown) => {
      const clientIds = [...added, ...updated, ...removed];
      if (origin !== provider && clientIds.includes(awareness.clientID)) sendOwn();
    };
    awareness.on("update", provider._awarenessUpdateHandler);
    provider.messageHandlers[MessageType.queryAwareness] = sendOwn;
  }

  /** Spreads the attempts to connect, and gives up one that takes too long: the next may take another route. */
  #manageReconnects(): void {
    const provider = this.websocketProvider;
    let cancelTimeout: CancelTimer | undefined;
    provider.on("status", ({ status }) => {
      cancelTimeout?.();
      if (status === "connecting") {
        cancelTimeout = this.#clock.setTimer(CONNECT_TIMEOUT_MS, () => this.reconnect());
      }
    });
    provider.on("connection-close", () => {
      cancelTimeout?.();
      // Random waits, so that not all clients of a restarted relay return at once.
      const backoffMs = Math.min(2 ** (provider.wsUnsuccessfulReconnects + 1) * 100, MAX_BACKOFF_MS);
      provider.maxBackoffTime = backoffMs * (0.5 + Math.random() / 2);
    });
  }

  #readMessages(handlers: RoomProviderHandlers): void {
    const { onMessage, onUpdate, onDocument, onDocumentRequested, onDocumentFailed } = handlers;
    const { messageHandlers, doc } = this.websocketProvider;
    const readSync = messageHandlers[MessageType.sync]!;
    // Yjs emits this when all of a change is done. After an error of its own it never does so again.
    let doneCount = 0;
    const onDone = (): void => void doneCount++;
    doc.on("afterAllTransactions", onDone);
    this.#lifetime.signal.addEventListener("abort", () => doc.off("afterAllTransactions", onDone));
    messageHandlers[MessageType.sync] = (encoder, decoder, ...rest) => {
      // Looks into the message, and leaves it to y-websocket.
      const start = decoder.pos;
      const isRequest = decoding.readVarUint(decoder) === SyncStep.step1;
      const payload = decoding.readVarUint8Array(decoder);
      decoder.pos = start;
      if (isRequest) onDocumentRequested(Y.decodeStateVector(payload));
      const isSession = !isRequest && onUpdate(payload);
      const doneBefore = doneCount;
      const isAnswered = callGuarded(() => readSync(encoder, decoder, ...rest));
      if (!isAnswered) clear(encoder);
      if (isRequest ? !isAnswered : doneCount === doneBefore) onDocumentFailed();
      if (!isRequest) onDocument(isSession);
    };
    messageHandlers[MessageType.session] = (_encoder, decoder) => {
      const message = readRelayMessage(decoder);
      if (message !== null) onMessage(message);
    };
    messageHandlers.forEach((read, type) => {
      messageHandlers[type] = (encoder, ...rest) => {
        if (!callGuarded(() => read(encoder, ...rest))) clear(encoder);
      };
    });
  }
}
