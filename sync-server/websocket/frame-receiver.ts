/**
 * Reads messages out of the bytes of one peer: `ws` parses the frames, this gathers bytes that arrive in small
 * pieces, and says what a fault means as a close code.
 */
import { announcedBytes, bufferedBytes, missingBytes, Receiver } from "./ws-internals.ts";

/** Close codes (RFC 6455, section 7.4.1). */
const PROTOCOL_ERROR = 1002;
const INVALID_TEXT = 1007;
const TOO_BIG = 1009;
/** The relay's own (src/protocol/close-codes.ts). */
const TOO_LARGE = 4413;

/** By the codes of the errors (ws, doc/ws.md, "Error codes"); all others are faults of the protocol. */
const CLOSE_CODES: ReadonlyMap<string | undefined, number> = new Map([
  ["WS_ERR_INVALID_UTF8", INVALID_TEXT],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", TOO_BIG],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", TOO_BIG],
]);

/** Frames of one message; browsers send one. */
const MAX_FRAGMENTS = 16_384;
/** Smaller pieces of a frame are gathered: `ws` takes quadratic time in how many pieces wait (8.23, `consume`). */
const SMALL_PIECE_BYTES = 32 * 1024;
const GATHER_MIN_BYTES = 1024;
const GATHER_MAX_BYTES = 64 * 1024;
/** Twice the pieces of the largest message that a setting allows. */
const MAX_BUFFERED_CHUNKS = 2 ** 18;
/** `ws` holds it in a signed 32-bit number. */
const MAX_PAYLOAD = 2 ** 31 - 1;

/** How many times the largest message one may announce and still get 4413, which is final for clients, and not 1009. */
const FAR_ABOVE = 2;

export interface FrameEvents {
  /** The bytes may be part of a larger buffer. */
  onMessage(bytes: Uint8Array, isBinary: boolean): void;
  onPing(payload: Uint8Array): void;
  onPong(): void;
  onCloseFrame(code: number): void;
  /** Nothing can be read any more. */
  onFault(code: number, reason: string): void;
}

/** Passes the events of `ws` on through functions that all sockets share, to save memory. */
export class FrameReceiver extends Receiver {
  readonly events: FrameEvents;
  readonly maxMessageBytes: number;
  /** Small pieces of a frame whose payload is not complete. */
  #gathered: Buffer | null = null;
  #gatheredBytes = 0;

  constructor(maxMessageBytes: number, events: FrameEvents) {
    super({
      isServer: true,
      maxPayload: Math.min(maxMessageBytes, MAX_PAYLOAD),
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    });
    this.events = events;
    this.maxMessageBytes = maxMessageBytes;
    this.on("message", onMessage);
    this.on("ping", onPing);
    this.on("pong", onPong);
    this.on("conclude", onConclude);
    this.on("error", onError);
  }

  /** Bytes that a message takes in memory which has not arrived completely. */
  get unfinishedBytes(): number {
    return bufferedBytes(this) + (this.#gathered?.byteLength ?? 0);
  }

  read(chunk: Buffer): void {
    if (chunk.byteLength < SMALL_PIECE_BYTES && chunk.byteLength < missingBytes(this) - this.#gatheredBytes) {
      return this.#gather(chunk);
    }
    this.#writeGathered();
    // Read at once: what it returns about a full buffer means nothing here.
    this.write(chunk);
  }

  #gather(chunk: Buffer): void {
    if (this.#gatheredBytes + chunk.byteLength > GATHER_MAX_BYTES) this.#writeGathered();
    const bytes = this.#gatheredBytes + chunk.byteLength;
    if (this.#gathered === null || this.#gathered.byteLength < bytes) {
      // Doubled each time, so that what is allocated follows what has arrived, not what a header announces.
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(2 * bytes, GATHER_MIN_BYTES), GATHER_MAX_BYTES));
      this.#gathered?.copy(larger, 0, 0, this.#gatheredBytes);
      this.#gathered = larger;
    }
    chunk.copy(this.#gathered, this.#gatheredBytes);
    this.#gatheredBytes = bytes;
  }

  #writeGathered(): void {
    const gathered = this.#gathered;
    if (gathered === null) return;
    const bytes = gathered.subarray(0, this.#gatheredBytes);
    this.#gathered = null;
    this.#gatheredBytes = 0;
    this.write(bytes);
  }
}

function onMessage(this: FrameReceiver, bytes: Buffer, isBinary: boolean): void {
  this.events.onMessage(bytes, isBinary);
}

function onPing(this: FrameReceiver, payload: Buffer): void {
  this.events.onPing(payload);
}

function onPong(this: FrameReceiver): void {
  this.events.onPong();
}

function onConclude(this: FrameReceiver, code: number): void {
  this.events.onCloseFrame(code);
}

function onError(this: FrameReceiver, error: Error & { readonly code?: string }): void {
  if (error.code !== "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH") {
    this.events.onFault(CLOSE_CODES.get(error.code) ?? PROTOCOL_ERROR, error.message);
    return;
  }
  const most = this.maxMessageBytes;
  const code = announcedBytes(this) > FAR_ABOVE * most ? TOO_BIG : TOO_LARGE;
  this.events.onFault(code, `a message larger than ${most} bytes (limit-document-bytes)`);
}
