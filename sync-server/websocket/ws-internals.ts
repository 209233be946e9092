/**
 * What the relay uses of `ws` beyond its documented interface, all in one place: `Receiver`, which is exported but not
 * documented, and `setSocket`, by which `ws` starts a WebSocket. package.json pins the minor version of `ws`, and
 * `test/structure/private-names.test.ts` fails when one of them changes. As of ws 8.23.
 */
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import * as ws from "ws";

/** `conclude` is the close frame of the peer, with code 1005 if it has none. */
type ReceiverEvents = {
  readonly message: (bytes: Buffer, isBinary: boolean) => void;
  readonly ping: (payload: Buffer) => void;
  readonly pong: (payload: Buffer) => void;
  readonly conclude: (code: number, reason: Buffer) => void;
  readonly error: (error: Error & { readonly code?: string }) => void;
};

type ReceiverOptions = {
  /** Frames must be masked. */
  readonly isServer: boolean;
  /** Bytes of a message. */
  readonly maxPayload: number;
  /** Frames of a message. */
  readonly maxFragments: number;
  /** Pieces of a frame as the system delivers them. */
  readonly maxBufferedChunks: number;
};

/** Reads frames out of the bytes that are written to it, at once. */
export interface Receiver extends Writable {
  on<K extends keyof ReceiverEvents>(event: K, listener: ReceiverEvents[K]): this;
  on(event: string, listener: (...args: never[]) => void): this;
}

export const Receiver = (ws as unknown as { readonly Receiver: new (options: ReceiverOptions) => Receiver }).Receiver;

/** What is left of an upgrade that was answered: the stream, and what has arrived on it already. */
export type Accepted = { readonly stream: Socket; readonly head: Buffer };

/** For `WebSocketServer`: `ws` does the handshake alone, and the stream is taken over from it. */
export class HandshakeOnly extends ws.WebSocket {
  accepted: Accepted | null = null;

  setSocket(stream: Socket, head: Buffer): void {
    this.accepted = { stream, head };
  }
}
