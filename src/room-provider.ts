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
import { lacksFormer } from "./authorship.ts";
import type { CancelTimer, Timers } from "./clock.ts";
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
} from "./protocol.ts";
import type { Command, RelayMessage } from "./protocol.ts";
import type { AwarenessChange } from "./people.ts";

/** Longest wait before the next try, in ms. */
const MAX_BACKOFF_MS = 2_500;
/**
 * How long a try to connect may take, in ms. Where the network swallows it, browsers wait for minutes, and
 * y-websocket as long as they: it looks for silence on open lines alone.
 */
export const CONNECT_TIMEOUT_MS = 10_000;

export type RelayLineOptions = {
  readonly relayUrl: string;
  readonly room: string;
  readonly doc: Y.Doc;
  readonly token: string;
  readonly clock: Timers;
  readonly WebSocketPolyfill?: typeof WebSocket | undefined;
  readonly onMessage: (message: RelayMessage) => void;
  /** The relay has sent some of the document, the session first of all. */
  readonly onDocument: () => void;
  readonly onLost: () => void;
  /** The relay has closed the line with a code that says not to come back. */
  readonly onRefused: (code: number, reason: string) => void;
};

/**
 * An Awareness whose states neither expire nor are renewed: the relay knows from its sockets who is
 * here, while the timers of hidden tabs are so slow that people would flicker in each other's lists.
 */
const timelessAwareness = (doc: Y.Doc): Awareness => {
  const awareness = new Awareness(doc);
  clearInterval(awareness._checkInterval);
  return awareness;
};

export class RelayLine {
  readonly provider: WebsocketProvider;
  readonly awareness: Awareness;
  readonly #clock: Timers;
  /** Whether the relay lacked something that the page wrote as somebody else, when it last asked for more. */
  lacksFormer: boolean | undefined;
  #isUnserved = false;
  #cancelTry: CancelTimer | null = null;

  constructor(options: RelayLineOptions) {
    const { doc } = options;
    const awareness = timelessAwareness(doc);
    const provider = new WebsocketProvider(options.relayUrl, encodeURIComponent(options.room), doc, {
      awareness,
      connect: false,
      // Other tabs may hold other tokens: what the relay withholds must not come from them.
      disableBc: true,
      maxBackoffTime: MAX_BACKOFF_MS,
      WebSocketPolyfill: options.WebSocketPolyfill ?? WebSocket,
    });
    this.#clock = options.clock;
    this.awareness = awareness;
    this.provider = provider;
    // Says goodbye under the document's client id, and throws if that is not the awareness' any more; a close says it too.
    provider.disconnectBc = () => {};
    this.useToken(options.token);
    this.#sendOwnAwarenessOnly();
    this.#readSessionMessages(options);
    provider.on("status", ({ status }) => this.#watchTry(status === "connecting"));
    provider.on("connection-close", () => {
      this.#watchTry(false);
      // Tries that are spread out do not fall upon a restarted relay all at once.
      const backoffMs = Math.min(2 ** (provider.wsUnsuccessfulReconnects + 1) * 100, MAX_BACKOFF_MS);
      provider.maxBackoffTime = backoffMs * (0.5 + Math.random() / 2);
      this.#isUnserved = false;
      this.forgetOthers();
      options.onLost();
    });
    provider.on("closed", ({ code, reason }) => options.onRefused(code, reason));
  }

  /** Takes this token from the next connect on. It travels as a subprotocol: addresses end up in logs. */
  useToken(token: string, former: string | null = null): void {
    const proof = former === null ? [] : [FORMER_SUBPROTOCOL_PREFIX + former];
    this.provider.protocols = [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token, ...proof];
  }

  connect(): void {
    this.provider.connect();
  }

  /** Hangs up at once and stays away until `connect`. */
  disconnect(): void {
    this.provider.disconnect();
  }

  /** Hangs up at once and tries again, after the usual wait. */
  reconnect(): void {
    this.provider.disconnect();
    this.provider.shouldConnect = true;
  }

  send(command: Command): void {
    this.#sendBytes(writeCommand(command));
  }

  /** Asks for what is missing of the document, unless the question that each line opens with still stands. */
  askForDocument(): void {
    if (!this.#isUnserved) return;
    this.#isUnserved = false;
    this.#sendBytes(writeSyncStep1(Y.encodeStateVector(this.provider.doc)));
  }

  /** Takes note that the relay serves nothing on this line any more, as after a leave or an end. */
  stopServing(): void {
    this.#isUnserved = true;
    this.provider.synced = false;
    this.forgetOthers();
  }

  /**
   * Drops everybody else's presence, clocks included: whoever is still there when presence is served
   * again must not be taken for old news.
   */
  forgetOthers(): void {
    const { awareness } = this;
    const isOther = (clientId: number): boolean => clientId !== awareness.clientID;
    removeAwarenessStates(awareness, [...awareness.states.keys()].filter(isOther), this.provider);
    for (const clientId of awareness.meta.keys()) if (isOther(clientId)) awareness.meta.delete(clientId);
  }

  /** Gives up a try to connect that takes too long; the next one may find another way. */
  #watchTry(isTrying: boolean): void {
    this.#cancelTry?.();
    this.#cancelTry = isTrying ? this.#clock.setTimer(CONNECT_TIMEOUT_MS, () => this.reconnect()) : null;
  }

  destroy(): void {
    this.provider.destroy();
    this.awareness.destroy();
  }

  #sendBytes(frame: Uint8Array): void {
    const { ws } = this.provider;
    if (ws?.readyState === 1) ws.send(frame as Uint8Array<ArrayBuffer>);
  }

  #sendOwnAwarenessOnly(): void {
    const { provider, awareness } = this;
    const sendOwn = (): void => {
      this.#sendBytes(writeAwareness(encodeAwarenessUpdate(awareness, [awareness.clientID])));
    };
    awareness.off("update", provider._awarenessUpdateHandler);
    // Kept where the provider's own handler was: its destroy() takes that off.
    provider._awarenessUpdateHandler = (change: AwarenessChange, origin: unknown) => {
      const { added, updated, removed } = change;
      const ids = [...added, ...updated, ...removed];
      if (origin !== provider && ids.includes(awareness.clientID)) sendOwn();
    };
    awareness.on("update", provider._awarenessUpdateHandler);
    provider.messageHandlers[MessageType.queryAwareness] = sendOwn;
  }

  #readSessionMessages({ onMessage, onDocument }: RelayLineOptions): void {
    const { messageHandlers } = this.provider;
    const readSync = messageHandlers[MessageType.sync]!;
    messageHandlers[MessageType.sync] = (encoder, decoder, ...rest) => {
      const { pos } = decoder;
      const step = decoding.readVarUint(decoder);
      if (step === SyncStep.step1) {
        this.lacksFormer = lacksFormer(this.provider.doc, Y.decodeStateVector(decoding.readVarUint8Array(decoder)));
      }
      decoder.pos = pos;
      readSync(encoder, decoder, ...rest);
      if (step !== SyncStep.step1) onDocument();
    };
    messageHandlers[MessageType.session] = (_encoder, decoder) => {
      const message = readRelayMessage(decoder);
      if (message !== null) onMessage(message);
    };
  }
}
