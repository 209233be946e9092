/** Writes updates (v1) from parts of scanned ones; the counterpart of `scan.ts`. */
import * as encoding from "lib0/encoding";
import type { Range } from "./ranges.ts";
import { HAS_ORIGIN, HAS_RIGHT_ORIGIN, Reader } from "./reader.ts";
import type { Slice } from "./slice.ts";
import { StructKind } from "./scan.ts";
import type { ScannedStruct } from "./scan.ts";

/** A struct of the update to write: one of the scanned ones as it is, or what takes its place. */
export type OutStruct = {
  readonly struct: ScannedStruct;
  /** Whether a GC struct takes its place. */
  readonly forbidden: boolean;
  /** What takes its place, from where the section begins; `null`: nothing. */
  readonly instead: Uint8Array | null;
};
export type OutSection = {
  readonly client: number;
  /** Clock at which the first struct is to begin; what it holds before that is cut off. */
  readonly clock: number;
  readonly structs: readonly OutStruct[];
};

const GC = 0;

/** Writes what of an item stands at or behind `cut` clock units into it, as yjs 13.6 does (`Item.write` with an offset). */
const writeCutItem = (
  encoder: encoding.Encoder,
  bytes: Uint8Array,
  client: number,
  struct: ScannedStruct,
  cut: number,
): void => {
  const reader = new Reader(bytes);
  reader.pos = struct.start;
  const info = reader.byte();
  if ((info & HAS_ORIGIN) !== 0) {
    reader.varUint();
    reader.varUint();
  }
  encoding.writeUint8(encoder, info | HAS_ORIGIN);
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, struct.clock + cut - 1);
  if ((info & HAS_RIGHT_ORIGIN) !== 0) {
    encoding.writeVarUint(encoder, reader.varUint());
    encoding.writeVarUint(encoder, reader.varUint());
  }
  // Items with neither origin also name their parent; a cut item takes it from its new origin.
  if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) reader.skipParent(info);
  const ref = info & 0x1f;
  if (ref === 1) {
    encoding.writeVarUint(encoder, struct.length - cut);
  } else if (ref === 4) {
    const size = reader.varUint();
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + reader.pos, size).toString("utf8");
    // A surrogate pair that is cut in two becomes U+FFFD, as in Yjs (`ContentString.splice`).
    encoding.writeVarString(encoder, text.slice(cut).toWellFormed());
  } else {
    // ContentJSON or ContentAny: a count, then the values. Nothing else is longer than one unit.
    const count = reader.varUint();
    for (let i = 0; i < cut; i++) {
      if (ref === 2) reader.jsonOrUndefined();
      else reader.any();
    }
    encoding.writeVarUint(encoder, count - cut);
    encoding.writeUint8Array(encoder, bytes.subarray(reader.pos, struct.end));
  }
};

/**
 * Writes an update in slices.
 *
 * @param bytes the update from which the structs were scanned.
 * @param deletes ranges for each client.
 */
export function* writeScanned(
  bytes: Uint8Array,
  sections: readonly OutSection[],
  deletes: ReadonlyMap<number, readonly Range[]>,
  slice: Slice,
): Generator<undefined, Uint8Array> {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, sections.length);
  for (const { client, clock, structs } of sections) {
    encoding.writeVarUint(encoder, structs.length);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
    for (const { struct, forbidden, instead } of structs) {
      if (--slice.left <= 0) {
        slice.left = slice.steps;
        yield;
      }
      const cut = Math.max(clock - struct.clock, 0);
      if (forbidden || struct.kind === StructKind.gc) {
        encoding.writeUint8(encoder, GC);
        encoding.writeVarUint(encoder, struct.length - cut);
      } else if (instead !== null) encoding.writeUint8Array(encoder, instead);
      else if (cut > 0) writeCutItem(encoder, bytes, client, struct, cut);
      else encoding.writeUint8Array(encoder, bytes.subarray(struct.start, struct.end));
    }
  }
  encoding.writeVarUint(encoder, deletes.size);
  for (const [client, ranges] of deletes) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges.length);
    for (const { clock, length } of ranges) {
      encoding.writeVarUint(encoder, clock);
      encoding.writeVarUint(encoder, length);
    }
  }
  return encoding.toUint8Array(encoder);
}
