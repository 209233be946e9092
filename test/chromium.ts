/** Finds, or installs, the Chromium for the tests of the elements and the end-to-end tests. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { findProgram, isExecutable } from "./programs.ts";

const NAMES = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];
/** Chromium cannot render text without fonts, and Debian's package only recommends some. */
const PACKAGES = ["chromium", "fonts-liberation", "fonts-dejavu-core"];

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
    throw new Error(`CHROMIUM is ${chosen}, which is not a program. Give the path of a Chromium or Chrome.`);
  }
  if (findProgram(...NAMES) === undefined && canInstall()) install();
  const found = findProgram(...NAMES);
  if (found !== undefined) return found;
  throw new Error(
    "Chromium is not installed (Debian, Ubuntu: sudo apt-get install chromium), and CHROMIUM does not name one.",
  );
};
