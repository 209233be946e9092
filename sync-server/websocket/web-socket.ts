/**
 * The relay's end of a WebSocket whose handshake is done (RFC 6455): messages in, frames that are made
 * already out, pings, and the goodbye. Written for what the relay does all day: one read for each small
 * message, one write of the same bytes for each receiver, and as little memory as can be for each line.
 */
import type { Socket } from "node:net";
import type { CancelTimer, Clock } from "../../src/clock.ts";
import type { Batch } from "./frame.ts";
import { FrameError, FrameReader, Opcode } from "./frame-reader.ts";
import type { FrameListener } from "./frame-reader.ts";

/** How long a peer may take to answer a close frame before it is cut, in ms. */
export const GOODBYE_MS = 2_000;

/** RFC 6455, section 7.4.1. */
const PROTOCOL_ERROR = 1002;
const BAD_TEXT = 1007;

const FIN = 0x80;
const utf8 = new TextDecoder("utf-8", { fatal: true });

/** What becomes of a line. */
export type SocketListener = {
  /** So many bytes came, whole messages or not. */
  bytes(count: number): void;
  /** A message; the bytes are the receiver's only until it returns. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  /** A frame came that is no message. */
  control(): void;
  /** It is over, whoever ended it. Called once. */
  closed(): void;
};

/** What the relay needs of a line. */
export type Line = {
  /** Whether something may be sent: neither side has said goodbye. */
  readonly isOpen: boolean;
  /** Bytes that the system has not taken yet. */
  readonly bufferedBytes: number;
  /** How many writes of messages there were, and how often something came. */
  readonly writes: number;
  readonly heard: number;
  /** Nothing is heard before; whatever came is heard then. */
  listen(listener: SocketListener): void;
  /** Sends frames that are made already, in one write. */
  write(batch: Batch): void;
  ping(): void;
  /** Says goodbye. @param reason cut to 123 bytes of UTF-8. */
  close(code: number, reason: string): void;
  /** Cuts the line without a word. */
  terminate(): void;
};

/** Frames of at most 125 bytes. */
const controlFrame = (opcode: number, payload: Uint8Array): Buffer =>
  Buffer.concat([Uint8Array.of(FIN | opcode, payload.byteLength), payload]);

/** Longest reason of a close frame, in bytes (RFC 6455, section 5.5). */
const REASON_MAX_BYTES = 123;

/** Cuts a reason to what fits, at a character's edge. */
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

/** Codes that may stand in a close frame (RFC 6455, 7.4; the IANA registry). */
const isCloseCode = (code: number): boolean =>
  (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) || (code >= 3000 && code <= 4999);

export class ServerWebSocket implements Line, FrameListener {
  readonly #stream: Socket;
  readonly #clock: Pick<Clock, "setTimer">;
  readonly #reader: FrameReader;
  #listener: SocketListener | null = null;
  isOpen = true;
  writes = 0;
  heard = 0;
  #isClosed = false;
  #cancelGoodbye: CancelTimer | null = null;
  /** The newest ping that waits for the peer to read what was sent before. */
  #unanswered: Uint8Array | null = null;

  /**
   * @param stream whose errors are somebody's to hear.
   * @param head what has come behind the handshake.
   */
  constructor(stream: Socket, head: Uint8Array, maxMessageBytes: number, clock: Pick<Clock, "setTimer">) {
    this.#stream = stream;
    this.#clock = clock;
    this.#reader = new FrameReader(maxMessageBytes, this);
    stream.setTimeout(0);
    stream.setNoDelay();
    if (head.byteLength > 0) stream.unshift(head);
    stream.once("close", () => this.#over());
  }

  get bufferedBytes(): number {
    return this.#stream.writableLength;
  }

  listen(listener: SocketListener): void {
    this.#listener = listener;
    const stream = this.#stream;
    stream.on("data", (chunk: Buffer) => this.#receive(chunk));
    // The other side has said its last, with or without a goodbye.
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
    // Read on: the answer comes behind what is on its way.
    if (this.#listener === null) this.listen(NOBODY);
    this.#cutSoon();
  }

  terminate(): void {
    this.isOpen = false;
    this.#reader.stop();
    this.#stream.destroy();
  }

  message(bytes: Uint8Array, isBinary: boolean): void {
    if (this.isOpen) this.#listener!.message(bytes, isBinary);
  }

  control(opcode: number, payload: Uint8Array): void {
    if (opcode === Opcode.close) return this.#receiveClose(payload);
    if (!this.isOpen) return;
    if (opcode === Opcode.ping) this.#answer(payload);
    this.#listener!.control();
  }

  #receive(chunk: Uint8Array): void {
    if (this.isOpen) {
      this.heard++;
      this.#listener!.bytes(chunk.byteLength);
    }
    try {
      this.#reader.read(chunk);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#reader.stop();
      this.close(error.code, error.message);
      // An answer could not be read any more.
      this.#end();
    }
  }

  /** A peer that does not read gets one answer for all its pings (RFC 6455, 5.5.3), or they would pile up here. */
  #answer(payload: Uint8Array): void {
    const stream = this.#stream;
    if (stream.writableLength === 0) {
      stream.write(controlFrame(Opcode.pong, payload));
      return;
    }
    const isWaiting = this.#unanswered !== null;
    this.#unanswered = new Uint8Array(payload);
    if (isWaiting) return;
    // Behind all that was written before.
    stream.write(new Uint8Array(), () => {
      const newest = this.#unanswered;
      this.#unanswered = null;
      if (newest !== null && this.isOpen) stream.write(controlFrame(Opcode.pong, newest));
    });
  }

  #receiveClose(payload: Uint8Array): void {
    if (this.isOpen) {
      checkClose(payload);
      this.isOpen = false;
      this.#stream.write(payload.byteLength < 2 ? EMPTY_CLOSE : controlFrame(Opcode.close, payload.subarray(0, 2)));
    }
    this.#reader.stop();
    this.#end();
  }

  /** Both sides have said goodbye, or the other can say nothing more. */
  #end(): void {
    this.isOpen = false;
    this.#stream.end();
    this.#cutSoon();
  }

  #cutSoon(): void {
    if (!this.#isClosed) this.#cancelGoodbye ??= this.#clock.setTimer(GOODBYE_MS, () => this.terminate());
  }

  #over(): void {
    this.isOpen = false;
    this.#isClosed = true;
    this.#reader.stop();
    this.#cancelGoodbye?.();
    this.#listener?.closed();
  }
}

/** Hears nothing of a line that is being closed. */
const NOBODY: SocketListener = { bytes: () => {}, message: () => {}, control: () => {}, closed: () => {} };

/** Looks at the payload of a close frame. @throws FrameError */
const checkClose = (payload: Uint8Array): void => {
  if (payload.byteLength === 0) return;
  const code = payload.byteLength === 1 ? 0 : payload[0]! * 256 + payload[1]!;
  if (!isCloseCode(code)) throw new FrameError(PROTOCOL_ERROR, "a close frame has no valid code");
  try {
    utf8.decode(payload.subarray(2));
  } catch {
    throw new FrameError(BAD_TEXT, "the reason of a close frame is not UTF-8");
  }
};
