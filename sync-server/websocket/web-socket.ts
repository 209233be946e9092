/**
 * The relay's end of a WebSocket after the handshake (RFC 6455): `ws` reads the frames, and frames that are complete
 * already are written to the TCP stream as they are, the same bytes for all recipients. A WebSocket of `ws` would frame
 * each message once for each recipient.
 */
import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import type { Batch } from "./frame.ts";
import { acceptedBytes } from "./tcp-internals.ts";
import { FrameReceiver } from "./frame-receiver.ts";
import type { FrameEvents } from "./frame-receiver.ts";

/** How long a peer may take to answer a close frame before the connection is destroyed, in ms. */
const CLOSE_TIMEOUT_MS = 2_000;

/** RFC 6455, section 5.2. */
const Opcode = { close: 8, ping: 9, pong: 10 } as const;
const FIN = 0x80;

/** Close code of a close frame without one (RFC 6455, section 7.4.1). */
const NO_CODE = 1005;

export type SocketListener = {
  /** So many bytes arrived, whether they complete a message or not; called after the messages that they complete. */
  bytes(count: number): void;
  /** A message; the bytes may be part of a larger buffer. */
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
  /** How many bytes the system has taken in all. */
  readonly acceptedBytes: number;
  /** Bytes in memory of a message that has not arrived completely. */
  readonly unfinishedBytes: number;
  /** How many batches were written, and how many chunks were read. */
  readonly writes: number;
  readonly reads: number;
  /** Starts reading. What arrived before is read then. */
  listen(listener: SocketListener): void;
  /** Sends complete frames together. */
  write(batch: Batch): void;
  ping(): void;
  /** Calls back, once, when the system has taken all; only while much is buffered. */
  whenDrained(callback: () => void): void;
  /**
   * Stops reading, so that the peer can send no more than the buffers on the way take. Messages that have arrived
   * already are passed on after `resume`.
   */
  pause(): void;
  resume(): void;
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

export class ServerWebSocket implements ClientSocket, FrameEvents {
  readonly #stream: Socket;
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #receiver: FrameReceiver;
  #listener: SocketListener | null = null;
  isOpen = true;
  writes = 0;
  reads = 0;
  #isReading = true;
  #isPaused = false;
  /** What was read in the same chunk as what led to a pause, in order. `null`: nothing. */
  #held: (() => void)[] | null = null;
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

  get unfinishedBytes(): number {
    return this.#receiver.unfinishedBytes;
  }

  get acceptedBytes(): number {
    return acceptedBytes(this.#stream);
  }

  whenDrained(callback: () => void): void {
    this.#stream.once("drain", callback);
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    // The other side has ended its half, with or without a close frame.
    stream.on("end", () => this.#end());
  }

  write({ chunks }: Batch): void {
    if (!this.isOpen) return;
    this.writes++;
    const stream = this.#stream;
    if (chunks.length === 1) {
      stream.write(chunks[0]!);
      return;
    }
    // One call of the system for all.
    stream.cork();
    for (const chunk of chunks) stream.write(chunk);
    stream.uncork();
  }

  ping(): void {
    if (this.isOpen) this.#stream.write(PING);
  }

  pause(): void {
    if (!this.isOpen || this.#isPaused) return;
    this.#isPaused = true;
    this.#stream.pause();
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    if (this.#held !== null) this.#passHeldOn();
    // What was held may have paused it again.
    if (!this.#isPaused) this.#stream.resume();
  }

  close(code: number, reason: string): void {
    if (!this.isOpen) return;
    this.isOpen = false;
    this.#stream.write(closeFrame(code, fitReason(reason)));
    this.resume();
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
    if (!this.isOpen) return;
    if (this.#isPaused) (this.#held ??= []).push(() => this.onMessage(bytes, isBinary));
    else this.#listener!.message(bytes, isBinary);
  }

  /** Answered and counted even in a pause, which comes after at most one chunk. */
  onPing(payload: Uint8Array): void {
    if (!this.isOpen) return;
    this.#answer(payload);
    this.#listener!.control();
  }

  onPong(): void {
    if (this.isOpen) this.#listener!.control();
  }

  onCloseFrame(code: number): void {
    if (this.isOpen && this.#isPaused) {
      (this.#held ??= []).push(() => this.onCloseFrame(code));
      return;
    }
    if (this.isOpen) {
      this.isOpen = false;
      this.#stream.write(code === NO_CODE ? EMPTY_CLOSE : closeFrame(code, ""));
    }
    this.#isReading = false;
    this.#end();
  }

  onFault(code: number, reason: string): void {
    this.#isReading = false;
    this.close(code, reason);
    // The answer to the close frame could not be read any more.
    this.#end();
  }

  #receive(chunk: Buffer): void {
    this.reads++;
    if (this.#isReading) this.#receiver.read(chunk);
    if (this.isOpen) this.#listener!.bytes(chunk.byteLength);
  }

  /** Passes on what was held, until it is paused again. */
  #passHeldOn(): void {
    const held = this.#held!;
    this.#held = null;
    for (let i = 0; i < held.length; i++) {
      if (this.#isPaused) {
        this.#held = held.slice(i);
        return;
      }
      held[i]!();
    }
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
