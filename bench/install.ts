/** Installs the bench's own packages if they are missing: the peers are nobody's dependency. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

const INSTALL_MS = 240_000;

export const installPackages = async (): Promise<void> => {
  const here = import.meta.dirname;
  if (existsSync(join(here, "node_modules/.package-lock.json"))) return;
  process.stderr.write("Installing the servers to compare with (npm ci --prefix bench) …\n");
  // No scripts: an optional database of a peer would be compiled.
  const npm = spawn("npm", ["ci", "--prefix", here, "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: INSTALL_MS,
  });
  const [code] = (await once(npm, "exit")) as [number | null];
  if (code !== 0) throw new Error("the bench's packages could not be installed; is the npm registry in reach?");
};
