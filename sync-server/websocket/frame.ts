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

/** Frames of at least so many bytes are not copied, not even to go out in one run of bytes with others. */
export const LARGE_BYTES = 16 * 1024;

/** One message in its frame. */
export class Frame {
  /** All of the frame. */
  readonly chunks: readonly Buffer[];
  readonly #payloadAt: number;
  /** Made when it is needed: no Buffer, whose `slice` copies nothing. */
  #payload: Uint8Array | null = null;

  private constructor(chunks: readonly Buffer[], payloadAt: number) {
    this.chunks = chunks;
    this.#payloadAt = payloadAt;
  }

  /** The message; as a view, unless it is in several chunks. */
  get payload(): Uint8Array {
    if (this.#payload === null) {
      const bytes = this.chunks.length === 1 ? this.chunks[0]! : Buffer.concat(this.chunks);
      const at = this.#payloadAt;
      this.#payload = new Uint8Array(bytes.buffer, bytes.byteOffset + at, bytes.byteLength - at);
    }
    return this.#payload;
  }

  /** A frame for a message of so many bytes, which the caller writes into `payload`. */
  static allocate(payloadBytes: number): Frame {
    const payloadAt = headerBytesFor(payloadBytes);
    // Not from Node's pool: a log of accepted updates keeps views into these for long. Yet a Buffer, or Node would
    // make one of it at each write.
    const bytes = Buffer.allocUnsafeSlow(payloadAt + payloadBytes);
    writeHeader(bytes, payloadBytes);
    return new Frame([bytes], payloadAt);
  }

  static of(message: Uint8Array): Frame {
    const frame = Frame.allocate(message.byteLength);
    frame.payload.set(message);
    return frame;
  }

  /** A frame for a message that is made of parts; none is copied but the first. */
  static ofParts(first: Uint8Array, others: readonly Uint8Array[]): Frame {
    const payloadBytes = others.reduce((sum, { byteLength }) => sum + byteLength, first.byteLength);
    const payloadAt = headerBytesFor(payloadBytes);
    const head = Buffer.allocUnsafeSlow(payloadAt + first.byteLength);
    writeHeader(head, payloadBytes);
    head.set(first, payloadAt);
    const views = others.map(({ buffer, byteOffset, byteLength }) => Buffer.from(buffer, byteOffset, byteLength));
    return new Frame([head, ...views], payloadAt);
  }
}

/** What goes to a socket together. */
export class Batch {
  readonly frames: readonly Frame[];
  #chunks: readonly Buffer[] | null = null;

  constructor(frames: readonly Frame[]) {
    this.frames = frames;
  }

  /** All frames in as few runs of bytes as possible without copying large ones; made once for however many sockets. */
  get chunks(): readonly Buffer[] {
    return (this.#chunks ??= this.frames.length === 1 ? this.frames[0]!.chunks : join(this.frames));
  }
}

const join = (frames: readonly Frame[]): Buffer[] => {
  const joined: Buffer[] = [];
  let small: Buffer[] = [];
  const joinSmall = (): void => {
    if (small.length > 0) joined.push(small.length === 1 ? small[0]! : Buffer.concat(small));
    small = [];
  };
  for (const { chunks } of frames) {
    for (const chunk of chunks) {
      if (chunk.byteLength < LARGE_BYTES) small.push(chunk);
      else {
        joinSmall();
        joined.push(chunk);
      }
    }
  }
  joinSmall();
  return joined;
};
