/**
 * Messages as they go out: each is put into its WebSocket frame once, for however many it goes to, and what
 * goes to one socket together is one run of bytes. One write to one socket costs more than all else.
 */
import { MessageType, SyncStep } from "../../src/protocol/protocol.ts";
import type { RelayMessage } from "../../src/protocol/protocol.ts";

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

const varUintBytes = (number: number): number => {
  let bytes = 1;
  for (let rest = number; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
};

/** Writes a lib0 varUint; returns where it ends. */
export const writeVarUint = (bytes: Uint8Array, at: number, number: number): number => {
  let next = at;
  let rest = number;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[next++] = (rest % 0x80) | 0x80;
  bytes[next++] = rest;
  return next;
};

/** No Buffer, whose `slice` copies nothing. */
const viewFrom = ({ buffer, byteOffset, byteLength }: Buffer, at: number): Uint8Array =>
  new Uint8Array(buffer, byteOffset + at, byteLength - at);

/** One message in its frame. */
export class Frame {
  /** All of the frame. */
  readonly bytes: Buffer;
  readonly #payloadAt: number;

  private constructor(bytes: Buffer, payloadAt: number) {
    this.bytes = bytes;
    this.#payloadAt = payloadAt;
  }

  get payload(): Uint8Array {
    return viewFrom(this.bytes, this.#payloadAt);
  }

  static #ofSize(payloadBytes: number): Frame {
    const payloadAt = headerBytesFor(payloadBytes);
    // Not from Node's pool: a log of accepted updates keeps views into these for long. Yet a Buffer, or Node would
    // make one of it at each write.
    const bytes = Buffer.allocUnsafeSlow(payloadAt + payloadBytes);
    writeHeader(bytes, payloadBytes);
    return new Frame(bytes, payloadAt);
  }

  static of(message: Uint8Array): Frame {
    const frame = Frame.#ofSize(message.byteLength);
    frame.bytes.set(message, frame.#payloadAt);
    return frame;
  }

  /** A message whose body has a length before it; `kind`: the bytes before that. @returns it and its body, a view. */
  static #withBody(kind: readonly number[], body: Uint8Array): { frame: Frame; body: Uint8Array } {
    const frame = Frame.#ofSize(kind.length + varUintBytes(body.byteLength) + body.byteLength);
    const { bytes } = frame;
    bytes.set(kind, frame.#payloadAt);
    const at = writeVarUint(bytes, frame.#payloadAt + kind.length, body.byteLength);
    bytes.set(body, at);
    return { frame, body: viewFrom(bytes, at) };
  }

  /** An Update, and the update in it as a view. */
  static ofUpdate(update: Uint8Array): { readonly frame: Frame; readonly body: Uint8Array } {
    return Frame.#withBody(UPDATE, update);
  }

  /** Asks for what somebody with this state vector lacks. */
  static ofSyncStep1(stateVector: Uint8Array): Frame {
    return Frame.#withBody(SYNC_STEP_1, stateVector).frame;
  }

  static ofSyncStep2(update: Uint8Array): Frame {
    return Frame.#withBody(SYNC_STEP_2, update).frame;
  }

  static ofAwareness(update: Uint8Array): Frame {
    return Frame.#withBody(AWARENESS, update).frame;
  }

  static ofSession(message: RelayMessage): Frame {
    return Frame.#withBody(SESSION, Buffer.from(JSON.stringify(message))).frame;
  }
}

const SYNC_STEP_1 = [MessageType.sync, SyncStep.step1];
const UPDATE = [MessageType.sync, SyncStep.update];
const SYNC_STEP_2 = [MessageType.sync, SyncStep.step2];
const AWARENESS = [MessageType.awareness];
const SESSION = [MessageType.session];

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
