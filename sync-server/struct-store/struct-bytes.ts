/**
 * Reads and writes the bytes of single structs, as yjs 13.6 encodes them (`Item.write`, `GC.write`; the layout is
 * in `update/scan.ts`). All bytes come from updates that were scanned, so nothing here can be malformed.
 */
import * as encoding from "lib0/encoding";
import { HAS_ORIGIN, HAS_RIGHT_ORIGIN, Reader } from "../update/reader.ts";
import { NONE } from "../update/scan.ts";
import type { Steps } from "./steps.ts";

/** What a struct holds, by the low five bits of its first byte (yjs 13.6, `contentRefs`). */
export const Ref = {
  gc: 0,
  deleted: 1,
  json: 2,
  binary: 3,
  string: 4,
  embed: 5,
  format: 6,
  type: 7,
  any: 8,
  doc: 9,
} as const;

const REF_BITS = 0x1f;

export const refOf = (firstByte: number): number => firstByte & REF_BITS;

/** How many bytes lib0's varUint takes. */
export const varUintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 0x80)) size++;
  return size;
};

/** Where the parts of one item lie in its bytes, and what it refers to. One object reads many. */
export class ItemView {
  bytes: Uint8Array = new Uint8Array();
  info = 0;
  originClient: number = NONE;
  originClock: number = NONE;
  rightClient: number = NONE;
  rightClock: number = NONE;
  /** Where the part between the origins and the content begins: the parent, in an item with neither origin. */
  parentStart = 0;
  contentStart = 0;

  /** @param bytes those of one item, not of a GC struct. */
  read(bytes: Uint8Array): void {
    const reader = new Reader(bytes);
    this.bytes = bytes;
    this.info = reader.byte();
    this.originClient = this.originClock = this.rightClient = this.rightClock = NONE;
    if ((this.info & HAS_ORIGIN) !== 0) {
      this.originClient = reader.varUint();
      this.originClock = reader.varUint();
    }
    if ((this.info & HAS_RIGHT_ORIGIN) !== 0) {
      this.rightClient = reader.varUint();
      this.rightClock = reader.varUint();
    }
    this.parentStart = reader.pos;
    if ((this.info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) reader.skipParent(this.info);
    this.contentStart = reader.pos;
  }

  get ref(): number {
    return refOf(this.info);
  }

  hasRightOrigin(client: number, clock: number): boolean {
    return this.rightClient === client && this.rightClock === clock;
  }
}

export const writeGc = (encoder: encoding.Encoder, length: number): void => {
  encoding.writeUint8(encoder, Ref.gc);
  encoding.writeVarUint(encoder, length);
};

/**
 * Writes the part of an item before its content.
 *
 * @param clock where the item begins.
 * @param from where what is written begins; behind `clock`, the unit before becomes the origin.
 */
export const writePlace = (
  encoder: encoding.Encoder,
  view: ItemView,
  ref: number,
  client: number,
  clock: number,
  from: number,
): void => {
  const info = (view.info & ~REF_BITS) | ref;
  if (from === clock) {
    encoding.writeUint8(encoder, info);
    encoding.writeUint8Array(encoder, view.bytes.subarray(1, view.contentStart));
    return;
  }
  encoding.writeUint8(encoder, info | HAS_ORIGIN);
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, from - 1);
  if (view.rightClient !== NONE) {
    encoding.writeVarUint(encoder, view.rightClient);
    encoding.writeVarUint(encoder, view.rightClock);
  }
};

/**
 * The content of one item, of which consecutive parts are taken from left to right. Linear over all parts; for
 * ContentString, ContentAny and ContentJSON only, as nothing else can be cut.
 */
export class ContentParts {
  readonly #ref: number;
  readonly #bytes: Uint8Array;
  readonly #length: number;
  /** Of a string that is not ASCII: its text; decoded once, and only if it is cut. */
  #text: string | null = null;
  /** Of values: where the next one begins, and which it is. */
  readonly #reader: Reader;
  #unit = 0;
  /** Where a string or the first value begins. */
  readonly #start: number;
  readonly #steps: Steps | null;

  /** @param length in clock units. */
  constructor(view: ItemView, length: number, steps: Steps | null = null) {
    this.#steps = steps;
    this.#ref = view.ref;
    this.#bytes = view.bytes;
    this.#length = length;
    this.#reader = new Reader(view.bytes);
    this.#reader.pos = view.contentStart;
    // The size of a string in bytes, or the number of values.
    this.#reader.varUint();
    this.#start = this.#reader.pos;
  }

  /** The encoded units from one up to another, without their count; `from` is never less than the last `to`. */
  take(from: number, to: number): Uint8Array {
    if (from === 0 && to === this.#length) return this.#bytes.subarray(this.#start);
    if (this.#ref !== Ref.string) return this.#takeValues(from, to);
    if (this.#bytes.length - this.#start === this.#length) {
      return this.#bytes.subarray(this.#start + from, this.#start + to);
    }
    this.#text ??= Buffer.from(
      this.#bytes.buffer,
      this.#bytes.byteOffset + this.#start,
      this.#bytes.length - this.#start,
    ).toString("utf8");
    // Both halves of a surrogate pair that is cut become U+FFFD (yjs 13.6, `ContentString.splice`).
    return Buffer.from(this.#text.slice(from, to).toWellFormed(), "utf8");
  }

  #takeValues(from: number, to: number): Uint8Array {
    this.#skipTo(from);
    const start = this.#reader.pos;
    this.#skipTo(to);
    return this.#bytes.subarray(start, this.#reader.pos);
  }

  #skipTo(unit: number): void {
    for (; this.#unit < unit; this.#unit++) {
      if (this.#steps !== null) this.#steps.count++;
      if (this.#ref === Ref.json) this.#reader.jsonOrUndefined();
      else this.#reader.any();
    }
  }
}

/** Whether content of this kind has several units that can be cut and joined: those with a `mergeWith` and `splice` of use. */
export const isDivisible = (ref: number): boolean => ref === Ref.string || ref === Ref.any || ref === Ref.json;

/** Writes the size or count that stands before joined content. */
export const writeContentHead = (encoder: encoding.Encoder, ref: number, units: number, byteLength: number): void =>
  encoding.writeVarUint(encoder, ref === Ref.string ? byteLength : units);

const isWholeGc = (bytes: Uint8Array): boolean => refOf(bytes[0]!) === Ref.gc;

/**
 * What of a struct stands at or behind a clock, as yjs 13.6 writes it (`write` with an offset).
 *
 * @param bytes those of the struct alone.
 * @param clock where the struct begins.
 * @param from where what is returned begins.
 */
export const cutStruct = (bytes: Uint8Array, client: number, clock: number, length: number, from: number): Uint8Array =>
  encoding.encode((encoder) => {
    if (isWholeGc(bytes)) return writeGc(encoder, clock + length - from);
    const view = new ItemView();
    view.read(bytes);
    writePlace(encoder, view, view.ref, client, clock, from);
    if (view.ref === Ref.deleted) return encoding.writeVarUint(encoder, clock + length - from);
    const content = new ContentParts(view, length).take(from - clock, length);
    writeContentHead(encoder, view.ref, clock + length - from, content.length);
    encoding.writeUint8Array(encoder, content);
  });

/**
 * An item as a deleted one: ContentDeleted of equal length in the same place, which is what clients that collect
 * garbage send. For admission: several values of one map key in one struct, which undo managers and `gc: false`
 * clients write, are all deleted there, and Yjs cannot delete such a struct when it is cut later.
 *
 * @param bytes those of the item alone: a slice of the update from `start` to `end`.
 * @param clock where the item begins.
 * @param from where what is returned begins; what stands before is held already.
 */
export const asDeleted = (
  bytes: Uint8Array,
  client: number,
  clock: number,
  length: number,
  from: number = clock,
): Uint8Array =>
  encoding.encode((encoder) => {
    if (isWholeGc(bytes)) return writeGc(encoder, clock + length - from);
    const view = new ItemView();
    view.read(bytes);
    writePlace(encoder, view, Ref.deleted, client, clock, from);
    encoding.writeVarUint(encoder, clock + length - from);
  });
