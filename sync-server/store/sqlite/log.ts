/**
 * SQLite's log (`-wal`), which holds what was committed but not yet copied into the database. SQLite
 * takes a log that is missing, cut off or damaged for one that ends there, without a word; an
 * operator must not find an older state, or no rooms at all, in that way. So the log is looked at
 * before SQLite opens it. Its format: sqlite.org/fileformat2.html, "The Write-Ahead Log".
 */
import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { damaged } from "./errors.ts";
import { StoreError } from "../store.ts";

/** First format whose database file says whether it has a log; see `withLogUnsure`. */
const FIRST_FORMAT_THAT_TELLS = 2;
const DATABASE_MAGIC = "SQLite format 3\0";
/** The database's header up to and with `user_version`, in bytes. */
const DATABASE_HEADER_BYTES = 64;
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** The magic number; its lowest bit says that the checksums are of big-endian words. */
const MAGIC = 0x377f0682;

const logOf = (file: string): string => `${file}-wal`;
const unsureOf = (file: string): string => `${file}.unsure`;

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

/**
 * Does what makes or removes the log. The database says in its first bytes whether it has one, but
 * the two do not change at one moment: a file beside it stands for "may have none", should the
 * process end in between. An operator who has lost the log for good makes that file too.
 */
export const withLogUnsure = (file: string, change: () => void): void => {
  writeFileSync(unsureOf(file), "");
  change();
  logIsSure(file);
};

/** The database and its log agree, whatever was accepted before. */
export const logIsSure = (file: string): void => rmSync(unsureOf(file), { force: true });

const wayOut = (file: string): string =>
  `restore a backup of the folder, or make an empty file ${unsureOf(file)} to start with what is left`;

const brokenLog = (file: string, why: string): StoreError =>
  new StoreError(`the log ${logOf(file)} of the database ${why}: ${wayOut(file)}`);

type Checksum = readonly [number, number];

/** Goes on with the log's checksum over whole pairs of 32-bit words. */
const checksum = ([from0, from1]: Checksum, bytes: DataView, isBigEndian: boolean): Checksum => {
  let s0 = from0;
  let s1 = from1;
  for (let i = 0; i < bytes.byteLength; i += 8) {
    s0 = (s0 + bytes.getUint32(i, !isBigEndian) + s1) >>> 0;
    s1 = (s1 + bytes.getUint32(i + 4, !isBigEndian) + s0) >>> 0;
  }
  return [s0, s1];
};

const isAt = (view: DataView, offset: number, [s0, s1]: Checksum): boolean =>
  view.getUint32(offset) === s0 && view.getUint32(offset + 4) === s1;

const viewOf = (bytes: Uint8Array, from = 0, to = bytes.byteLength): DataView =>
  new DataView(bytes.buffer, bytes.byteOffset + from, to - from);

/** What is wrong with the log; `null` if all that was committed can be read. `read` answers how many bytes it got. */
const findFault = (read: (bytes: Uint8Array) => number): string | null => {
  const header = new Uint8Array(LOG_HEADER_BYTES);
  if (read(header) < LOG_HEADER_BYTES) return "is cut off";
  const view = viewOf(header);
  const isBigEndian = view.getUint32(0) === MAGIC + 1;
  let sum = checksum([0, 0], viewOf(header, 0, 24), isBigEndian);
  if ((!isBigEndian && view.getUint32(0) !== MAGIC) || !isAt(view, 24, sum)) return "is damaged";
  const pageBytes = view.getUint32(8);
  const isFirst = view.getUint32(12) === 0;

  const frame = new Uint8Array(FRAME_HEADER_BYTES + pageBytes);
  const head = viewOf(frame);
  let commits = 0;
  let isWhole = true;
  for (;;) {
    // The header is written before its page: the last frame of a process that was killed may be half there.
    const readBytes = read(frame);
    if (readBytes < FRAME_HEADER_BYTES) break;
    // Frames of another salt are left from before the log began anew; they are in the database.
    const isOfThisLog = isAt(head, 8, [view.getUint32(16), view.getUint32(20)]);
    const isCommit = head.getUint32(4) !== 0;
    if (isWhole && isOfThisLog && readBytes === frame.byteLength) {
      sum = checksum(checksum(sum, viewOf(frame, 0, 8), isBigEndian), viewOf(frame, FRAME_HEADER_BYTES), isBigEndian);
      if (isAt(head, 16, sum)) {
        if (isCommit) commits++;
        continue;
      }
    }
    // What is written is written in order, and what was not committed has no commit: behind the end there is none.
    if (!isWhole && isOfThisLog && isCommit) return "is damaged in the middle";
    isWhole = false;
  }
  // The first log of a start gets a commit at once; a later one may have been about to.
  return commits === 0 && isFirst ? "is cut off" : null;
};

/**
 * Looks at the log of a database that exists; to be called under the folder's lock.
 *
 * @throws StoreError if something that was committed is missing.
 */
export const checkLog = (file: string): void => {
  const log = logOf(file);
  if (existsSync(unsureOf(file))) return;
  const header = new Uint8Array(DATABASE_HEADER_BYTES);
  const database = openSync(file, "r");
  try {
    // A new one.
    if (readSync(database, header) === 0) return;
  } finally {
    closeSync(database);
  }
  // SQLite would say so too, unless a good first page is in the log.
  if (Buffer.from(header).toString("latin1", 0, DATABASE_MAGIC.length) !== DATABASE_MAGIC) {
    throw damaged(file, "is damaged, or no database at all");
  }
  const tells = viewOf(header).getUint32(60) >= FIRST_FORMAT_THAT_TELLS;
  const hasLog = header[18] === 2;
  if (sizeOf(log) === 0) {
    if (!tells || !hasLog) return;
    const what = existsSync(log) ? "is empty" : "is missing";
    throw brokenLog(file, `${what}, though the relay was not stopped in an orderly way`);
  }
  if (tells && !hasLog) {
    throw new StoreError(
      `the log ${log} belongs to another copy of the database ${file}, which was closed in an orderly way: move the log away, or restore the database that it belongs to`,
    );
  }
  const handle = openSync(log, "r");
  try {
    const fault = findFault((bytes) => readSync(handle, bytes));
    if (fault !== null) throw brokenLog(file, fault);
  } finally {
    closeSync(handle);
  }
};

/** Whether a log lies beside a database that is not there, or is empty. */
export const hasLogAlone = (file: string): boolean => sizeOf(logOf(file)) > 0;
