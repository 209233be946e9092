/**
 * Reads the structure of a Yjs update (v1) without building any Yjs object: which structs it holds,
 * what each refers to, where its bytes stand, and which deletes it asks for.
 *
 * Layout, from yjs 13.6 (`UpdateEncoderV1`, `Item.write`, `writeDeleteSet`):
 *
 *     update  := n:varUint section{n} deletes
 *     section := structs:varUint client:varUint clock:varUint struct{structs}
 *     struct  := 0x00 length:varUint                       GC
 *              | 0x0a length:varUint                       Skip
 *              | info [origin:id] [rightOrigin:id] [parent [parentSub:str]] content
 *     parent  := 1 rootName:str | 0 id                     only if neither origin is there
 *     deletes := n:varUint (client:varUint m:varUint (clock:varUint length:varUint){m}){n}
 *
 * It is stricter than Yjs: whatever would throw in a peer's `applyUpdate`, or be read in two ways,
 * is malformed here, so that one sender's bad bytes never reach another's document.
 */
import { isUtf8 } from "node:buffer";
import { MalformedError } from "../../src/protocol.ts";

export const StructKind = { gc: 0, item: 1, skip: 2 } as const;
export type StructKind = (typeof StructKind)[keyof typeof StructKind];

/** No reference. Client ids and clocks are never negative. */
export const NONE = -1;

export type ScannedStruct = {
  readonly kind: StructKind;
  readonly clock: number;
  readonly length: number;
  /** Where its bytes stand in the update: from `start` up to and without `end`. */
  readonly start: number;
  readonly end: number;
  readonly originClient: number;
  readonly originClock: number;
  readonly rightClient: number;
  readonly rightClock: number;
  readonly parentClient: number;
  readonly parentClock: number;
  /** Whether its parent is the protected root, by name. */
  readonly underProtectedRoot: boolean;
  /** Whether it names a key of its parent, which is a map then. */
  readonly hasParentSub: boolean;
  /** Whether it is an item of several units that are not deleted, so that a peer may cut it in two. */
  readonly isDivisible: boolean;
};

export type ScannedSection = { readonly client: number; readonly structs: readonly ScannedStruct[] };
export type ScannedDelete = { readonly client: number; readonly clock: number; readonly length: number };

export type ScannedUpdate = {
  readonly bytes: Uint8Array;
  readonly sections: readonly ScannedSection[];
  readonly deletes: readonly ScannedDelete[];
  /** How many structs and deletes it holds, repeated and empty ones too. */
  readonly count: number;
  /** Whether the bytes are just this, in order: no empty parts, deletes sorted, nothing behind the end. */
  readonly exact: boolean;
};

/** Deepest nesting of a value in ContentAny; deeper ones could exhaust a peer's stack. */
const MAX_DEPTH = 128;
const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Bits of an item's first byte: it has a parentSub, a right origin, an origin. */
export const HAS_PARENT_SUB = 0x20;
export const HAS_RIGHT_ORIGIN = 0x40;
export const HAS_ORIGIN = 0x80;

/** An update holds more structs and deletes than the caller allows; each takes memory and time, however short it is. */
export class TooManyStructsError extends Error {
  override name = "TooManyStructsError";
}

const fail = (what: string): never => {
  throw new MalformedError(`the update is malformed: ${what}`);
};

/** Walks over the bytes; throws MalformedError at whatever a peer could not read. */
export class Reader {
  readonly bytes: Uint8Array;
  pos = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  byte(): number {
    const byte = this.bytes[this.pos];
    if (byte === undefined) return fail("it ends early");
    this.pos++;
    return byte;
  }

  varUint(): number {
    let byte = this.byte();
    if (byte < 0x80) return byte;
    let value = byte & 0x7f;
    let factor = 0x80;
    do {
      byte = this.byte();
      value += (byte & 0x7f) * factor;
      // The factor is checked too: endless zero digits would otherwise end as NaN.
      if (value > MAX_SAFE || factor > MAX_SAFE) return fail("a number is too large");
      factor *= 0x80;
    } while (byte >= 0x80);
    return value;
  }

  skip(count: number): void {
    if (count > this.bytes.length - this.pos) fail("it ends early");
    this.pos += count;
  }

  /** Passes over a string and returns its length in UTF-16 units, which is how Yjs counts. */
  stringLength(): number {
    const size = this.varUint();
    const start = this.pos;
    this.skip(size);
    const { bytes, pos: end } = this;
    let units = 0;
    let ascii = true;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte < 0x80) units++;
      else {
        ascii = false;
        // Continuation bytes count nothing; four-byte sequences are surrogate pairs.
        if (byte >= 0xf0) units += 2;
        else if (byte >= 0xc0) units++;
      }
    }
    // lib0 decodes with `fatal: true`: what is no UTF-8 throws in every peer.
    if (!ascii && !isUtf8(bytes.subarray(start, end))) fail("a string is not UTF-8");
    return units;
  }

  /** Passes over a string and tells whether it equals these bytes. */
  stringEquals(expected: Uint8Array): boolean {
    const size = this.varUint();
    const start = this.pos;
    let equal = size === expected.length;
    for (let i = 0; equal && i < size; i++) equal = this.bytes[start + i] === expected[i];
    this.skip(size);
    if (!equal && !isUtf8(this.bytes.subarray(start, this.pos))) fail("a string is not UTF-8");
    return equal;
  }

  /** Passes over the parent of an item with this first byte that has neither origin. */
  skipParent(info: number): void {
    if (this.varUint() === 1) this.stringLength();
    else {
      this.varUint();
      this.varUint();
    }
    if ((info & HAS_PARENT_SUB) !== 0) this.stringLength();
  }

  json(): void {
    const size = this.varUint();
    const start = this.pos;
    this.skip(size);
    const text = this.bytes.subarray(start, this.pos);
    if (!isUtf8(text)) fail("a string is not UTF-8");
    try {
      JSON.parse(Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("utf8"));
    } catch {
      fail("a value is not JSON");
    }
  }

  /** A value of ContentJSON: JSON, or the word `undefined` (yjs 13.6, `ContentJSON.write`). */
  jsonOrUndefined(): void {
    const before = this.pos;
    if (!this.stringEquals(UNDEFINED)) {
      this.pos = before;
      this.json();
    }
  }

  /** A value in lib0's "any" encoding (lib0 0.2, `readAny`). */
  any(depth: number): void {
    if (depth > MAX_DEPTH) fail(`a value is nested deeper than ${MAX_DEPTH}`);
    const type = this.byte();
    switch (type) {
      case 127: // undefined
      case 126: // null
      case 121: // false
      case 120: // true
        return;
      case 125: // integer, as a varInt
        return this.varInt();
      case 124: // float32
        return this.skip(4);
      case 123: // float64
      case 122: // bigint
        return this.skip(8);
      case 119:
        this.stringLength();
        return;
      case 118: {
        const size = this.varUint();
        for (let i = 0; i < size; i++) {
          // Read by lib0, this key would replace the object's prototype; one of bytes then throws in every peer that writes it.
          if (this.stringEquals(PROTO)) fail("an object has the key __proto__");
          this.any(depth + 1);
        }
        return;
      }
      case 117: {
        const size = this.varUint();
        for (let i = 0; i < size; i++) this.any(depth + 1);
        return;
      }
      case 116:
        return this.skip(this.varUint());
      default:
        fail(`unknown type of value ${type}`);
    }
  }

  private varInt(): void {
    // The first byte holds a sign and six bits (lib0 0.2, `readVarInt`); the rest is like varUint.
    let byte = this.byte();
    let value = byte & 0x3f;
    let factor = 0x40;
    while (byte >= 0x80) {
      byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (value > MAX_SAFE || factor > MAX_SAFE) fail("a number is too large");
      factor *= 0x80;
    }
  }
}

const CONTENT_DELETED = 1;

/** First byte of an object in lib0's "any" encoding. */
const ANY_OBJECT = 118;

const UNDEFINED = new TextEncoder().encode("undefined");
const PROTO = new TextEncoder().encode("__proto__");

/** Passes over an item's content and returns its length in clock units. */
const scanContent = (reader: Reader, ref: number): number => {
  switch (ref) {
    case CONTENT_DELETED:
      return reader.varUint();
    case 2: {
      const count = reader.varUint();
      for (let i = 0; i < count; i++) reader.jsonOrUndefined();
      return count;
    }
    case 3: // ContentBinary
      reader.skip(reader.varUint());
      return 1;
    case 4: // ContentString
      return reader.stringLength();
    case 5: // ContentEmbed
      reader.json();
      return 1;
    case 6: // ContentFormat
      reader.stringLength();
      reader.json();
      return 1;
    case 7: {
      const typeRef = reader.varUint();
      if (typeRef > 6) fail(`unknown shared type ${typeRef}`);
      // YXmlElement and YXmlHook carry a name.
      if (typeRef === 3 || typeRef === 5) reader.stringLength();
      return 1;
    }
    case 8: {
      const count = reader.varUint();
      for (let i = 0; i < count; i++) reader.any(0);
      return count;
    }
    case 9: // ContentDoc: a guid and options; Yjs looks into these without asking what they are (`createDocFromOpts`)
      reader.stringLength();
      if (reader.bytes[reader.pos] !== ANY_OBJECT) fail("the options of a subdocument are no object");
      reader.any(0);
      return 1;
    default:
      return fail(`unknown content ${ref}`);
  }
};

const scanStruct = (reader: Reader, clock: number, protectedRoot: Uint8Array): ScannedStruct => {
  const start = reader.pos;
  const info = reader.byte();
  const ref = info & 0x1f;
  let kind: StructKind = StructKind.item;
  let length: number;
  let originClient = NONE;
  let originClock = NONE;
  let rightClient = NONE;
  let rightClock = NONE;
  let parentClient = NONE;
  let parentClock = NONE;
  let underProtectedRoot = false;
  let hasParentSub = false;
  if (ref === 0 || ref === 10) {
    kind = ref === 0 ? StructKind.gc : StructKind.skip;
    length = reader.varUint();
  } else {
    if ((info & HAS_ORIGIN) !== 0) {
      originClient = reader.varUint();
      originClock = reader.varUint();
    }
    if ((info & HAS_RIGHT_ORIGIN) !== 0) {
      rightClient = reader.varUint();
      rightClock = reader.varUint();
    }
    if ((info & (HAS_RIGHT_ORIGIN | HAS_ORIGIN)) === 0) {
      const byName = reader.varUint();
      if (byName === 1) underProtectedRoot = reader.stringEquals(protectedRoot);
      else if (byName === 0) {
        parentClient = reader.varUint();
        parentClock = reader.varUint();
      } else fail("unknown kind of parent");
      hasParentSub = (info & HAS_PARENT_SUB) !== 0;
      if (hasParentSub) reader.stringLength();
    }
    length = scanContent(reader, ref);
  }
  if (length === 0) fail("a struct is empty");
  if (clock + length > MAX_SAFE) fail("a clock is too large");
  return {
    kind,
    clock,
    length,
    start,
    end: reader.pos,
    originClient,
    originClock,
    rightClient,
    rightClock,
    parentClient,
    parentClock,
    underProtectedRoot,
    hasParentSub,
    isDivisible: length > 1 && kind === StructKind.item && ref !== CONTENT_DELETED,
  };
};

/**
 * Scans an update.
 *
 * @param protectedRoot name of the protected root type, in UTF-8.
 * @param most how many structs and deletes it may hold.
 * @throws MalformedError or TooManyStructsError, and nothing else, whatever the bytes are.
 */
export const scanUpdate = (bytes: Uint8Array, protectedRoot: Uint8Array, most = Infinity): ScannedUpdate => {
  const reader = new Reader(bytes);
  let exact = true;
  let count = 0;
  const countOne = (): void => {
    if (++count > most) throw new TooManyStructsError();
  };
  const sections: ScannedSection[] = [];
  const sectionCount = reader.varUint();
  // A second section for a client would replace the first in a peer's reader: two readings, so none.
  const seen = sectionCount > 1 ? new Set<number>() : null;
  for (let i = 0; i < sectionCount; i++) {
    const structCount = reader.varUint();
    const client = reader.varUint();
    let clock = reader.varUint();
    if (seen !== null) {
      if (seen.has(client)) fail("a client has two sections");
      seen.add(client);
    }
    const structs: ScannedStruct[] = [];
    for (let j = 0; j < structCount; j++) {
      countOne();
      const struct = scanStruct(reader, clock, protectedRoot);
      structs.push(struct);
      clock += struct.length;
    }
    if (structs.length === 0) {
      countOne();
      exact = false;
    } else sections.push({ client, structs });
  }
  const deletes: ScannedDelete[] = [];
  const clientCount = reader.varUint();
  const deletedClients = clientCount > 1 ? new Set<number>() : null;
  for (let i = 0; i < clientCount; i++) {
    const client = reader.varUint();
    const rangeCount = reader.varUint();
    if (rangeCount === 0) {
      countOne();
      exact = false;
    }
    if (deletedClients !== null) {
      if (deletedClients.has(client)) exact = false;
      deletedClients.add(client);
    }
    // Yjs writes what it cannot delete yet as differences, so ranges out of order become others there (13.6).
    let endOfLast = 0;
    for (let j = 0; j < rangeCount; j++) {
      countOne();
      const clock = reader.varUint();
      const length = reader.varUint();
      if (clock + length > MAX_SAFE) fail("a clock is too large");
      if (length === 0 || clock < endOfLast) exact = false;
      endOfLast = clock + length;
      if (length > 0) deletes.push({ client, clock, length });
    }
  }
  if (reader.pos !== bytes.length) exact = false;
  return { bytes, sections, deletes, count, exact };
};
