/** The SQLite store: the contract of all stores, and what only files can do: be locked, cut off, damaged or full. */
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it, onTestFinished } from "vitest";
import { SqliteStore } from "../../../../sync-server/store/sqlite/store.ts";
import { StoreError } from "../../../../sync-server/store/store.ts";
import type { Write } from "../../../../sync-server/store/store.ts";
import { describeStore } from "../store-contract.ts";
import { append, live, putRoom } from "../store-writes.ts";
import { temporaryFolder } from "../../temporary-folder.ts";

const open = (folder: string): SqliteStore => {
  const store = new SqliteStore(folder);
  onTestFinished(() => store.close());
  return store;
};

const databaseOf = (folder: string): string => join(folder, "session-room.db");

/** Why the folder's store cannot be opened. */
const refusal = (folder: string): string => {
  try {
    void new SqliteStore(folder).close();
    return "none";
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    return error.message;
  }
};

const PROGRAM = join(import.meta.dirname, "../store-process.ts");

/** Starts the program of `store-process.ts`; resolves at its first line. */
const holdStore = async (folder: string): Promise<ChildProcess> => {
  const child = spawn(process.execPath, [PROGRAM, folder, "hold"], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return child;
};

/** A folder whose database holds some rooms with content, closed. */
const filledFolder = async (count = 50): Promise<string> => {
  const folder = temporaryFolder();
  const store = new SqliteStore(folder);
  const rooms = Array.from({ length: count }, (_, i) => `room-${i}`);
  await store.commit(
    rooms.flatMap((room): Write[] => [putRoom(room), append(room, ...new Uint8Array(3_000).fill(7))]),
    "flushed",
  );
  await store.close();
  return folder;
};

describeStore("SqliteStore", async () => {
  const folder = temporaryFolder();
  const store = open(folder);
  return {
    store,
    reopen: async () => {
      await store.close();
      return open(folder);
    },
  };
});

describe("the database file", () => {
  it("is made with its folder, and is its owner's alone", () => {
    const folder = join(temporaryFolder(), "deep", "data");
    open(folder);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder).sort()).toEqual(["session-room.db", "session-room.db-wal", "session-room.lock"]);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o077).toBe(0);
  });

  it("is one file when it is closed, as a backup wants it", async () => {
    expect(readdirSync(await filledFolder())).toEqual(["session-room.db", "session-room.lock"]);
  });

  it("[C2] belongs to one relay: a second one is told which folder is in use", async () => {
    const folder = await filledFolder();
    // One that has only read holds the lock as well.
    const store = open(folder);
    expect(refusal(folder)).toContain(`the data folder ${folder} is in use by another relay`);
    expect(await store.readRoom("room-1")).not.toBe(null);
    await store.close();
    expect(refusal(folder)).toBe("none");
  });

  it("[C2] survives SIGKILL with all that was committed, and without a lock that stays", async () => {
    const folder = temporaryFolder();
    const child = await holdStore(folder);
    expect(refusal(folder)).toContain("is in use by another relay");
    child.kill("SIGKILL");
    await once(child, "exit");
    const stored = (await open(folder).readRoom("room"))!;
    expect(stored.content.slice(0, 50)).toEqual(Array.from({ length: 50 }, (_, i) => Uint8Array.of(i)));
  });

  it("is made anew after a kill in the middle of its making", () => {
    const folder = temporaryFolder();
    writeFileSync(`${databaseOf(folder)}.new`, "");
    writeFileSync(databaseOf(folder), "");
    expect(refusal(folder)).toBe("none");
    expect(readdirSync(folder)).toEqual(["session-room.db", "session-room.lock"]);
  });
});

describe("a database that cannot be used", () => {
  const wayOut = (folder: string): string => `move ${databaseOf(folder)} and ${databaseOf(folder)}-wal away`;

  it.each<[string, (file: string) => void, string]>([
    ["cut off to nothing", (file) => truncateSync(file, 0), "is empty, so it was cut off"],
    ["cut off within the first page", (file) => truncateSync(file, 1_000), "is damaged"],
    ["cut off in the middle", (file) => truncateSync(file, 4096 * 10), "is damaged"],
    ["of another program", (file) => writeFileSync(file, "no database at all, but text\n".repeat(200)), "no database"],
    ["with a damaged schema", (file) => writeFileSync(file, readFileSync(file).fill(0x5a, 100, 4096)), "is damaged"],
  ])("is refused at the start, and left as it is: %s", async (_, spoil, reason) => {
    const folder = await filledFolder();
    const file = databaseOf(folder);
    spoil(file);
    const before = readFileSync(file);
    expect(refusal(folder)).toContain(`the database ${file} ${reason.startsWith("is") ? reason : ""}`);
    expect(refusal(folder)).toContain(reason);
    expect(refusal(folder)).toContain(wayOut(folder));
    expect(readFileSync(file).equals(before)).toBe(true);
  });

  it("[R4] is refused whichever of its pages is zeros", async () => {
    const folder = await filledFolder();
    const file = databaseOf(folder);
    const whole = readFileSync(file);
    expect(whole.byteLength / 4096).toBeGreaterThan(50);
    for (let at = 0; at < whole.byteLength; at += 4096) {
      writeFileSync(file, Buffer.from(whole).fill(0, at, at + 4096));
      expect(refusal(folder), `page at ${at}`).toContain(wayOut(folder));
    }
  });

  it("is refused if it is another program's SQLite database", () => {
    const folder = temporaryFolder();
    const other = new DatabaseSync(databaseOf(folder));
    other.exec("CREATE TABLE room (id INTEGER PRIMARY KEY)");
    other.close();
    const before = readFileSync(databaseOf(folder));
    expect(refusal(folder)).toContain("is not one of session-room");
    expect(readFileSync(databaseOf(folder)).equals(before)).toBe(true);
  });

  it.each([3, 5])("is refused if it has format %i", async (format) => {
    const folder = await filledFolder();
    const other = new DatabaseSync(databaseOf(folder));
    other.exec(`PRAGMA user_version = ${format}`);
    other.close();
    const reason = `was written by another version of session-room (its format is ${format}, this version knows 4)`;
    expect(refusal(folder)).toContain(`the database ${databaseOf(folder)} ${reason}`);
  });

  it("is an error when a room on a damaged page is read, never an empty room", async () => {
    // More than SQLite keeps in memory.
    const folder = await filledFolder(2_000);
    const file = databaseOf(folder);
    const store = new SqliteStore(folder);
    const bytes = readFileSync(file);
    // All but the first page, which holds the schema, is overwritten while it is open.
    writeFileSync(file, bytes.fill(0x5a, 4096));
    await expect(store.readRoom("room-7")).rejects.toThrow(wayOut(folder));
    await expect(store.earliestDeadline()).rejects.toThrow(StoreError);
    await expect(store.liveRooms(Infinity, 10).next()).rejects.toThrow(StoreError);
    await expect(store.commit([putRoom("room-7")], "written")).rejects.toThrow(StoreError);
  });

  it("[C2] cannot be where a file stands in place of the folder", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    expect(refusal(join(folder, "file"))).toContain(`${join(folder, "file")} is a file`);
    expect(refusal(join(folder, "file", "data"))).toContain("cannot be made");
    mkdirSync(databaseOf(folder));
    expect(refusal(folder)).toContain(databaseOf(folder));
  });

  it("[C2] cannot be where nothing can be made; that is told, not tried for ever", () => {
    expect(refusal("/proc/session-room")).toContain("the data folder /proc/session-room cannot be made");
  });
});

describe("a full disk", () => {
  type Outcome = { kept: number; stored: number; half: unknown; name: string; message: string };

  const fill = (command: string, folder: string): Outcome => {
    const { stdout, stderr } = spawnSync(
      "sh",
      ["-c", `${command}; exec "$0" "$@"`, process.execPath, PROGRAM, folder, "fill"],
      {
        encoding: "utf8",
      },
    );
    if (stdout === "") throw new Error(stderr);
    return JSON.parse(stdout) as Outcome;
  };

  const canMount = spawnSync("unshare", ["-m", "true"]).status === 0;

  it.skipIf(!canMount)("fails the commit, keeps nothing of it and all before it", async () => {
    const folder = temporaryFolder();
    const { stdout } = spawnSync(
      "unshare",
      [
        "-m",
        "sh",
        "-c",
        `mount -t tmpfs -o size=2m none "$2" && exec "$0" "$1" "$2" fill`,
        process.execPath,
        PROGRAM,
        folder,
      ],
      { encoding: "utf8" },
    );
    const outcome = JSON.parse(stdout) as Outcome;
    expect(outcome.kept).toBeGreaterThan(5);
    expect(outcome).toMatchObject({ stored: outcome.kept, half: null, name: "StoreError" });
    expect(outcome.message).toBe(
      `no space is left for the database ${databaseOf(folder)}: free some, and start the relay again`,
    );
  });

  it("with a file that may not grow fails in the same way, and the rest can be read at the next start", async () => {
    const folder = temporaryFolder();
    const outcome = fill("ulimit -f 1000", folder);
    expect(outcome.kept).toBeGreaterThan(5);
    expect(outcome).toMatchObject({ stored: outcome.kept, half: null, name: "StoreError" });
    expect(outcome.message).toContain(databaseOf(folder));
    const store = open(folder);
    expect((await store.readRoom("room"))!.content.length).toBe(outcome.kept);
    await store.commit([append("room", 1)], "flushed");
  });
});

const canTrace = spawnSync("strace", ["-e", "trace=none", "true"]).status === 0;

describe.skipIf(!canTrace)("durability, by the system calls that are made", () => {
  /** How often the process synced a file during five commits. */
  const syncs = (what: string): number => {
    const { stderr } = spawnSync(
      "strace",
      ["-f", "-e", "trace=fsync,fdatasync,write", process.execPath, PROGRAM, temporaryFolder(), what],
      { encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
    );
    const during = stderr.slice(stderr.indexOf('"begin\\n"'), stderr.indexOf('"end\\n"'));
    return during.match(/f(data)?sync\(/g)?.length ?? 0;
  };

  it("[W8] a flushed commit is synced, a written one is not", () => {
    expect(syncs("commit-flushed")).toBe(5);
    expect(syncs("commit-written")).toBe(0);
  });
});

describe("many rooms", () => {
  it("keep their order while more of them are written to than it remembers the places of", async () => {
    const store = open(temporaryFolder());
    const rooms = Array.from({ length: 5_000 }, (_, i) => `room-${i}`);
    await store.commit(
      rooms.map((room) => putRoom(room)),
      "written",
    );
    for (const byte of [1, 2, 3]) {
      await store.commit(
        rooms.map((room) => append(room, byte)),
        "written",
      );
    }
    for (const room of ["room-0", "room-1", "room-903", "room-904", "room-4095", "room-4096", "room-4999"]) {
      expect((await store.readRoom(room))!.content, room).toEqual([1, 2, 3].map((byte) => Uint8Array.of(byte)));
    }
  });

  it("walks through 100,000 live rooms, and finds the due ones, in well under a second each", async () => {
    const store = open(temporaryFolder());
    const rooms = Array.from({ length: 100_000 }, (_, i) => putRoom(`room-${i}`, live(i % 1_000 === 0 ? i : null)));
    await store.commit(rooms, "written");
    /** In ms of this process's own time: the machine may be busy with other things. */
    const measured = async (run: () => Promise<void>): Promise<number> => {
      const before = process.cpuUsage();
      await run();
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1_000;
    };
    let seen = 0;
    const walkMs = await measured(async () => {
      for await (const records of store.liveRooms(Infinity, 1_000)) seen += records.length;
    });
    const dueMs = await measured(async () => {
      for (let i = 0; i < 100; i++) {
        expect(await store.earliestDeadline()).toBe(0);
        expect((await store.dueRooms(50_000, 10)).length).toBe(10);
      }
    });
    expect(seen).toBe(100_000);
    // Some 300 ms and 10 ms; without the index on deadlines the second is a matter of seconds.
    expect(walkMs).toBeLessThan(1_500);
    expect(dueMs).toBeLessThan(500);
  }, 60_000);
});
