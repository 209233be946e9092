/** Installs the bench's own packages if they are missing. The other servers are not dependencies of the project. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";

const INSTALL_MS = 240_000;

export const installPackages = async (): Promise<void> => {
  const here = import.meta.dirname;
  if (existsSync(join(here, "node_modules/.package-lock.json"))) return;
  process.stderr.write("Installing the other servers (npm ci --prefix bench) …\n");
  // Without scripts: otherwise npm would compile an optional database of one of the servers.
  const npm = spawn("npm", ["ci", "--prefix", here, "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
    timeout: INSTALL_MS,
  });
  const [code] = (await once(npm, "exit")) as [number | null];
  if (code !== 0) throw new Error("the packages of the bench could not be installed; is the npm registry reachable?");
};
