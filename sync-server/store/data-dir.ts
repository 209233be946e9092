/** The folder in which the relay keeps its database and its token secret. */
import { existsSync, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { StoreError } from "./store.ts";

/** How an operator chooses another folder; for the end of a message. */
export const ANOTHER_FOLDER = "choose another folder with --data-dir (SESSION_ROOM_DATA_DIR)";

/** The system's own message without a stack: `EACCES: permission denied, mkdir '/data'`. */
export const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Not `mkdirSync` with `recursive`: in Node 24 that never returns where nothing can be created, as in /proc. */
const makeFolder = (folder: string): void => {
  if (existsSync(folder)) return;
  makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    // Another relay may have made it just now.
    if (!existsSync(folder)) throw error;
  }
};

/**
 * Creates the folder if there is none, readable by its owner alone: it will hold a secret and people's text.
 *
 * @throws StoreError
 */
export const makeDataDir = (dataDir: string): void => {
  try {
    makeFolder(resolve(dataDir));
  } catch (error) {
    throw new StoreError(`the data folder ${dataDir} cannot be made (${reasonOf(error)}): ${ANOTHER_FOLDER}`, {
      cause: error,
    });
  }
  if (!statSync(dataDir).isDirectory()) throw new StoreError(`the data folder ${dataDir} is a file: ${ANOTHER_FOLDER}`);
};
