/**
 * A data folder that is damaged, or in use by another relay: the real process refuses it in one line that
 * names the file and what to do, changes nothing, and never starts with fewer rooms.
 */
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import type { MadeRoom } from "../e2e/relay-process.ts";
import { until } from "../e2e/until.ts";
import { temporaryFolder } from "../sync-server/temporary-folder.ts";
import { CrashClient } from "./client.ts";
import { BIN, fillCompileCache } from "./compile-cache.ts";

const SECRET = "a secret of the refusals, long enough for HS256";
const ROOMS = 60;
const PAGE_BYTES = 4096;
const compiled = fillCompileCache();
const settings = { SESSION_ROOM_TOKEN_SECRET: SECRET, ...compiled.env };

const database = (folder: string): string => join(folder, "session-room.db");
const log = (folder: string): string => `${database(folder)}-wal`;
const unsure = (folder: string): string => `${database(folder)}.unsure`;

/** Connects a host to the room. */
const enter = async (relay: RelayProcess, room: string): Promise<CrashClient> => {
  const claims = { room, role: "host", sub: "h", name: "Hana", expiresAt: Date.now() + 3_600_000 } as const;
  const token = await createTokens(SECRET, systemClock()).sign(claims);
  const client = new CrashClient("host", "host", room, token, { session: () => {}, answer: () => {} });
  client.connect(relay.url.replace("http", "ws").replace("localhost", "127.0.0.1"));
  await until("the host has joined", () => client.isSynced);
  return client;
};

const overwrite = (file: string, from: number, bytes: number, value: number): void =>
  writeFileSync(file, readFileSync(file).fill(value, from, from + bytes));

describe("a damaged data folder", () => {
  /** Copies of the folder after a kill and after a regular stop. */
  let killed = "";
  let stopped = "";
  let rooms: MadeRoom[] = [];
  let relay: RelayProcess;

  beforeAll(async () => {
    relay = await RelayProcess.start(settings);
    rooms = [];
    for (let i = 0; i < ROOMS; i++) rooms.push(await relay.makeRoom({ room: `room-${i}` }));
    const client = await enter(relay, "room-0");
    for (let i = 0; i < 50; i++) client.write(1, "x".repeat(100));
    await relay.describe(rooms[0]!);
    await relay.kill();
    killed = `${relay.dataDir}-killed`;
    cpSync(relay.dataDir, killed, { recursive: true });
    await relay.startAgain();
    relay.signal("SIGTERM");
    await relay.exitCode;
    stopped = `${relay.dataDir}-stopped`;
    cpSync(relay.dataDir, stopped, { recursive: true });
  });

  afterAll(async () => {
    await relay.stop();
    compiled.remove();
    for (const folder of [killed, stopped]) rmSync(folder, { recursive: true, force: true });
  });

  const copyOf = (folder: string): string => {
    const copy = join(temporaryFolder(), "data");
    cpSync(folder, copy, { recursive: true });
    return copy;
  };

  const start = (folder: string) =>
    spawnSync(process.execPath, [BIN], {
      encoding: "utf8",
      env: { PATH: process.env["PATH"], PORT: "0", SESSION_ROOM_DATA_DIR: folder, ...settings },
      timeout: 20_000,
    });

  const bytesOf = (file: string): Buffer | null => (existsSync(file) ? readFileSync(file) : null);

  /** Starts a relay with the folder and counts the rooms that it knows. */
  const countRooms = async (folder: string): Promise<number> => {
    const again = await RelayProcess.start(settings, folder);
    let count = 0;
    for (const { room, hostToken } of rooms) {
      if ((await again.call(`/v1/rooms/${room}`, { token: hostToken })).status === 200) count++;
    }
    await again.stop();
    return count;
  };

  it("[R1] starts when nothing is damaged, so that the damage causes the refusals below", async () => {
    expect(await countRooms(copyOf(killed))).toBe(ROOMS);
    expect(await countRooms(copyOf(stopped))).toBe(ROOMS);
  });

  type Case = readonly [what: string, from: "killed" | "stopped", damage: (folder: string) => void, reason: string];

  it.each<Case>([
    ["garbage at its head", "stopped", (f) => overwrite(database(f), 0, 100, 0x5a), "is damaged, or no database"],
    [
      "garbage at its head, and a log",
      "killed",
      (f) => overwrite(database(f), 0, 100, 0x5a),
      "is damaged, or no database",
    ],
    ["its middle cut off", "stopped", (f) => truncateSync(database(f), 4 * PAGE_BYTES), "is damaged"],
    ["a page of zeros", "stopped", (f) => overwrite(database(f), 2 * PAGE_BYTES, PAGE_BYTES, 0), "is damaged"],
    ["nothing in it", "stopped", (f) => truncateSync(database(f), 0), "is empty, so it was cut off"],
    ["nothing in it, and a log", "killed", (f) => truncateSync(database(f), 0), "is empty, though its log"],
    ["gone, but its log is there", "killed", (f) => rmSync(database(f)), "is gone, though its log"],
  ])("[R4] is refused: the database has %s", (_, from, damage, reason) => {
    const folder = copyOf(from === "killed" ? killed : stopped);
    damage(folder);
    const before = [bytesOf(database(folder)), bytesOf(log(folder))];
    const { status, stdout, stderr } = start(folder);
    expect(stderr).toContain(`session-room-relay: the database ${database(folder)} ${reason}`);
    expect(stderr).toContain(`: restore a backup of the folder, or move ${database(folder)} and ${log(folder)} away`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect([bytesOf(database(folder)), bytesOf(log(folder))]).toEqual(before);
  });

  it.each<readonly [what: string, damage: (folder: string) => void, reason: string]>([
    ["gone", (f) => rmSync(log(f)), "is missing, though"],
    ["empty", (f) => truncateSync(log(f), 0), "is empty, though"],
    ["cut off within its head", (f) => truncateSync(log(f), 10), "is cut off"],
    ["cut off after its head", (f) => truncateSync(log(f), 32), "is cut off"],
    ["cut off within its first frame", (f) => truncateSync(log(f), 32 + 1_000), "is cut off"],
    ["overwritten at its head", (f) => overwrite(log(f), 0, 32, 0x5a), "is not one of SQLite"],
  ])("[R4] is refused: the log is %s; the operator can accept the loss with a file", async (_, damage, reason) => {
    const folder = copyOf(killed);
    damage(folder);
    const before = [bytesOf(database(folder)), bytesOf(log(folder))];
    const { status, stdout, stderr } = start(folder);
    expect(stderr).toContain(`session-room-relay: the log ${log(folder)} of the database ${reason}`);
    expect(stderr).toContain(`: restore a backup of the folder, or make an empty file ${unsure(folder)} to start`);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
    expect({ status, stdout }).toEqual({ status: 1, stdout: "" });
    expect([bytesOf(database(folder)), bytesOf(log(folder))]).toEqual(before);

    writeFileSync(unsure(folder), "");
    const again = await RelayProcess.start(settings, folder);
    onTestFinished(() => again.stop());
    expect(existsSync(unsure(folder))).toBe(false);
  });

  it("[R4] is refused: the log belongs to another copy of the database, such as the one before a restore", () => {
    const folder = copyOf(stopped);
    cpSync(log(killed), log(folder));
    const { status, stderr } = start(folder);
    expect(stderr).toContain(`the log ${log(folder)} belongs to another copy of the database ${database(folder)}`);
    expect(stderr).toContain("move the log away");
    expect(status).toBe(1);
    expect(readFileSync(log(folder)).equals(readFileSync(log(killed)))).toBe(true);
  });

  it("[R1] starts when the last frame of the log is incomplete, as after a kill", async () => {
    const folder = copyOf(killed);
    truncateSync(log(folder), statSync(log(folder)).size - 100);
    expect(await countRooms(folder)).toBe(ROOMS);
  });
});

describe("two relays with one folder", () => {
  it("[R8] the second is refused and the first is not affected; when the first is killed, the second starts at once", async () => {
    const first = await RelayProcess.start(settings);
    onTestFinished(() => first.stop());
    const { room } = await first.makeRoom();
    const writer = await enter(first, room);
    const before = await enter(first, room);
    for (let i = 0; i < 3; i++) {
      writer.write(1);
      const refused = RelayProcess.start(settings, first.dataDir);
      await expect(refused).rejects.toThrow(
        `the relay ended with code 1: session-room-relay: the data folder ${first.dataDir} is in use by another relay`,
      );
      writer.write(1);
      await until("edits still arrive", () => before.entries.length === writer.entries.length);
    }
    expect(writer.closeCodes).toEqual([]);
    await first.kill();
    const second = await RelayProcess.start(settings, first.dataDir);
    onTestFinished(() => second.stop());
    const after = await enter(second, room);
    expect(after.entries).toEqual(writer.entries);
    for (const client of [writer, before, after]) client.disconnect();
  });
});
