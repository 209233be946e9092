/**
 * SQLite's log (`-wal`), which holds what was committed but not yet copied into the database. SQLite silently takes a
 * missing or cut-off log for an empty one, so an operator would find an older state, or no rooms at all. So both files
 * are looked at before SQLite opens them. Damage inside the log is left to SQLite, which reads it as far as its checksums
 * are right. Formats: sqlite.org/fileformat2.html, 1.3 and 4.1.
 */
import { closeSync, existsSync, openSync, readSync, rmSync, statSync, writeFileSync } from "node:fs";
import { damaged } from "./errors.ts";
import { StoreError } from "../store.ts";

const DATABASE_MAGIC = "SQLite format 3\0";
const DATABASE_HEADER_BYTES = 100;
const LOG_HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** All but the lowest bit, which says in which byte order the checksums are. */
const LOG_MAGIC = 0x377f0682;

const logOf = (file: string): string => `${file}-wal`;
const unsureOf = (file: string): string => `${file}.unsure`;

const sizeOf = (file: string): number => (existsSync(file) ? statSync(file).size : 0);

const readStart = (file: string, length: number): Buffer => {
  const bytes = Buffer.alloc(length);
  const handle = openSync(file, "r");
  try {
    return bytes.subarray(0, readSync(handle, bytes));
  } finally {
    closeSync(handle);
  }
};

/**
 * Makes or removes the log. The database says in its header whether it has one, but the two files cannot change at the
 * same moment: meanwhile a file beside them says that the log may be missing. An operator who has lost the log for good
 * makes that file too.
 */
export const changeLog = (file: string, change: () => void): void => {
  writeFileSync(unsureOf(file), "");
  change();
  acceptLog(file);
};

/** The database and its log are consistent from now on, whatever was missing before. */
export const acceptLog = (file: string): void => rmSync(unsureOf(file), { force: true });

const incomplete = (file: string, why: string): StoreError =>
  new StoreError(
    `the log ${logOf(file)} of the database ${why}: restore a backup of the folder, or make an empty file ${unsureOf(file)} to start with what is left`,
  );

/**
 * Checks the log of a database that exists; the folder must be locked.
 *
 * @throws StoreError if the log is missing, cut off before its first commit, or of another database.
 */
export const checkLog = (file: string): void => {
  if (existsSync(unsureOf(file)) || sizeOf(file) === 0) return;
  const database = readStart(file, DATABASE_HEADER_BYTES);
  if (!database.toString("latin1").startsWith(DATABASE_MAGIC)) throw damaged(file, "is damaged, or no database at all");
  const log = logOf(file);
  const hasLog = database[18] === 2;
  if (sizeOf(log) === 0) {
    if (!hasLog) return;
    throw incomplete(file, `is ${existsSync(log) ? "empty" : "missing"}, though the relay was not stopped cleanly`);
  }
  if (!hasLog) {
    throw new StoreError(
      `the log ${log} belongs to another copy of the database ${file}, which was closed cleanly: move the log away, or restore the database that it belongs to`,
    );
  }
  // The first commit follows the making of the log at once (`beginLog`), and a log never gets shorter than one.
  const leastBytes = LOG_HEADER_BYTES + FRAME_HEADER_BYTES + database.readUInt16BE(16);
  if (sizeOf(log) < leastBytes) throw incomplete(file, "is cut off");
  if ((readStart(log, 4).readUInt32BE() & ~1) !== LOG_MAGIC) throw incomplete(file, "is not one of SQLite");
};

/** Whether there is a log beside a database that is missing or empty. */
export const hasLogAlone = (file: string): boolean => sizeOf(logOf(file)) > 0;
