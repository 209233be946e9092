/** The package as npm would publish it: it can be installed, its command runs, and its modules load. */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");
let folder: string;

const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, {
    cwd: folder,
    encoding: "utf8",
    // The Node of node_modules, which runs the tests, takes precedence over the machine's.
    env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
    stdio: ["ignore", "pipe", "pipe"],
  });

/** Installs without a registry: unpacks the package and links the dependencies of the checkout. */
const install = (tarball: string): void => {
  const modules = join(folder, "node_modules");
  mkdirSync(join(modules, "session-room"), { recursive: true });
  for (const name of readdirSync(join(root, "node_modules"))) {
    if (!name.startsWith(".")) symlinkSync(join(root, "node_modules", name), join(modules, name));
  }
  run("tar", "-xzf", tarball, "-C", join(modules, "session-room"), "--strip-components=1");
};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "session-room-package-"));
  const [packed] = JSON.parse(run("npm", "pack", root, "--json", "--silent")) as [{ filename: string }];
  install(join(folder, packed.filename));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package", () => {
  it("[C1] has the command session-room-relay, which runs from node_modules", () => {
    const help = run("node", "node_modules/session-room/dist/lib/sync-server/bin.js", "--help");
    expect(help).toContain("SESSION_ROOM_HOST_ABSENCE");
  });

  it("[A1] contains the room client and the relay's example page", () => {
    expect(run("node", "-e", 'import("session-room").then(({ Room }) => console.log(typeof Room))').trim()).toBe(
      "function",
    );
    expect(readdirSync(join(folder, "node_modules/session-room/dist/web"))).toContain("session-room.js");
  });

  it("[A1] has types that compile in another project", () => {
    writeFileSync(
      join(folder, "page.ts"),
      'import "session-room/elements";\nimport { Room } from "session-room";\n' +
        'export const room: Room = new Room({ relay: "http://localhost:1234", room: "a", token: "b" });\n' +
        'export const title: string = document.createElement("session-room").heading;\n',
    );
    const options = ["--noEmit", "--strict", "--module", "NodeNext", "--target", "ES2024", "--skipLibCheck"];
    expect(() => run("tsc", ...options, "page.ts")).not.toThrow();
  });
});
