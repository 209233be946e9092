/** A full disk: the relay reports it and exits; after a restart with free space nothing that it had sent is lost. */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it, onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { freePort } from "../free-port.ts";
import { until } from "../e2e/until.ts";
import { temporaryFolder } from "../sync-server/temporary-folder.ts";
import { CrashClient } from "./client.ts";
import type { Listener } from "./client.ts";
import { BIN } from "./compile-cache.ts";
import { SentLog } from "./sent-log.ts";

const SECRET = "a secret of the full disk, long enough for HS256";
/** Runs the relay twice: first with a file that occupies half of the disk, then without it. */
const RUN_TWICE = `
  mount -t tmpfs -o size=4m none "$DISK" && head -c 2000000 /dev/zero > "$DISK/filler" || exit 99
  "$0" "$1"; echo "ended with $?"
  rm "$DISK/filler"
  exec "$0" "$1"`;

const canMount = spawnSync("unshare", ["-m", "sh", "-c", "mount -t tmpfs none /tmp"]).status === 0;
if (!canMount)
  process.stdout.write("The test of a full disk is skipped: it needs the right to mount a tmpfs (root).\n");

it.skipIf(!canMount)(
  `[R5] a full disk: one line that names the file, all connections closed with 1013, and nothing lost that was sent`,
  async () => {
    const disk = temporaryFolder();
    const port = await freePort();
    const child = spawn("unshare", ["-m", "sh", "-c", RUN_TWICE, process.execPath, BIN], {
      env: {
        PATH: process.env["PATH"],
        DISK: disk,
        PORT: String(port),
        SESSION_ROOM_DATA_DIR: join(disk, "data"),
        SESSION_ROOM_TOKEN_SECRET: SECRET,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(async () => {
      if (child.exitCode !== null) return;
      const closed = once(child, "close");
      child.kill("SIGTERM");
      await closed;
    });
    const output: string[] = [];
    const errors: string[] = [];
    createInterface({ input: child.stdout }).on("line", (line) => void output.push(line));
    createInterface({ input: child.stderr }).on("line", (line) => void errors.push(line));
    await until("the relay has started", () => output.length > 0);
    // The mount is visible only in the child's own namespace.
    expect(existsSync(join(disk, "data"))).toBe(false);

    const violations: string[] = [];
    const sentLog = new SentLog("room", (rule, what) => void violations.push(`${rule} ${what}`));
    const listener: Listener = {
      session: ({ name }, session, ledgerId) => {
        sentLog.recordSession(name, session);
        sentLog.recordLedgerId(ledgerId);
      },
      answer: (_, command, answer) => sentLog.recordAnswer(command, answer),
    };
    const tokens = createTokens(SECRET, systemClock());
    const person = async (name: string, role: Role): Promise<CrashClient> => {
      const token = await tokens.sign({ room: "room", role, sub: name, name, expiresAt: Date.now() + 3_600_000 });
      const client = new CrashClient(name, role, "room", token, listener);
      onTestFinished(() => client.disconnect());
      client.connect(`ws://127.0.0.1:${port}`);
      await until(`${name} has joined`, () => client.isSynced);
      return client;
    };
    const people = [
      await person("host", "host"),
      await person("ann", "participant"),
      await person("bob", "participant"),
    ];
    for (let i = 0; people.every(({ isConnected }) => isConnected); i++) {
      people[i % 3]!.write(1, "x".repeat(10_000));
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    await until("all are disconnected", () => people.every(({ isConnected }) => !isConnected));
    for (const { doc, stateVector } of people) sentLog.recordContent(stateVector, doc.clientID);
    expect(people.map(({ closeCodes }) => closeCodes)).toEqual([[1013], [1013], [1013]]);
    const sentEntries = Math.min(...people.map(({ entries }) => entries.length));
    expect(sentEntries).toBeGreaterThan(20);

    await until("the relay has restarted", () => output.length === 3);
    expect(output[1]).toBe("ended with 1");
    const lines = errors.filter((line) => !line.startsWith("{"));
    expect(lines).toEqual([
      `session-room-relay: no space is left for the database ${join(disk, "data/session-room.db")}: free some, and start the relay again`,
    ]);

    const observer = await person("observer", "participant");
    sentLog.checkContent(observer.stateVector);
    for (const client of people) client.connect(`ws://127.0.0.1:${port}`);
    await until("everything is restored", () =>
      [...people, observer].every(
        ({ entries }) => entries.length === Math.max(...people.map((other) => other.entries.length)),
      ),
    );
    expect(violations).toEqual([]);
  },
);
