/** The two ways in which honest clients connect: stock y-websocket, and a bare WebSocket whose frames are captured. */
import * as decoding from "lib0/decoding";
import { WebSocket } from "ws";
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import {
  MessageType,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeAwareness,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";

/** A connection between a client's document and the relay. */
export type ClientConnection = {
  readonly awareness: Awareness;
  connect(): void;
  /** Closes the connection; `connect` may open it again. */
  disconnect(): void;
  readonly isOnline: boolean;
};

export type ConnectionFactory = (
  url: string,
  room: string,
  token: string,
  doc: Y.Doc,
  onClose: (code: number, reason: string) => void,
) => ClientConnection;

/** The stock y-websocket client. */
export const stockConnection: ConnectionFactory = (url, room, token, doc, onClose) => {
  const provider = new WebsocketProvider(url, encodeURIComponent(room), doc, {
    params: { token },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    connect: false,
  });
  provider.on("connection-close", (event) => {
    if (event !== null) onClose(event.code, event.reason);
  });
  return {
    awareness: provider.awareness,
    connect: () => provider.connect(),
    disconnect: () => {
      // If somebody else has written with its client id, Yjs 13.6 changes the id, and y-websocket 3.1 then throws here.
      doc.clientID = provider.awareness.clientID;
      provider.disconnect();
    },
    get isOnline() {
      return provider.synced;
    },
  };
};

/** A client of our own on a bare WebSocket. @param onFrame called with every frame, in both directions. */
export const rawConnection =
  (onFrame: (frame: Uint8Array) => void, onPing: (ms: number) => void): ConnectionFactory =>
  (url, room, token, doc, onClose) => {
    const awareness = new Awareness(doc);
    let socket: WebSocket | null = null;
    let isSynced = false;
    let pingedAt = 0;
    const send = (frame: Uint8Array): void => {
      if (socket?.readyState !== WebSocket.OPEN) return;
      onFrame(frame);
      socket.send(frame);
    };
    const receive = (frame: Uint8Array): void => {
      onFrame(frame);
      const decoder = decoding.createDecoder(frame);
      switch (decoding.readVarUint(decoder)) {
        case MessageType.sync: {
          const step = decoding.readVarUint(decoder);
          const payload = decoding.readVarUint8Array(decoder);
          if (step === SyncStep.step1) return send(writeSyncStep2(Y.encodeStateAsUpdate(doc, payload)));
          Y.applyUpdate(doc, payload, awareness);
          if (step === SyncStep.step2) isSynced = true;
          return;
        }
        case MessageType.awareness:
          return applyAwarenessUpdate(awareness, decoding.readVarUint8Array(decoder), "relay");
      }
    };
    const pinger = setInterval(() => {
      if (socket?.readyState !== WebSocket.OPEN || pingedAt !== 0) return;
      pingedAt = performance.now();
      socket.ping();
    }, 100);
    doc.on("destroy", () => clearInterval(pinger));
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== awareness) send(writeUpdate(update));
    });
    awareness.on("update", (_: unknown, origin: unknown) => {
      if (origin === "local") send(writeAwareness(encodeAwarenessUpdate(awareness, [doc.clientID])));
    });
    return {
      awareness,
      connect: () => {
        socket = new WebSocket(`${url}/${encodeURIComponent(room)}`, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token]);
        socket.on("open", () => {
          send(writeCommand({ type: "join", id: 1 }));
          send(writeSyncStep1(Y.encodeStateVector(doc)));
          send(writeAwareness(encodeAwarenessUpdate(awareness, [doc.clientID])));
        });
        socket.on("message", (data: Buffer) => receive(new Uint8Array(data)));
        socket.on("pong", () => {
          onPing(performance.now() - pingedAt);
          pingedAt = 0;
        });
        socket.on("error", () => {});
        socket.on("close", (code, reason) => onClose(code, reason.toString()));
      },
      disconnect: () => socket?.close(),
      get isOnline() {
        return isSynced;
      },
    };
  };
