/** Finds the Chromium in which the tests of the elements and the end-to-end tests run, or installs it. */
import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync } from "node:fs";
import { delimiter, join } from "node:path";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** Chromium shows nothing in a font that is not there, and Debian's package only recommends some. */
const PACKAGES = ["chromium", "fonts-liberation", "fonts-dejavu-core"];

const isExecutable = (file: string): boolean => {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

const search = (): string | undefined =>
  (process.env["PATH"] ?? "")
    .split(delimiter)
    .flatMap((folder) => NAMES.map((name) => join(folder, name)))
    .find(isExecutable);

const canInstall = (): boolean => process.getuid?.() === 0 && existsSync("/etc/debian_version");

const install = (): void => {
  process.stderr.write(`No Chromium found: installing ${PACKAGES.join(", ")} with apt-get …\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
  const aptGet = (...args: string[]) => spawnSync("apt-get", ["-qq", ...args], { stdio: ["ignore", 2, 2], env });
  aptGet("update");
  aptGet("install", "-y", "--no-install-recommends", ...PACKAGES);
};

/**
 * The path of a Chromium: the one that `CHROMIUM` names, one in the PATH, or (as root on Debian) one
 * that is installed now.
 *
 * @throws Error with what to do, if there is none.
 */
export const findChromium = (): string => {
  const chosen = process.env["CHROMIUM"];
  if (chosen) {
    if (isExecutable(chosen)) return chosen;
    throw new Error(
      `CHROMIUM is ${chosen}, and there is no program of this name. Give the path of a Chromium or Chrome.`,
    );
  }
  if (search() === undefined && canInstall()) install();
  const found = search();
  if (found !== undefined) return found;
  throw new Error(
    "The tests need Chromium. Install it (Debian, Ubuntu: sudo apt-get install chromium), or set CHROMIUM to the path of a Chromium or Chrome.",
  );
};
