/**
 * The part of WebSocket (RFC 6455) that a counting client needs: it writes client frames and splits a stream of bytes
 * into messages. The mask is zero, which costs a server the same as any other mask.
 */

export const Opcode = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

const FIN = 0x80;
const MASKED = 0x80;

/** A whole message in one masked frame. */
export const clientFrame = (payload: Uint8Array, opcode: number = Opcode.binary): Buffer => {
  const { length } = payload;
  const lengthBytes = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const frame = Buffer.alloc(2 + lengthBytes + 4 + length);
  frame[0] = FIN | opcode;
  if (lengthBytes === 0) frame[1] = MASKED | length;
  else if (lengthBytes === 2) {
    frame[1] = MASKED | 126;
    frame.writeUInt16BE(length, 2);
  } else {
    frame[1] = MASKED | 127;
    frame.writeBigUInt64BE(BigInt(length), 2);
  }
  frame.set(payload, 2 + lengthBytes + 4);
  return frame;
};

/** Called for one message, which is in `bytes` from `from` up to `to`. The bytes are valid only during the call. */
export type OnMessage = (opcode: number, bytes: Buffer, from: number, to: number) => void;

/** Splits the received bytes into messages, however they are spread over reads. */
export class FrameReader {
  /** The beginning of a frame whose end has not arrived. */
  #rest: Buffer | null = null;
  /** Bytes that must be there before the frame that begins with `#rest` can be read further. */
  #needed = 0;
  readonly #pieces: Buffer[] = [];
  #pieceBytes = 0;

  read(chunk: Buffer, onMessage: OnMessage): void {
    let bytes = chunk;
    if (this.#rest !== null) {
      this.#pieces.push(Buffer.from(chunk));
      this.#pieceBytes += chunk.length;
      if (this.#rest.length + this.#pieceBytes < this.#needed) return;
      bytes = Buffer.concat([this.#rest, ...this.#pieces]);
      this.#rest = null;
      this.#pieces.length = 0;
      this.#pieceBytes = 0;
    }
    let at = 0;
    for (;;) {
      const left = bytes.length - at;
      if (left < 2) return this.#keep(bytes, at, 2);
      const first = bytes[at]!;
      let length = bytes[at + 1]!;
      let head = 2;
      if (length === 126) {
        if (left < 4) return this.#keep(bytes, at, 4);
        length = bytes.readUInt16BE(at + 2);
        head = 4;
      } else if (length === 127) {
        if (left < 10) return this.#keep(bytes, at, 10);
        length = Number(bytes.readBigUInt64BE(at + 2));
        head = 10;
      }
      if (left < head + length) return this.#keep(bytes, at, head + length);
      if ((first & FIN) === 0 || (first & 0x0f) === Opcode.continuation) {
        throw new Error("the server sent a fragmented message, which this client cannot read");
      }
      onMessage(first & 0x0f, bytes, at + head, at + head + length);
      at += head + length;
    }
  }

  #keep(bytes: Buffer, at: number, needed: number): void {
    if (at === bytes.length) return;
    this.#rest = Buffer.from(bytes.subarray(at));
    this.#needed = needed;
  }
}
