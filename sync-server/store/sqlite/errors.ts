/** What SQLite's error codes mean to an operator: which file, what is wrong with it, and what to do. */
import { ANOTHER_FOLDER } from "../data-dir.ts";
import { StoreError } from "../store.ts";

/** Primary result codes (sqlite.org/rescode.html); the extended ones hold them in their lowest byte. */
const Code = {
  perm: 3,
  busy: 5,
  readonly: 8,
  ioerr: 10,
  corrupt: 11,
  full: 13,
  cantOpen: 14,
  notADatabase: 26,
} as const;

const codeOf = (error: unknown): number | null =>
  error instanceof Error && "errcode" in error && typeof error.errcode === "number" ? error.errcode & 0xff : null;

export const isBusy = (error: unknown): boolean => codeOf(error) === Code.busy;

/** For a database that cannot be read; `why` completes "the database … ". */
export const damaged = (file: string, why: string, cause?: unknown): StoreError =>
  new StoreError(
    `the database ${file} ${why}: restore a backup of the folder, or move ${file} and ${file}-wal away to begin without rooms`,
    { cause },
  );

/** The StoreError for an error that SQLite, or reading a row, threw about this file. */
export const toStoreError = (error: unknown, file: string): StoreError => {
  if (error instanceof StoreError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  const made = (text: string): StoreError => new StoreError(text, { cause: error });
  switch (codeOf(error)) {
    case Code.corrupt:
      return damaged(file, `is damaged (${reason})`, error);
    case Code.notADatabase:
      return damaged(file, `is damaged, or no database at all (${reason})`, error);
    case Code.full:
      return made(`no space is left for the database ${file}: free some, and start the relay again`);
    case Code.ioerr:
      return made(
        `the database ${file} cannot be read or written (${reason}): check the disk, its space and its quota`,
      );
    case Code.perm:
    case Code.readonly:
    case Code.cantOpen:
      return made(
        `the database ${file} cannot be opened for writing (${reason}): check its owner and permissions, or ${ANOTHER_FOLDER}`,
      );
    default:
      return made(`the database ${file} failed: ${reason}`);
  }
};
