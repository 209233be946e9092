/**
 * Builds the classroom and `session-room.js` into `dist/web`, unless what stands there was built
 * from these very sources. Says nothing on stdout: `npm start` prints the relay's address there.
 *
 * The new files are made beside the old ones and then put in their place, so a relay that runs
 * meanwhile never serves half a build, and several builds at once do not disturb each other.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "vite";

const root = join(import.meta.dirname, "..");
const webDir = join(root, "dist/web");
/** Stands beside the folder, not in it, since the relay serves everything in there. */
const stampFile = join(root, "dist/web.sha256");
const SOURCES = ["src", "components", "examples", "vite.config.ts", "tsconfig.json", "package-lock.json"];

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

const filesIn = (path: string): string[] => {
  try {
    return readdirSync(join(root, path), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .toSorted();
  } catch (error) {
    if (codeOf(error) === "ENOTDIR") return [join(root, path)];
    throw error;
  }
};

const hashOfSources = (): string => {
  const hash = createHash("sha256");
  for (const file of SOURCES.flatMap(filesIn)) {
    const bytes = readFileSync(file);
    hash.update(`${file}\0${bytes.length}\0`).update(bytes);
  }
  return hash.digest("hex");
};

const readStamp = (): string | null => {
  try {
    readFileSync(join(webDir, "index.html"));
    return readFileSync(stampFile, "utf8");
  } catch {
    return null;
  }
};

const putInPlace = (newDir: string): void => {
  const oldDir = `${newDir}-old`;
  for (;;) {
    try {
      renameSync(webDir, oldDir);
    } catch (error) {
      if (codeOf(error) !== "ENOENT") throw error;
    }
    try {
      renameSync(newDir, webDir);
      break;
    } catch (error) {
      // Another build has put its own there since.
      if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    }
    rmSync(oldDir, { recursive: true, force: true });
  }
  rmSync(oldDir, { recursive: true, force: true });
};

const hash = hashOfSources();
if (readStamp() !== hash) {
  process.stderr.write("Building the classroom …\n");
  const newDir = `${webDir}-${process.pid}`;
  mkdirSync(newDir, { recursive: true });
  try {
    await build({
      configFile: join(root, "vite.config.ts"),
      logLevel: "warn",
      build: { outDir: newDir, emptyOutDir: true },
    });
    putInPlace(newDir);
    writeFileSync(stampFile, hash);
  } finally {
    rmSync(newDir, { recursive: true, force: true });
  }
}
