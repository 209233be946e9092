/**
 * Walks over the bytes of a Yjs update (v1) without building anything of them: lib0's numbers, strings and
 * values. It is stricter than lib0 and Yjs: whatever would throw in a peer, or be read in two ways, is malformed.
 */
import { isUtf8 } from "node:buffer";
import { MalformedError } from "../../src/protocol/protocol.ts";
import { findJsonFault, MAX_VALUE_DEPTH, MAX_VALUE_PARTS } from "./json.ts";

export const MAX_SAFE = Number.MAX_SAFE_INTEGER;

/** Bits of an item's first byte: it has a parentSub, a right origin, an origin. */
export const HAS_PARENT_SUB = 0x20;
export const HAS_RIGHT_ORIGIN = 0x40;
export const HAS_ORIGIN = 0x80;

const UNDEFINED = new TextEncoder().encode("undefined");
const GUID = new TextEncoder().encode("guid");
const GC_FILTER = new TextEncoder().encode("gcFilter");
/** First bytes of an object and of a string in lib0's "any" encoding. */
const ANY_OBJECT = 118;
const ANY_STRING = 119;
const PROTO = new TextEncoder().encode("__proto__");

/** Says what is wrong with the update. @throws MalformedError, always. */
export const fail = (what: string): never => {
  throw new MalformedError(`the update is malformed: ${what}`);
};

/** Walks over the bytes; throws MalformedError at whatever a peer could not read. */
export class Reader {
  readonly bytes: Uint8Array;
  pos = 0;
  /** Parts of the value at hand so far. */
  #parts = 0;

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
    const fault = findJsonFault(text);
    if (fault !== null) fail(`a value is ${fault}`);
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
  any(): void {
    this.#parts = 0;
    this.#any(0);
  }

  /**
   * The options of a subdocument, of which Yjs makes a Doc without asking what they are (13.6, `createDocFromOpts`): a
   * guid that is no string cannot be written again, and a filter that is no function throws when it is called.
   */
  docOptions(): void {
    if (this.byte() !== ANY_OBJECT) fail("the options of a subdocument are no object");
    this.#parts = 0;
    const size = this.varUint();
    for (let i = 0; i < size; i++) {
      const key = this.pos;
      if (this.stringEquals(PROTO)) fail("an object has the key __proto__");
      const end = this.pos;
      if (this.#equalsAt(key, GUID) && this.bytes[end] !== ANY_STRING) fail("the guid of a subdocument is no string");
      if (this.#equalsAt(key, GC_FILTER)) fail("the options of a subdocument hold a filter");
      this.#any(1);
    }
  }

  /** Whether the string at a position equals these bytes. */
  #equalsAt(position: number, expected: Uint8Array): boolean {
    const { pos } = this;
    this.pos = position;
    const equal = this.stringEquals(expected);
    this.pos = pos;
    return equal;
  }

  /** @param depth how many containers it lies in; the bound on it bounds the recursion. */
  #any(depth: number): void {
    if (depth > MAX_VALUE_DEPTH) fail(`a value is nested deeper than ${MAX_VALUE_DEPTH}`);
    if (++this.#parts > MAX_VALUE_PARTS) fail(`a value has more than ${MAX_VALUE_PARTS} parts`);
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
      case ANY_STRING:
        this.stringLength();
        return;
      case ANY_OBJECT: {
        const size = this.varUint();
        for (let i = 0; i < size; i++) {
          // Read by lib0, this key would replace the object's prototype; one of bytes then throws in every peer that writes it.
          if (this.stringEquals(PROTO)) fail("an object has the key __proto__");
          this.#any(depth + 1);
        }
        return;
      }
      case 117: {
        const size = this.varUint();
        for (let i = 0; i < size; i++) this.#any(depth + 1);
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
