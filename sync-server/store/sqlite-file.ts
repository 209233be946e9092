/**
 * The database file: how it is made, locked, and known to be ours and whole. An operator who starts
 * a relay must never find empty rooms because a file was cut off or belongs to something else.
 */
import { closeSync, existsSync, openSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ANOTHER_FOLDER, makeDataDir, reasonOf } from "../data-dir.ts";
import { damaged, isBusy, toStoreError } from "./sqlite-errors.ts";
import { StoreError } from "./store.ts";

const FILE_NAME = "session-room.db";
/** Marks the file as ours (`PRAGMA application_id`): the letters "SRdb". */
const APPLICATION_ID = 0x53526462;
const SCHEMA_VERSION = 2;
/** Pages of 4 KiB in the log before they are copied into the database: 16 MiB, to make that rare. */
const CHECKPOINT_PAGES = 4_000;
/** What the log is cut down to after a larger one was copied, in bytes. */
const LOG_KEPT_BYTES = 64 * 1024 * 1024;

const GUARD_TABLE = `
  CREATE TABLE guard (
    seq INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL REFERENCES room (id),
    data BLOB NOT NULL
  );
  CREATE INDEX guard_room ON guard (room_id);
`;

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
  CREATE TABLE content (
    seq INTEGER PRIMARY KEY,
    room_id INTEGER NOT NULL REFERENCES room (id),
    data BLOB NOT NULL
  );
  CREATE INDEX content_room ON content (room_id);
  ${GUARD_TABLE}
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
  PRAGMA application_id = ${APPLICATION_ID};
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** What makes a file of version n one of version n + 1, by n. */
const MIGRATIONS: Readonly<Record<number, string>> = {
  // The guard had one record a room, written whole at each change.
  1: `
    ALTER TABLE guard RENAME TO guard_of_version_1;
    ${GUARD_TABLE}
    INSERT INTO guard (room_id, data) SELECT room_id, data FROM guard_of_version_1;
    DROP TABLE guard_of_version_1;
  `,
};

const pragma = (db: DatabaseSync, name: string): unknown => Object.values(db.prepare(`PRAGMA ${name}`).get()!)[0];

/** Makes an empty file for its owner alone; the marker beside it says that it may be empty. */
const makeFile = (file: string, marker: string): void => {
  try {
    writeFileSync(marker, "");
    closeSync(openSync(file, "wx", 0o600));
  } catch (error) {
    // Another relay may have made it just now; the lock decides between the two.
    if (existsSync(file)) return;
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
  for (let from = version; from < SCHEMA_VERSION; from++) {
    db.exec(`BEGIN; ${MIGRATIONS[from]} PRAGMA user_version = ${from + 1}; COMMIT`);
  }
};

/**
 * Opens the database of a data folder for this process alone, making both if need be. The lock is
 * the system's (fcntl), so it ends with the process however that ends.
 *
 * @throws StoreError
 */
export const openDatabase = (dataDir: string): { readonly db: DatabaseSync; readonly file: string } => {
  makeDataDir(dataDir);
  const file = join(dataDir, FILE_NAME);
  const marker = `${file}.new`;
  if (!existsSync(file)) makeFile(file, marker);
  const mayBeNew = existsSync(marker);
  // SQLite takes an empty file for a new database. All looks at the file come before SQLite opens it:
  // closing any other handle of the file would let go of this process's lock.
  if (!mayBeNew && statSync(file).size === 0) throw damaged(file, "is empty, so it was cut off");
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    // Before the first access, so that the lock is taken with it and kept.
    db.exec("PRAGMA locking_mode = EXCLUSIVE");
    checkSchema(db, file, mayBeNew);
    db.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES};
      PRAGMA journal_size_limit = ${LOG_KEPT_BYTES};
      BEGIN EXCLUSIVE; COMMIT;
    `);
    rmSync(marker, { force: true });
    return { db, file };
  } catch (error) {
    db?.close();
    if (isBusy(error)) {
      throw new StoreError(
        `the data folder ${dataDir} is in use by another relay: stop that one, or ${ANOTHER_FOLDER}`,
        { cause: error },
      );
    }
    throw toStoreError(error, file);
  }
};
