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
import { finish, UNSLICED } from "./slice.ts";
import type { Slice } from "./slice.ts";
import { fail, HAS_ORIGIN, HAS_PARENT_SUB, HAS_RIGHT_ORIGIN, MAX_SAFE, Reader } from "./reader.ts";

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
  /** What it holds, by the low five bits of its first byte (yjs 13.6, `contentRefs`). */
  readonly ref: number;
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

const CONTENT_DELETED = 1;

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
      for (let i = 0; i < count; i++) reader.any();
      return count;
    }
    case 9: // ContentDoc
      reader.stringLength();
      reader.docOptions();
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
    ref,
  };
};

/** Bytes of a struct that cost about as much as a step: long strings and values are walked over byte by byte. */
const BYTES_PER_STEP = 512;

/**
 * Scans an update in slices.
 *
 * @param protectedRoot name of the protected root type, in UTF-8.
 * @throws MalformedError and nothing else, whatever the bytes are.
 */
export function* scanSlices(
  bytes: Uint8Array,
  protectedRoot: Uint8Array,
  slice: Slice,
): Generator<undefined, ScannedUpdate> {
  const reader = new Reader(bytes);
  let exact = true;
  let count = 0;
  const sections: ScannedSection[] = [];
  const sectionCount = reader.varUint();
  // A second section for a client would replace the first in a peer's reader: two readings, so none.
  const seen = sectionCount > 1 ? new Set<number>() : null;
  for (let i = 0; i < sectionCount; i++) {
    if (--slice.left <= 0) {
      slice.left = slice.steps;
      yield;
    }
    const structCount = reader.varUint();
    const client = reader.varUint();
    let clock = reader.varUint();
    if (seen !== null) {
      if (seen.has(client)) fail("a client has two sections");
      seen.add(client);
    }
    const structs: ScannedStruct[] = [];
    for (let j = 0; j < structCount; j++) {
      const struct = scanStruct(reader, clock, protectedRoot);
      structs.push(struct);
      clock += struct.length;
      slice.left -= 1 + (struct.end - struct.start) / BYTES_PER_STEP;
      if (slice.left <= 0) {
        slice.left = slice.steps;
        yield;
      }
    }
    count += structs.length;
    if (structs.length === 0) exact = false;
    else sections.push({ client, structs });
  }
  const deletes: ScannedDelete[] = [];
  const clientCount = reader.varUint();
  const deletedClients = clientCount > 1 ? new Set<number>() : null;
  for (let i = 0; i < clientCount; i++) {
    if (--slice.left <= 0) {
      slice.left = slice.steps;
      yield;
    }
    const client = reader.varUint();
    const rangeCount = reader.varUint();
    if (rangeCount === 0) exact = false;
    if (deletedClients !== null) {
      if (deletedClients.has(client)) exact = false;
      deletedClients.add(client);
    }
    // Yjs writes what it cannot delete yet as differences, so ranges out of order become others there (13.6).
    let endOfLast = 0;
    for (let j = 0; j < rangeCount; j++) {
      const clock = reader.varUint();
      const length = reader.varUint();
      if (clock + length > MAX_SAFE) fail("a clock is too large");
      if (length === 0 || clock < endOfLast) exact = false;
      endOfLast = clock + length;
      if (length > 0) deletes.push({ client, clock, length });
      if (--slice.left <= 0) {
        slice.left = slice.steps;
        yield;
      }
    }
    count += rangeCount;
  }
  if (reader.pos !== bytes.length) exact = false;
  return { bytes, sections, deletes, count, exact };
}

/** The same in one go. */
export const scanUpdate = (bytes: Uint8Array, protectedRoot: Uint8Array): ScannedUpdate =>
  finish(scanSlices(bytes, protectedRoot, UNSLICED));

/**
 * Scans a part of a section, which was scanned whole before.
 *
 * @param start where the first struct stands; `end`: where the last one ends.
 * @param most how many structs are scanned at most.
 */
export const scanStructs = (
  bytes: Uint8Array,
  { start, end, clock }: { readonly start: number; readonly end: number; readonly clock: number },
  protectedRoot: Uint8Array,
  most: number,
): ScannedStruct[] => {
  const reader = new Reader(bytes);
  reader.pos = start;
  const structs: ScannedStruct[] = [];
  let next = clock;
  while (reader.pos < end && structs.length < most) {
    const struct = scanStruct(reader, next, protectedRoot);
    structs.push(struct);
    next += struct.length;
  }
  return structs;
};
