/**
 * The relay's end of a WebSocket after the handshake (RFC 6455): `ws` reads the frames, and frames that are complete
 * already are written to the TCP stream as they are, the same bytes for all recipients. A WebSocket of `ws` would frame
 * each message once for each recipient.
 */
import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import type { Batch } from "./frame.ts";
import { Receiver } from "./ws-internals.ts";

/** How long a peer may take to answer a close frame before the connection is destroyed, in ms. */
const CLOSE_TIMEOUT_MS = 2_000;

/** RFC 6455, section 5.2. */
const Opcode = { close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;

/** Close codes (RFC 6455, section 7.4.1). */
const PROTOCOL_ERROR = 1002;
const NO_CODE = 1005;
const INVALID_TEXT = 1007;
const TOO_BIG = 1009;

/** By the codes of the errors (ws, doc/ws.md, "Error codes"); all others are faults of the protocol. */
const CLOSE_CODES: ReadonlyMap<string | undefined, number> = new Map([
  ["WS_ERR_INVALID_UTF8", INVALID_TEXT],
  ["WS_ERR_TOO_MANY_BUFFERED_PARTS", TOO_BIG],
  ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", TOO_BIG],
  ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", TOO_BIG],
]);

/** Frames of one message; browsers send one. */
const MAX_FRAGMENTS = 16_384;
/** A message of 16 MiB in the smallest segments that TCP uses by itself (536 bytes) has fewer. Each takes some 200 bytes. */
const MAX_BUFFERED_CHUNKS = 32_768;

export type SocketListener = {
  /** So many bytes arrived, whether they complete a message or not. */
  bytes(count: number): void;
  /** A message; the bytes may be part of a larger buffer that is reused after the call. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  /** A ping or a pong arrived. */
  control(): void;
  /** The connection is closed, whichever side closed it. Called once. */
  closed(): void;
};

/** The socket of one client, as the gateway uses it. */
export type ClientSocket = {
  /** Whether something may be sent: neither side has begun to close. */
  readonly isOpen: boolean;
  /** Bytes that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** How many batches were written, and how many chunks were read. */
  readonly writes: number;
  readonly reads: number;
  /** Starts reading. What arrived before is read then. */
  listen(listener: SocketListener): void;
  /** Sends complete frames in one write. */
  write(batch: Batch): void;
  ping(): void;
  /** Starts the closing handshake. @param reason cut to 123 bytes of UTF-8. */
  close(code: number, reason: string): void;
  /** Destroys the connection without a close frame. */
  terminate(): void;
};

/** A frame of at most 125 bytes. */
const controlFrame = (opcode: number, payload: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(FIN | opcode, payload.byteLength), payload]);

/** Longest reason of a close frame, in bytes (RFC 6455, section 5.5). */
const REASON_MAX_BYTES = 123;

/** Cuts a reason to what fits, between two characters. */
const fitReason = (reason: string): string => {
  let text = reason;
  while (Buffer.byteLength(text) > REASON_MAX_BYTES) text = text.slice(0, -1);
  return text.toWellFormed();
};

const closeFrame = (code: number, reason: string): Buffer => {
  const payload = Buffer.allocUnsafe(2 + Buffer.byteLength(reason));
  payload.writeUInt16BE(code);
  payload.write(reason, 2);
  return controlFrame(Opcode.close, payload);
};

const PING = controlFrame(Opcode.ping, new Uint8Array());
const EMPTY_CLOSE = controlFrame(Opcode.close, new Uint8Array());

const NO_LISTENER: SocketListener = { bytes: () => {}, message: () => {}, control: () => {}, closed: () => {} };

export class ServerWebSocket implements ClientSocket {
  readonly #stream: Socket;
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #receiver: FrameReceiver;
  #listener: SocketListener | null = null;
  isOpen = true;
  writes = 0;
  reads = 0;
  #isReading = true;
  #isClosed = false;
  #cancelTimeout: CancelTimer | null = null;
  /** The payload of the newest ping whose pong waits until the peer has read what was sent before. */
  #unanswered: Uint8Array | null = null;

  /**
   * @param stream has a listener for its errors already.
   * @param head what arrived together with the handshake.
   */
  constructor(stream: Socket, head: Uint8Array, maxMessageBytes: number, clock: Pick<Clock, "setTimer">) {
    this.#stream = stream;
    this.#clock = clock;
    this.#receiver = new FrameReceiver(maxMessageBytes, this);
    stream.setTimeout(0);
    stream.setNoDelay();
    if (head.byteLength > 0) stream.unshift(head);
    stream.once("close", () => this.#onClose());
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    // The other side has ended its half, with or without a close frame.
    stream.on("end", () => this.#end());
  }

  write({ bytes }: Batch): void {
    if (!this.isOpen) return;
    this.writes++;
    this.#stream.write(bytes);
  }

  ping(): void {
    if (this.isOpen) this.#stream.write(PING);
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#stream.write(closeFrame(code, fitReason(reason)));
    // The answer arrives after everything that is already on its way, so reading goes on.
    if (this.#listener === null) this.listen(NO_LISTENER);
    this.#startTimeout();
  }

  terminate(): void {
    this.isOpen = false;
    this.#isReading = false;
    this.#stream.destroy();
  }

  onMessage(bytes: Uint8Array, isBinary: boolean): void {
    if (this.isOpen) this.#listener!.message(bytes, isBinary);
  }

  onPing(payload: Uint8Array): void {
    if (!this.isOpen) return;
    this.#answer(payload);
    this.#listener!.control();
  }

  onPong(): void {
    if (this.isOpen) this.#listener!.control();
  }

  onCloseFrame(code: number): void {
    if (this.isOpen) {
      this.isOpen = false;
      this.#stream.write(code === NO_CODE ? EMPTY_CLOSE : closeFrame(code, ""));
    }
    this.#isReading = false;
    this.#end();
  }

  onFault(error: Error & { readonly code?: string }): void {
    this.#isReading = false;
    this.close(CLOSE_CODES.get(error.code) ?? PROTOCOL_ERROR, error.message);
    // The answer to the close frame could not be read any more.
    this.#end();
  }

  #receive(chunk: Buffer): void {
    if (this.isOpen) {
      this.reads++;
      this.#listener!.bytes(chunk.byteLength);
    }
    // Read at once: what it returns about a full buffer means nothing here.
    if (this.#isReading) this.#receiver.write(chunk);
  }

  /** Pings of a peer that does not read get one pong (RFC 6455, section 5.5.3), or pongs would pile up here. */
  #answer(payload: Uint8Array): void {
    const stream = this.#stream;
    if (stream.writableLength === 0) {
      stream.write(controlFrame(Opcode.pong, payload));
      return;
    }
    const isWaiting = this.#unanswered !== null;
    // A copy: a view would keep the whole chunk in memory.
    this.#unanswered = new Uint8Array(payload);
    if (isWaiting) return;
    // Called back when all that was written before has gone out.
    stream.write(new Uint8Array(), () => {
      const newest = this.#unanswered;
      this.#unanswered = null;
      if (newest !== null && this.isOpen) stream.write(controlFrame(Opcode.pong, newest));
    });
  }

  /** Ends our half: both sides have sent a close frame, or the other can send nothing more. */
  #end(): void {
    this.isOpen = false;
    this.#stream.end();
    this.#startTimeout();
  }

  #startTimeout(): void {
    if (!this.#isClosed) this.#cancelTimeout ??= this.#clock.setTimer(CLOSE_TIMEOUT_MS, () => this.terminate());
  }

  #onClose(): void {
    this.isOpen = false;
    this.#isClosed = true;
    this.#isReading = false;
    this.#cancelTimeout?.();
    this.#listener?.closed();
  }
}

/** Passes the events of `ws` to the socket through functions that all sockets share, to save memory. */
class FrameReceiver extends Receiver {
  readonly socket: ServerWebSocket;

  constructor(maxMessageBytes: number, socket: ServerWebSocket) {
    super({
      isServer: true,
      maxPayload: maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: MAX_BUFFERED_CHUNKS,
    });
    this.socket = socket;
    this.on("message", onMessage);
    this.on("ping", onPing);
    this.on("pong", onPong);
    this.on("conclude", onConclude);
    this.on("error", onError);
  }
}

function onMessage(this: FrameReceiver, bytes: Buffer, isBinary: boolean): void {
  this.socket.onMessage(bytes, isBinary);
}

function onPing(this: FrameReceiver, payload: Buffer): void {
  this.socket.onPing(payload);
}

function onPong(this: FrameReceiver): void {
  this.socket.onPong();
}

function onConclude(this: FrameReceiver, code: number): void {
  this.socket.onCloseFrame(code);
}

function onError(this: FrameReceiver, error: Error & { readonly code?: string }): void {
  this.socket.onFault(error);
}
