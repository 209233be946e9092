/**
 * What the relay uses of `ws` beyond its documented interface, all in one place: `Receiver`, which is exported but not
 * documented, with some of its fields, and `setSocket`, by which `ws` starts a WebSocket. package.json pins the minor version of `ws`, and
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
  /** What it reads next: `GET_DATA` is the payload of a frame whose header it has read. */
  readonly _state: number;
  /** Of the present frame, by its header; and of its message, with the frames before it. */
  readonly _payloadLength: number;
  readonly _totalPayloadLength: number;
  /** Bytes of a frame that is not complete, and of the complete frames of a message that is not. */
  readonly _bufferedBytes: number;
  readonly _messageLength: number;
  on<K extends keyof ReceiverEvents>(event: K, listener: ReceiverEvents[K]): this;
  on(event: string, listener: (...args: never[]) => void): this;
}

export const Receiver = (ws as unknown as { readonly Receiver: new (options: ReceiverOptions) => Receiver }).Receiver;

const GET_DATA = 4;

/** How many bytes of the present frame's payload are still to come; 0 while its header is not read. */
export const missingBytes = (receiver: Receiver): number =>
  receiver._state === GET_DATA ? receiver._payloadLength - receiver._bufferedBytes : 0;

/** Bytes that it keeps of a message that is not complete. */
export const bufferedBytes = (receiver: Receiver): number => receiver._bufferedBytes + receiver._messageLength;

/** How long the present message is, by the headers of the frames that have arrived. */
export const announcedBytes = (receiver: Receiver): number => receiver._totalPayloadLength;

/** What is left of an upgrade that was answered: the stream, and what has arrived on it already. */
export type Accepted = { readonly stream: Socket; readonly head: Buffer };

/** For `WebSocketServer`: `ws` does the handshake alone, and the stream is taken over from it. */
export class HandshakeOnly extends ws.WebSocket {
  accepted: Accepted | null = null;

  setSocket(stream: Socket, head: Buffer): void {
    this.accepted = { stream, head };
  }
}
