/**
 * Reads WebSocket frames as a browser sends them (RFC 6455, section 5) out of the bytes of a connection, in
 * whatever pieces those come. A message that lies whole in one piece, as nearly all do, is unmasked
 * where it lies; what comes in pieces is copied together, so that memory stays near the bytes received,
 * however many pieces they came in.
 */

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** RFC 6455, section 7.4.1. */
const PROTOCOL_ERROR = 1002;
const TOO_BIG = 1009;

const CONTROL_MAX_BYTES = 125;
const LENGTH_16 = 126;
const MASK_BYTES = 4;
/** Frames of one message, at most; browsers send one. */
const MAX_FRAGMENTS = 16_384;

/** What breaks the protocol: the connection is to be closed with this code. */
export class FrameError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export type FrameListener = {
  /** A message; the bytes are the receiver's only until it returns, for they may be part of a larger piece. */
  message(bytes: Uint8Array, isBinary: boolean): void;
  control(opcode: number, payload: Uint8Array): void;
};

/** Pieces put together in one run of bytes that grows with them. */
class Pieces {
  #bytes: Uint8Array;
  #length = 0;

  readonly #mostBytes: number;

  /** @param mostBytes what they come to at most. */
  constructor(firstBytes: number, mostBytes: number) {
    this.#bytes = new Uint8Array(firstBytes);
    this.#mostBytes = mostBytes;
  }

  get length(): number {
    return this.#length;
  }

  add(piece: Uint8Array): void {
    const length = this.#length + piece.byteLength;
    if (length > this.#bytes.byteLength) {
      const grown = new Uint8Array(Math.max(length, Math.min(this.#bytes.byteLength * 2, this.#mostBytes)));
      grown.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = grown;
    }
    this.#bytes.set(piece, this.#length);
    this.#length = length;
  }

  get whole(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }
}

export class FrameReader {
  readonly #listener: FrameListener;
  readonly #maxMessageBytes: number;
  #isStopped = false;
  /** Beginning of a header whose end has not come yet. */
  #headerStart: Uint8Array | null = null;
  /** The frame that is being read. */
  #isFinal = false;
  #opcode = 0;
  #length = 0;
  #mask = 0;
  /** Its payload as far as it has come; `null` between frames. */
  #frame: Pieces | null = null;
  /** Frames of a message whose last frame has not come yet, and what kind of message it is. */
  #message: Pieces | null = null;
  #isBinary = false;
  #fragments = 0;

  /** @param maxMessageBytes longer messages are an error, before they are read. */
  constructor(maxMessageBytes: number, listener: FrameListener) {
    this.#maxMessageBytes = maxMessageBytes;
    this.#listener = listener;
  }

  /** Nothing is heard any more, even of what is being read right now. */
  stop(): void {
    this.#isStopped = true;
    this.#headerStart = this.#frame = this.#message = null;
  }

  /** Takes the next bytes, which are the reader's from now on. @throws FrameError; nothing can be read after it. */
  read(chunk: Uint8Array): void {
    let bytes = chunk;
    if (this.#headerStart !== null) {
      bytes = Buffer.concat([this.#headerStart, chunk]);
      this.#headerStart = null;
    }
    for (let at = 0; at < bytes.byteLength && !this.#isStopped;) {
      if (this.#frame === null) {
        const payloadAt = this.#readHeader(bytes, at);
        if (payloadAt === null) {
          // A copy: as a view it would keep the whole piece in memory.
          this.#headerStart = new Uint8Array(bytes.subarray(at));
          return;
        }
        at = payloadAt;
      }
      const held = this.#frame?.length ?? 0;
      const end = Math.min(at + this.#length - held, bytes.byteLength);
      const piece = bytes.subarray(at, end);
      this.#unmask(piece, held);
      at = end;
      if (held + piece.byteLength === this.#length) {
        let payload = piece;
        if (this.#frame !== null) {
          this.#frame.add(piece);
          payload = this.#frame.whole;
          this.#frame = null;
        }
        this.#take(payload);
      } else {
        // No more room than has come: the length is only a claim.
        this.#frame ??= new Pieces(piece.byteLength, this.#length);
        this.#frame.add(piece);
      }
    }
  }

  /** @returns where the payload begins; `null` if the header is not whole yet. */
  #readHeader(bytes: Uint8Array, at: number): number | null {
    if (bytes.byteLength - at < 2) return null;
    const first = bytes[at]!;
    const second = bytes[at + 1]!;
    const opcode = first & 0x0f;
    const isFinal = (first & 0x80) !== 0;
    if ((first & 0x70) !== 0) throw new FrameError(PROTOCOL_ERROR, "a frame uses an extension that was not agreed on");
    if ((second & 0x80) === 0) throw new FrameError(PROTOCOL_ERROR, "a frame is not masked");
    const shortLength = second & 0x7f;
    const isControl = opcode >= Opcode.close;
    this.#checkOrder(opcode, isFinal);
    if (isControl && shortLength > CONTROL_MAX_BYTES)
      throw new FrameError(PROTOCOL_ERROR, "a control frame is too long");

    let next = at + 2;
    let length = shortLength;
    if (shortLength >= LENGTH_16) {
      const lengthBytes = shortLength === LENGTH_16 ? 2 : 8;
      if (bytes.byteLength - next < lengthBytes) return null;
      length = 0;
      for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[next++]!;
    }
    const before = isControl ? 0 : (this.#message?.length ?? 0);
    if (before + length > this.#maxMessageBytes) {
      throw new FrameError(TOO_BIG, `a message is larger than ${this.#maxMessageBytes} bytes`);
    }
    if (bytes.byteLength - next < MASK_BYTES) return null;
    this.#mask = (bytes[next]! | (bytes[next + 1]! << 8) | (bytes[next + 2]! << 16) | (bytes[next + 3]! << 24)) >>> 0;
    this.#isFinal = isFinal;
    this.#opcode = opcode;
    this.#length = length;
    return next + MASK_BYTES;
  }

  #checkOrder(opcode: number, isFinal: boolean): void {
    switch (opcode) {
      case Opcode.text:
      case Opcode.binary:
        if (this.#message !== null) throw new FrameError(PROTOCOL_ERROR, "a message begins within another");
        return;
      case Opcode.continuation:
        if (this.#message === null) throw new FrameError(PROTOCOL_ERROR, "a message goes on that has not begun");
        return;
      case Opcode.close:
      case Opcode.ping:
      case Opcode.pong:
        if (!isFinal) throw new FrameError(PROTOCOL_ERROR, "a control frame comes in parts");
        return;
      default:
        throw new FrameError(PROTOCOL_ERROR, `the frame's opcode ${opcode} is unknown`);
    }
  }

  /** @param offset where in its payload the piece begins. */
  #unmask(piece: Uint8Array, offset: number): void {
    const mask = this.#mask;
    for (let i = 0; i < piece.byteLength; i++) piece[i]! ^= mask >>> (((offset + i) & 3) << 3);
  }

  #take(payload: Uint8Array): void {
    const opcode = this.#opcode;
    if (opcode >= Opcode.close) return this.#listener.control(opcode, payload);
    if (opcode !== Opcode.continuation) {
      this.#isBinary = opcode === Opcode.binary;
      if (this.#isFinal) return this.#listener.message(payload, this.#isBinary);
      this.#message = new Pieces(payload.byteLength, this.#maxMessageBytes);
      this.#fragments = 0;
    }
    if (++this.#fragments > MAX_FRAGMENTS)
      throw new FrameError(TOO_BIG, `a message has more than ${MAX_FRAGMENTS} parts`);
    const message = this.#message!;
    message.add(payload);
    if (!this.#isFinal) return;
    this.#message = null;
    this.#listener.message(message.whole, this.#isBinary);
  }
}
