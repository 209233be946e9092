/**
 * The database file: how it is made, locked, and checked. A relay must not start with empty rooms because a file was cut
 * off or belongs to something else.
 */
import { closeSync, existsSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ANOTHER_FOLDER, makeDataDir, reasonOf } from "../data-dir.ts";
import { inUse, lockFolder } from "./folder-lock.ts";
import { damaged, isBusy, toStoreError } from "./errors.ts";
import { acceptLog, changeLog, checkLog, hasLogAlone } from "./log.ts";
import { ROW_TABLES } from "./rows.ts";
import { StoreError } from "../store.ts";

const FILE_NAME = "session-room.db";
/** Marks the file as ours (`PRAGMA application_id`): the letters "SRdb". */
const APPLICATION_ID = 0x53526462;
/** `PRAGMA user_version`. The formats before it were never released. */
const FORMAT = 4;
/** Pages of 4 KiB in the log before they are copied into the database: 16 MiB, to make that rare. */
const CHECKPOINT_PAGES = 4_000;
/** A larger log is truncated to this after it was copied. */
const MAX_IDLE_LOG_BYTES = 64 * 1024 * 1024;

/**
 * `state` is the LifecycleState as JSON; `live` and `deadline_at` (ms since the epoch) repeat parts of it for the
 * indexes, which leave out all rooms that are not live. Content and guard have tables of their own, so that a change of
 * state does not write them again.
 */
const SCHEMA = `
  CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ledger_id INTEGER NOT NULL,
    ledger BLOB NOT NULL,
    former_ledgers TEXT NOT NULL DEFAULT '[]',
    recovers_until INTEGER NOT NULL DEFAULT 0,
    start TEXT NOT NULL,
    host_absence_ms INTEGER,
    state TEXT NOT NULL,
    live INTEGER NOT NULL,
    deadline_at INTEGER,
    content_set_aside INTEGER NOT NULL DEFAULT 0
  );
  CREATE INDEX room_live ON room (id) WHERE live = 1;
  CREATE INDEX room_deadline ON room (deadline_at, id) WHERE deadline_at IS NOT NULL;
  ${ROW_TABLES}
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${FORMAT};
`;

const pragma = (db: DatabaseSync, name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];

const markerOf = (file: string): string => `${file}.new`;

/** Makes an empty file that only its owner can read. A marker beside it says that an empty file is right. */
const makeFile = (file: string, marker: string): void => {
  try {
    writeFileSync(marker, "");
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    throw new StoreError(`the database ${file} cannot be made (${reasonOf(error)}): ${ANOTHER_FOLDER}`, {
      cause: error,
    });
  }
};

/** Makes the tables of a new file; refuses one that is not ours, of another format, or damaged. */
const checkSchema = (db: DatabaseSync, file: string, mayBeNew: boolean): void => {
  const applicationId = pragma(db, "application_id");
  if (mayBeNew && applicationId === 0 && pragma(db, "schema_version") === 0) {
    db.exec(`BEGIN; ${SCHEMA} COMMIT`);
    return;
  }
  if (applicationId !== APPLICATION_ID) throw damaged(file, "is not one of session-room");
  const version = pragma(db, "user_version") as number;
  if (version !== FORMAT) {
    throw new StoreError(
      `the database ${file} was written by another version of session-room (its format is ${version}, this version knows ${FORMAT}): run the version that wrote it, or ${ANOTHER_FOLDER}`,
    );
  }
  // Reads the whole file: otherwise a damaged page would be noticed when its room is opened, or never.
  const [fault] = db.prepare("PRAGMA quick_check(1)").all() as { quick_check: string }[];
  if (fault!.quick_check !== "ok") throw damaged(file, `is damaged (${fault!.quick_check.replace(/\s+/g, " ")})`);
};

/** Switches to a log if the file has none yet, and makes the first commit in it. */
const beginLog = (db: DatabaseSync, file: string): void => {
  const begin = (): void =>
    db.exec(`
      PRAGMA journal_mode = WAL;
      BEGIN EXCLUSIVE; PRAGMA user_version = ${FORMAT}; COMMIT;
    `);
  if (pragma(db, "journal_mode") === "wal") begin();
  else changeLog(file, begin);
};

/** Checks for a log without its database, and makes the file if there is none. @returns whether the file may be new. */
const findFile = (file: string): boolean => {
  const marker = markerOf(file);
  const isThere = existsSync(file);
  if ((!isThere || statSync(file).size === 0) && hasLogAlone(file)) {
    throw damaged(file, `is ${isThere ? "empty" : "gone"}, though its log ${file}-wal is there`);
  }
  if (!isThere) makeFile(file, marker);
  const mayBeNew = existsSync(marker);
  // SQLite would take an empty file for a new database.
  if (!mayBeNew && statSync(file).size === 0) throw damaged(file, "is empty, so it was cut off");
  return mayBeNew;
};

export type OpenDatabase = {
  readonly db: DatabaseSync;
  readonly file: string;
  /** Copies the log into the database, so that one file holds everything, and releases the folder. */
  close(): void;
};

/**
 * Opens the database of a data folder for this process alone, making both if need be.
 *
 * @throws StoreError
 */
export const openDatabase = (dataDir: string): OpenDatabase => {
  makeDataDir(dataDir);
  const file = join(dataDir, FILE_NAME);
  const lock = lockFolder(dataDir);
  let db: DatabaseSync | undefined;
  try {
    // Everything that reads the file itself comes before SQLite opens it: closing another handle releases SQLite's lock.
    const mayBeNew = findFile(file);
    checkLog(file);
    const opened = (db = new DatabaseSync(file));
    // Before the first access, which then takes the lock and keeps it.
    opened.exec("PRAGMA locking_mode = EXCLUSIVE");
    checkSchema(opened, file, mayBeNew);
    beginLog(opened, file);
    opened.exec(`
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${MAX_IDLE_LOG_BYTES};
    `);
    rmSync(markerOf(file), { force: true });
    acceptLog(file);
    const close = (): void => {
      process.off("exit", closeAtExit);
      try {
        changeLog(file, () => opened.exec("PRAGMA journal_mode = DELETE"));
      } finally {
        opened.close();
        lock.release();
      }
    };
    // When the process exits, Node closes the database and SQLite removes the log; the database's header must agree.
    const closeAtExit = (): void => {
      try {
        close();
      } catch {
        // Such as a full disk, which was reported already. The next start then accepts a missing log (`changeLog`).
      }
    };
    process.on("exit", closeAtExit);
    return { db: opened, file, close };
  } catch (error) {
    db?.close();
    lock.release();
    if (isBusy(error)) throw inUse(dataDir, error);
    throw toStoreError(error, file);
  }
};
