/** What is stored of guard and authors beside a room's content: a log of records, which together hold all of it. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** Version of the encoding. */
const RECORD_VERSION = 2;

/** What both return from `encode` and `takeChanges`; `null`: nothing. */
export type GuardRecord = { readonly guard: Uint8Array | null; readonly authors: Uint8Array | null };

const EMPTY = new Uint8Array();

const orNull = (part: Uint8Array): Uint8Array | null => (part.byteLength === 0 ? null : part);

export const writeRecord = ({ guard, authors }: GuardRecord): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, RECORD_VERSION);
    encoding.writeVarUint8Array(encoder, guard ?? EMPTY);
    encoding.writeVarUint8Array(encoder, authors ?? EMPTY);
  });

/** @throws Error if another version of the relay wrote it. */
export const readRecord = (record: Uint8Array): GuardRecord => {
  const decoder = decoding.createDecoder(record);
  const version = decoding.readVarUint(decoder);
  if (version !== RECORD_VERSION) {
    throw new Error(`the guard's record has version ${version}, this relay reads ${RECORD_VERSION}`);
  }
  const guard = decoding.readVarUint8Array(decoder);
  const authors = decoding.readVarUint8Array(decoder);
  return { guard: orNull(guard), authors: orNull(authors) };
};
