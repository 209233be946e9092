/**
 * The database file: how it is made, locked, and known to be ours and whole. An operator who starts
 * a relay must never find empty rooms because a file was cut off or belongs to something else.
 */
import { closeSync, existsSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ANOTHER_FOLDER, makeDataDir, reasonOf } from "../data-dir.ts";
import { inUse, lockFolder } from "./folder-lock.ts";
import { damaged, isBusy, toStoreError } from "./errors.ts";
import { checkLog, hasLogAlone, logIsSure, withLogUnsure } from "./log.ts";
import { ROWS_PER_ROOM, ROW_TABLES } from "./rows.ts";
import { StoreError } from "../store.ts";

const FILE_NAME = "session-room.db";
/** Marks the file as ours (`PRAGMA application_id`): the letters "SRdb". */
const APPLICATION_ID = 0x53526462;
/**
 * 3: the rows of content and guard have their room in their key. In 2 they had it in a column with an index, and a
 * number over all rooms as key. In 1 the guard had one record a room, and the file could not say whether it has a log.
 */
const SCHEMA_VERSION = 3;
/** Pages of 4 KiB in the log before they are copied into the database: 16 MiB, to make that rare. */
const CHECKPOINT_PAGES = 4_000;
/** What the log is cut down to after a larger one was copied, in bytes. */
const LOG_KEPT_BYTES = 64 * 1024 * 1024;

/**
 * `state` is the LifecycleState as JSON; `live` and `deadline_at` (ms since the epoch) are drawn
 * from it for the indexes, which hold nothing of the rooms that are at rest. Content and guard have
 * tables of their own, so that a change of state does not write them again.
 */
const SCHEMA = `
  CREATE TABLE room (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    ledger_id INTEGER NOT NULL,
    ledger BLOB NOT NULL,
    start TEXT NOT NULL,
    host_absence_ms INTEGER,
    state TEXT NOT NULL,
    live INTEGER NOT NULL,
    deadline_at INTEGER
  );
  CREATE INDEX room_live ON room (id) WHERE live = 1;
  CREATE INDEX room_deadline ON room (deadline_at, id) WHERE deadline_at IS NOT NULL;
  ${ROW_TABLES}
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** The index on `room_id` has the rows in order, so that nothing is sorted. */
const moveRows = (table: string): string => `
  INSERT INTO ${table} (key, data)
    SELECT room_id * ${ROWS_PER_ROOM} + row_number() OVER (PARTITION BY room_id ORDER BY seq) - 1, data FROM old_${table};
  DROP TABLE old_${table};
`;

/** What brings a file from a format to this one. The guard of format 1 had no `seq`: its key was the room. */
const upgradeFrom = (version: number): string => `
  ALTER TABLE content RENAME TO old_content;
  ALTER TABLE guard RENAME TO old_guard;
  ${version === 1 ? "ALTER TABLE old_guard ADD COLUMN seq INTEGER;" : ""}
  ${ROW_TABLES}
  ${moveRows("content")}
  ${moveRows("guard")}
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

const pragma = (db: DatabaseSync, name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];

const markerOf = (file: string): string => `${file}.new`;

/** Makes an empty file for its owner alone; the marker beside it says that it may be empty. */
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

/** Makes the tables of a new file, brings an older one up to date, and refuses one that is not ours or newer than this program. */
const checkSchema = (db: DatabaseSync, file: string, mayBeNew: boolean): void => {
  const applicationId = pragma(db, "application_id");
  if (mayBeNew && applicationId === 0 && pragma(db, "schema_version") === 0) {
    db.exec(`BEGIN; ${SCHEMA} COMMIT`);
    return;
  }
  if (applicationId !== APPLICATION_ID) throw damaged(file, "is not one of session-room");
  const version = pragma(db, "user_version") as number;
  if (version > SCHEMA_VERSION) {
    throw new StoreError(
      `the database ${file} was written by a newer session-room (its format is ${version}, this version knows ${SCHEMA_VERSION}): run the newer version, or ${ANOTHER_FOLDER}`,
    );
  }
  // Reads the whole file: a page that is gone would otherwise be found when its room is needed, or never.
  const [fault] = db.prepare("PRAGMA quick_check(1)").all() as { quick_check: string }[];
  if (fault!.quick_check !== "ok") throw damaged(file, `is damaged (${fault!.quick_check.replace(/\s+/g, " ")})`);
  if (version < SCHEMA_VERSION) {
    // A file of format 1 that says it has no log must not be taken for one that tells.
    withLogUnsure(file, () => db.exec("PRAGMA journal_mode = DELETE"));
    db.exec(`BEGIN; ${upgradeFrom(version)} COMMIT`);
  }
};

/** Goes over to the log, if the file has none yet, and makes the first commit in it. */
const beginLog = (db: DatabaseSync, file: string): void => {
  const begin = (): void =>
    db.exec(`
      PRAGMA journal_mode = WAL;
      BEGIN EXCLUSIVE; PRAGMA user_version = ${SCHEMA_VERSION}; COMMIT;
    `);
  if (pragma(db, "journal_mode") === "wal") begin();
  else withLogUnsure(file, begin);
};

/** Looks for what must not be there before anything is made. @returns whether the file may be a new one. */
const findFile = (file: string): boolean => {
  const marker = markerOf(file);
  const isThere = existsSync(file);
  if ((!isThere || statSync(file).size === 0) && hasLogAlone(file)) {
    throw damaged(file, `is ${isThere ? "empty" : "gone"}, though its log ${file}-wal is there`);
  }
  if (!isThere) makeFile(file, marker);
  const mayBeNew = existsSync(marker);
  // SQLite takes an empty file for a new database.
  if (!mayBeNew && statSync(file).size === 0) throw damaged(file, "is empty, so it was cut off");
  return mayBeNew;
};

export type OpenDatabase = {
  readonly db: DatabaseSync;
  readonly file: string;
  /** Copies the log into the database, so that one file holds all, and lets go of the folder. */
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
    // All looks at the file come before SQLite opens it: closing any other handle of it would let go of SQLite's lock.
    const mayBeNew = findFile(file);
    checkLog(file);
    const opened = (db = new DatabaseSync(file));
    // Before the first access, so that the lock is taken with it and kept.
    opened.exec("PRAGMA locking_mode = EXCLUSIVE");
    checkSchema(opened, file, mayBeNew);
    beginLog(opened, file);
    opened.exec(`
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${LOG_KEPT_BYTES};
    `);
    rmSync(markerOf(file), { force: true });
    logIsSure(file);
    const close = (): void => {
      process.off("exit", closeAtExit);
      try {
        withLogUnsure(file, () => opened.exec("PRAGMA journal_mode = DELETE"));
      } finally {
        opened.close();
        lock.release();
      }
    };
    // At its end Node closes what is open, and SQLite then removes the log; the file must know of it.
    const closeAtExit = (): void => {
      try {
        close();
      } catch {
        // Such as a full disk, of which somebody was told. The file beside the database stays, so the next start is lenient.
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
