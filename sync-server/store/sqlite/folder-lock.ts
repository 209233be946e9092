/**
 * The lock of a data folder, so that only one relay uses it. It is held on a file of its own, so that the database can be
 * read before SQLite opens it: closing any other handle of a locked file releases the lock (fcntl). The operating system
 * holds it, so it ends with the process in every case.
 */
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { ANOTHER_FOLDER, reasonOf } from "../data-dir.ts";
import { isBusy } from "./errors.ts";
import { StoreError } from "../store.ts";

const FILE_NAME = "session-room.lock";

type FolderLock = { release(): void };

/** Another process holds the lock. */
export const inUse = (dataDir: string, cause: unknown): StoreError =>
  new StoreError(`the data folder ${dataDir} is in use by another relay: stop that one, or ${ANOTHER_FOLDER}`, {
    cause,
  });

/** @throws StoreError */
export const lockFolder = (dataDir: string): FolderLock => {
  const file = join(dataDir, FILE_NAME);
  let db: DatabaseSync | undefined;
  try {
    closeSync(openSync(file, "a", 0o600));
    // Node has no file locks; an empty SQLite database, which stays empty, provides one.
    const lock = (db = new DatabaseSync(file));
    lock.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return { release: () => lock.close() };
  } catch (error) {
    db?.close();
    if (isBusy(error)) throw inUse(dataDir, error);
    throw new StoreError(`the data folder ${dataDir} cannot be written (${reasonOf(error)}): ${ANOTHER_FOLDER}`, {
      cause: error,
    });
  }
};
