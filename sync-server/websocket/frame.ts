/**
 * WebSocket frames of outgoing messages (RFC 6455): each message is put into its frame once, for however many
 * sockets, and what goes to one socket together is one run of bytes, since a write costs more than all else.
 */

/** RFC 6455, section 5.2: the whole message in one frame, binary. */
const FIN_BINARY = 0x82;
const LENGTH_16 = 126;
const LENGTH_64 = 127;

const headerBytesFor = (payloadBytes: number): number => {
  if (payloadBytes < LENGTH_16) return 2;
  return payloadBytes < 2 ** 16 ? 4 : 10;
};

const writeHeader = (bytes: Uint8Array, payloadBytes: number): void => {
  bytes[0] = FIN_BINARY;
  if (payloadBytes < LENGTH_16) bytes[1] = payloadBytes;
  else if (payloadBytes < 2 ** 16) {
    bytes[1] = LENGTH_16;
    bytes[2] = payloadBytes >>> 8;
    bytes[3] = payloadBytes & 0xff;
  } else {
    bytes[1] = LENGTH_64;
    new DataView(bytes.buffer, bytes.byteOffset).setBigUint64(2, BigInt(payloadBytes));
  }
};

/** One message in its frame. */
export class Frame {
  /** All of the frame. */
  readonly bytes: Buffer;
  /** The message, as a view. No Buffer, whose `slice` copies nothing. */
  readonly payload: Uint8Array;

  private constructor(bytes: Buffer, payloadAt: number) {
    this.bytes = bytes;
    this.payload = new Uint8Array(bytes.buffer, bytes.byteOffset + payloadAt, bytes.byteLength - payloadAt);
  }

  /** A frame for a message of so many bytes, which the caller writes into `payload`. */
  static allocate(payloadBytes: number): Frame {
    const payloadAt = headerBytesFor(payloadBytes);
    // Not from Node's pool: a log of accepted updates keeps views into these for long. Yet a Buffer, or Node would
    // make one of it at each write.
    const bytes = Buffer.allocUnsafeSlow(payloadAt + payloadBytes);
    writeHeader(bytes, payloadBytes);
    return new Frame(bytes, payloadAt);
  }

  static of(message: Uint8Array): Frame {
    const frame = Frame.allocate(message.byteLength);
    frame.payload.set(message);
    return frame;
  }
}

/** What goes to a socket together. */
export class Batch {
  readonly frames: readonly Frame[];
  #bytes: Buffer | null = null;

  constructor(frames: readonly Frame[]) {
    this.frames = frames;
  }

  /** All frames in one run of bytes, made once for however many sockets. */
  get bytes(): Buffer {
    if (this.#bytes === null) {
      const { frames } = this;
      this.#bytes = frames.length === 1 ? frames[0]!.bytes : Buffer.concat(frames.map(({ bytes }) => bytes));
    }
    return this.#bytes;
  }
}
