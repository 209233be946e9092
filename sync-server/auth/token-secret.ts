/**
 * The secret of the tokens, for operators who set none: made on the first start and kept in the data
 * folder, so that links stay valid across restarts (docs/SPEC.md, C3).
 */
import { randomBytes } from "node:crypto";
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { ANOTHER_FOLDER, makeDataDir, reasonOf } from "../store/data-dir.ts";
import { STRONG_SECRET_CHARS } from "../config/readers.ts";
import { StoreError } from "../store/store.ts";

const FILE_NAME = "token-secret";
/** 256 bits, the size of an HS256 key (RFC 7518, 3.2). */
const SECRET_BYTES = 32;

const isCode = (error: unknown, code: string): boolean =>
  error instanceof Error && "code" in error && error.code === code;

/** `null` if there is no such file. */
const readSecret = (file: string): string | null => {
  let secret: string;
  try {
    secret = readFileSync(file, "utf8").trim();
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw new StoreError(
      `the token secret ${file} cannot be read (${reasonOf(error)}): check its owner and permissions`,
      {
        cause: error,
      },
    );
  }
  if (secret.length >= STRONG_SECRET_CHARS) return secret;
  // A new one in its place would silently invalidate all links.
  throw new StoreError(
    `the token secret ${file} is damaged, it has fewer than ${STRONG_SECRET_CHARS} characters: restore it from a backup, or delete it to have a new one made (all links given out so far stop working)`,
  );
};

const syncFolder = (folder: string): void => {
  const handle = openSync(folder, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
};

/** Writes a new secret atomically and with fsync; one that another relay has written meanwhile stays. */
const makeSecret = (dataDir: string, file: string): void => {
  const draft = `${file}.${randomBytes(6).toString("hex")}.new`;
  try {
    const handle = openSync(draft, "wx", 0o600);
    try {
      writeSync(handle, `${randomBytes(SECRET_BYTES).toString("base64url")}\n`);
      fsyncSync(handle);
    } finally {
      closeSync(handle);
    }
    // Unlike a rename, a link never replaces an existing file.
    linkSync(draft, file);
    syncFolder(dataDir);
  } catch (error) {
    if (isCode(error, "EEXIST")) return;
    throw new StoreError(`the token secret ${file} cannot be written (${reasonOf(error)}): ${ANOTHER_FOLDER}`, {
      cause: error,
    });
  } finally {
    rmSync(draft, { force: true });
  }
};

/**
 * The secret that is kept in the data folder; the first call creates both.
 *
 * @throws StoreError if the folder or the file cannot be made, written or read.
 */
export const keptTokenSecret = (dataDir: string): string => {
  makeDataDir(dataDir);
  const file = join(dataDir, FILE_NAME);
  const kept = readSecret(file);
  if (kept !== null) return kept;
  makeSecret(dataDir, file);
  return readSecret(file)!;
};
