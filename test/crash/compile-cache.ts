/**
 * A compile cache of Node, which halves the time that a relay takes to start: these tests start it
 * hundreds of times. A killed process does not write to the cache, so it is filled first.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BIN = join(import.meta.dirname, "../../sync-server/bin.js");

/** Fills a new cache; `env` makes Node use it, `remove` deletes it. */
export const fillCompileCache = (): { readonly env: { NODE_COMPILE_CACHE: string }; remove(): void } => {
  const folder = mkdtempSync(join(tmpdir(), "session-room-compiled-"));
  const env = { NODE_COMPILE_CACHE: folder };
  spawnSync(process.execPath, [BIN, "--version"], { env: { PATH: process.env["PATH"], ...env } });
  return { env, remove: () => rmSync(folder, { recursive: true, force: true }) };
};
