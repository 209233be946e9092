/** `npm start` as in the README: it builds, prints the address, reads the environment, and ends with its relay. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { freePort } from "../free-port.ts";
import { until } from "./until.ts";

const root = join(import.meta.dirname, "../..");

const isServed = async (url: string): Promise<boolean> => {
  try {
    return (await (await fetch(url)).text()).includes("<script");
  } catch {
    return false;
  }
};

it("[C1] npm start prints the address first, serves the classroom there, and leaves no process running", async () => {
  const dataDir = mkdtempSync(join(tmpdir(), "session-room-start-"));
  onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
  const port = await freePort();
  const npm = spawn("npm", ["start"], {
    cwd: root,
    env: { ...process.env, PORT: String(port), SESSION_ROOM_DATA_DIR: dataDir },
    stdio: ["ignore", "pipe", "inherit"],
  });
  onTestFinished(() => void npm.kill("SIGKILL"));
  let output = "";
  npm.stdout.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  const url = `http://localhost:${port}`;
  await until("the relay prints its address", () => output.includes(url), 30_000);
  // npm prefixes the lines about what it runs with ">".
  const lines = output.split("\n").filter((line) => line.trim() !== "" && !line.startsWith(">"));
  expect(lines[0]).toContain(url);
  expect(await isServed(url)).toBe(true);
  npm.kill("SIGTERM");
  await once(npm, "exit");
  await until("the relay has ended", async () => !(await isServed(url)));
});
