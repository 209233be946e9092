/**
 * A folder in which Node keeps what it has compiled, so that a relay is there in half the time: here
 * some are started hundreds of times. A process that is killed writes nothing into it.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export const BIN = join(import.meta.dirname, "../../sync-server/bin.js");

/** The environment that uses such a folder, filled once; `drop` deletes it. */
export const fillCompileCache = (): { readonly env: { NODE_COMPILE_CACHE: string }; drop(): void } => {
  const folder = mkdtempSync(join(tmpdir(), "session-room-compiled-"));
  const env = { NODE_COMPILE_CACHE: folder };
  spawnSync(process.execPath, [BIN, "--version"], { env: { PATH: process.env["PATH"], ...env } });
  return { env, drop: () => rmSync(folder, { recursive: true, force: true }) };
};
