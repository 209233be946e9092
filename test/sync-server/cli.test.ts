/** The command as a process: its first line, its errors, and how it stops. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { temporaryFolder } from "./temporary-folder.ts";

const ROOT = join(import.meta.dirname, "../..");
const BIN = join(ROOT, "sync-server/bin.js");
const SECRET = "0123456789abcdef0123456789abcdef";
/** Starting a process takes a while on a busy machine. */
const TIMEOUT_MS = 60_000;

/** Only what a test sets, without the settings of the environment in which the tests run. */
const environment = (env: Record<string, string>): NodeJS.ProcessEnv => ({ PATH: process.env["PATH"], ...env });

type Ended = { readonly code: number | null; readonly stdout: string; readonly stderr: string };

/** Runs the command until it exits. */
const run = (args: readonly string[], env: Record<string, string> = {}): Ended => {
  const { status, stdout, stderr } = spawnSync(process.execPath, [BIN, ...args], {
    encoding: "utf8",
    env: environment(env),
    timeout: TIMEOUT_MS,
  });
  return { code: status, stdout, stderr };
};

type Running = { readonly child: ChildProcess; readonly url: string; output(): Ended };

/** Starts a relay; resolves when it has printed its address. */
const start = async (args: readonly string[], env: Record<string, string> = {}): Promise<Running> => {
  const child = spawn(process.execPath, [BIN, ...args], { env: environment(env), stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (chunk) => (stdout += chunk));
  child.stderr.on("data", (chunk) => (stderr += chunk));
  await Promise.race([once(child.stdout, "data"), once(child, "exit")]);
  const url = /https?:\/\/\S+/.exec(stdout.split("\n")[0]!)?.[0];
  if (url === undefined) throw new Error(`the relay did not start: ${stdout}${stderr}`);
  return { child, url, output: () => ({ code: child.exitCode, stdout, stderr }) };
};

const exitOf = async ({ child, output }: Running): Promise<Ended> => {
  if (child.exitCode === null && child.signalCode === null) await once(child, "close");
  return output();
};

/** Makes a room over HTTP; resolves with its host token. */
const makeRoom = async (url: string, room: string, headers: Record<string, string> = {}): Promise<string> => {
  const made = await postRoom(url, room, headers);
  expect(made.status).toBe(201);
  return ((await made.json()) as { hostToken: string }).hostToken;
};

const postRoom = (url: string, room: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(`${url}/v1/rooms`, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ room }),
  });

const oneLine = ({ stderr }: Ended): string => {
  expect(stderr.endsWith("\n")).toBe(true);
  const lines = stderr.trimEnd().split("\n");
  expect(lines).toHaveLength(1);
  return lines[0]!;
};

describe("session-room-relay", { timeout: TIMEOUT_MS }, () => {
  it("first prints the address, and answers there; nothing else goes to stdout", async () => {
    const relay = await start(["--port=0", "--data-dir", temporaryFolder()]);
    expect(relay.output().stdout).toBe(`Session room ready: ${relay.url}\n`);
    expect(relay.url).toMatch(/^http:\/\/localhost:\d+$/);
    expect((await fetch(`${relay.url}/readyz`)).status).toBe(200);
  });

  it.each(["SIGTERM", "SIGINT"] as const)(
    "[C3] stops properly at %s, and keeps its rooms and its secret",
    async (signal) => {
      const folder = temporaryFolder();
      const first = await start(["--port=0", "--data-dir", folder]);
      const hostToken = await makeRoom(first.url, "kept");
      first.child.kill(signal);
      expect((await exitOf(first)).code).toBe(0);
      expect(first.child.signalCode).toBe(null);
      expect(readdirSync(folder).sort()).toEqual(["session-room.db", "session-room.lock", "token-secret"]);

      const second = await start(["--port=0", "--data-dir", folder]);
      const shown = await fetch(`${second.url}/v1/rooms/kept`, { headers: { authorization: `Bearer ${hostToken}` } });
      expect(await shown.json()).toMatchObject({ room: "kept", status: "waiting" });
    },
  );

  it("obeys the environment, and flags first; the store in memory leaves nothing but the secret", async () => {
    const folder = temporaryFolder();
    const relay = await start(["--port=0"], { PORT: "1", SESSION_ROOM_STORE: "memory", SESSION_ROOM_DATA_DIR: folder });
    expect((await fetch(`${relay.url}/livez`)).status).toBe(200);
    expect(readdirSync(folder)).toEqual(["token-secret"]);
  });

  it("needs no data folder with a store in memory and a secret", async () => {
    const env = {
      SESSION_ROOM_STORE: "memory",
      SESSION_ROOM_DATA_DIR: "/proc/none",
      SESSION_ROOM_TOKEN_SECRET: SECRET,
    };
    const relay = await start(["--port=0"], env);
    expect((await fetch(`${relay.url}/livez`)).status).toBe(200);
  });

  it("[C2] says in one line that the port is in use", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    onTestFinished(() => void other.close());
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    const ended = run(["--data-dir", temporaryFolder()], { PORT: String(port) });
    expect(oneLine(ended)).toContain(`port ${port} on 127.0.0.1 is in use`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
  });

  it("[C2] says in one line that the data folder is in use, or cannot be", async () => {
    const folder = temporaryFolder();
    const relay = await start(["--port=0", "--data-dir", folder]);
    const second = run(["--port=0", "--data-dir", folder]);
    expect(oneLine(second)).toContain(`the data folder ${folder} is in use by another relay`);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect((await fetch(`${relay.url}/readyz`)).status).toBe(200);

    const file = join(temporaryFolder(), "file");
    writeFileSync(file, "");
    const third = run(["--port=0", "--data-dir", join(file, "data")]);
    expect(oneLine(third)).toContain(`the data folder ${join(file, "data")} cannot be made`);
    expect(third.code).toBe(1);
  });

  it("[C2] starts again on the folder of a relay that was killed", async () => {
    const folder = temporaryFolder();
    const first = await start(["--port=0", "--data-dir", folder]);
    await makeRoom(first.url, "kept");
    first.child.kill("SIGKILL");
    await exitOf(first);
    const second = await start(["--port=0", "--data-dir", folder]);
    expect((await postRoom(second.url, "kept")).status).toBe(409);
  });

  it("[C1] says in one line which setting is wrong", () => {
    const ended = run(["--host-absence", "soon"]);
    expect(oneLine(ended)).toContain('--host-absence (SESSION_ROOM_HOST_ABSENCE) is "soon"');
    expect(ended).toMatchObject({ code: 1, stdout: "" });
  });

  it("[C5] says in one line which variable is unknown, and which was meant", () => {
    const ended = run([], { SESSION_ROOM_ADMIN_KYE: SECRET });
    expect(oneLine(ended)).toContain(
      "there is no setting SESSION_ROOM_ADMIN_KYE: the nearest is SESSION_ROOM_ADMIN_KEY",
    );
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).not.toContain(SECRET);
  });

  it("[C2] says in one line that the host is not of this machine", () => {
    const ended = run(["--port=0", "--host", "192.0.2.1", "--data-dir", temporaryFolder()]);
    expect(oneLine(ended)).toContain("192.0.2.1 is no address of this machine");
    expect(ended.code).toBe(1);
  });

  it("[C6] takes its secrets from files, and never prints what is in one", async () => {
    const folder = temporaryFolder();
    const [secretFile, keyFile] = [join(folder, "secret"), join(folder, "key")];
    writeFileSync(secretFile, `${SECRET}\n`);
    writeFileSync(keyFile, "the-admin-key\n");
    const env = { SESSION_ROOM_STORE: "memory", SESSION_ROOM_TOKEN_SECRET_FILE: secretFile };
    const relay = await start(["--port=0", "--admin-key-file", keyFile], env);
    await makeRoom(relay.url, "room", { authorization: "Bearer the-admin-key" });
    expect((await postRoom(relay.url, "other")).status).toBe(401);

    writeFileSync(keyFile, "the admin key\n");
    const ended = run(["--port=0", "--admin-key-file", keyFile], env);
    expect(oneLine(ended)).toContain(`--admin-key-file (SESSION_ROOM_ADMIN_KEY_FILE) is "${keyFile}"`);
    expect(ended).toMatchObject({ code: 1, stdout: "" });
    expect(ended.stderr).not.toContain("the admin key");
  });

  it("shows its help and its version", () => {
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(run(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
    const help = run(["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    expect(help.stdout).toContain("SESSION_ROOM_HOST_ABSENCE");
  });

  it("never prints its secrets, even when it logs everything", async () => {
    const env = {
      SESSION_ROOM_TOKEN_SECRET: SECRET,
      SESSION_ROOM_ADMIN_KEY: "the-admin-key",
      SESSION_ROOM_LOG_LEVEL: "trace",
    };
    const relay = await start(["--port=0", "--data-dir", temporaryFolder()], env);
    const headers = { authorization: "Bearer the-admin-key" };
    const hostToken = await makeRoom(relay.url, "room", headers);
    await fetch(`${relay.url}/v1/rooms/none`, { headers: { authorization: `Bearer ${hostToken}x` } });
    relay.child.kill("SIGTERM");
    const { stdout, stderr } = await exitOf(relay);
    for (const secret of [SECRET, "the-admin-key", hostToken]) expect(stdout + stderr).not.toContain(secret);
  });

  it("exits at once at a second signal", async () => {
    const relay = await start(["--port=0", "--data-dir", temporaryFolder()]);
    // A request that never ends delays the first, orderly close.
    const { port } = new URL(relay.url);
    const socket = connect(
      Number(port),
      "localhost",
      () => void socket.write("POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\n"),
    );
    socket.on("error", () => {});
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    relay.child.kill("SIGTERM");
    relay.child.kill("SIGINT");
    expect((await exitOf(relay)).code).toBe(1);
  });
});

describe("on an older Node", () => {
  it(
    "[C2] says so in one line, and loads nothing",
    () => {
      // The real file, on a Node that claims another version.
      const preload = join(temporaryFolder(), "older.cjs");
      const ofVersion = (version: string): Ended => {
        writeFileSync(
          preload,
          `Object.defineProperty(process, "version", { value: "v${version}" });
         Object.defineProperty(process, "versions", { value: { ...process.versions, node: "${version}" } });`,
        );
        const { status, stdout, stderr } = spawnSync(process.execPath, ["--require", preload, BIN, "--version"], {
          encoding: "utf8",
          env: environment({}),
        });
        return { code: status, stdout, stderr };
      };
      for (const version of ["20.20.2", "22.12.0", "8.17.0"]) {
        expect(ofVersion(version)).toEqual({
          code: 1,
          stdout: "",
          stderr: `session-room-relay needs Node 22.13 or newer; this is v${version}.\n`,
        });
      }
      for (const version of ["22.13.0", "24.0.0"]) expect(ofVersion(version).code).toBe(0);
    },
    TIMEOUT_MS,
  );
});
