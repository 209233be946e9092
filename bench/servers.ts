/** The servers that are compared, and how each is started: as its own process on the same Node version. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TOKEN_SECRET } from "./wire/dialect.ts";
import type { DialectName } from "./wire/dialect.ts";
import { freePort } from "../test/free-port.ts";

const here = import.meta.dirname;
const START_MS = 20_000;
const STOP_MS = 5_000;

export const SERVER_IDS = ["floor", "floor-framed", "y-websocket", "hocuspocus", "ours", "ours-memory"] as const;
export type ServerId = (typeof SERVER_IDS)[number];
export type ServerKind = "floor" | "peer" | "ours";

export type ServerInfo = {
  readonly title: string;
  /** Name for narrow table columns. */
  readonly short: string;
  readonly kind: ServerKind;
  readonly dialect: DialectName;
};

export const SERVERS: Readonly<Record<ServerId, ServerInfo>> = {
  floor: { title: "floor: bytes forwarded, on ws", short: "ws floor", kind: "floor", dialect: "bytes" },
  "floor-framed": { title: "floor: each frame built once", short: "framed floor", kind: "floor", dialect: "bytes" },
  "y-websocket": {
    title: "@y/websocket-server 0.1.1",
    short: "@y/websocket-server",
    kind: "peer",
    dialect: "y-websocket",
  },
  hocuspocus: { title: "Hocuspocus 4.7", short: "Hocuspocus", kind: "peer", dialect: "hocuspocus" },
  ours: { title: "session-room", short: "session-room", kind: "ours", dialect: "session-room" },
  "ours-memory": { title: "session-room, store in memory", short: "in memory", kind: "ours", dialect: "session-room" },
};

/** What the load generator needs to know about a server; sent between processes. */
export type Target = { readonly port: number; readonly pid: number; readonly dialect: DialectName };

export type StartOptions = {
  /** Whether the server collects garbage at SIGUSR2, for measurements of memory. */
  readonly withGc?: boolean;
  /** Data folder of our relay, kept afterwards; without it a temporary one is used. */
  readonly dataDir?: string;
  /** Root of the checkout whose relay is started for ours; this one if absent. */
  readonly checkout?: string;
  /** More settings of our relay. */
  readonly env?: Readonly<Record<string, string>>;
};

export type RunningServer = Target & { stop(signal?: NodeJS.Signals): Promise<void> };

const commandOf = (id: ServerId, port: number, checkout: string): readonly string[] => {
  switch (id) {
    case "floor":
      return [join(here, "peers/floor.ts"), "plain", String(port)];
    case "floor-framed":
      return [join(here, "peers/floor.ts"), "framed", String(port)];
    case "y-websocket":
      return [join(here, "node_modules/@y/websocket-server/src/server.js")];
    case "hocuspocus":
      return [join(here, "peers/hocuspocus.ts"), String(port)];
    case "ours":
    case "ours-memory":
      // Checkouts from before November 2026 have no such file, and the limits of theirs are settings.
      return [["bench/peers/ours.ts", "sync-server/bin.js"].map((file) => join(checkout, file)).find(existsSync)!];
  }
};

/** Removed when the bench ends, in whatever way. */
const children = new Set<ChildProcess>();
const folders = new Set<string>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** Starts a server; resolves when it has printed its first line, which means that it listens. */
export const startServer = async (id: ServerId, options: StartOptions = {}): Promise<RunningServer> => {
  const port = await freePort();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "session-room-bench-"));
  if (options.dataDir === undefined) folders.add(dataDir);
  const gcFlags = options.withGc === true ? ["--expose-gc", "--import", join(here, "peers/gc-on-signal.ts")] : [];
  const child = spawn(process.execPath, [...gcFlags, ...commandOf(id, port, options.checkout ?? join(here, ".."))], {
    stdio: ["ignore", "pipe", "inherit"],
    env: {
      PATH: process.env["PATH"] ?? "",
      NODE_ENV: "production",
      PORT: String(port),
      HOST: "127.0.0.1",
      SESSION_ROOM_DATA_DIR: dataDir,
      SESSION_ROOM_STORE: id === "ours-memory" ? "memory" : "sqlite",
      SESSION_ROOM_TOKEN_SECRET: TOKEN_SECRET,
      SESSION_ROOM_LOG_LEVEL: "error",
      // All clients of the bench connect from one address at once.
      SESSION_ROOM_LIMIT_NEW_CONNECTIONS_PER_SECOND_PER_ADDRESS: "100000",
      ...options.env,
    },
  });
  children.add(child);
  const exited = once(child, "exit").then(() => children.delete(child));
  const ready = once(child.stdout, "data");
  const outcome = await Promise.race([
    ready.then(() => "ready"),
    exited.then(() => "the process ended"),
    sleep(START_MS, "it printed nothing", { ref: false }),
  ]);
  if (outcome !== "ready") {
    child.kill("SIGKILL");
    throw new Error(`${SERVERS[id].title} did not start: ${outcome}`);
  }
  child.stdout.resume();
  const stop = async (signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    child.kill(signal);
    await Promise.race([exited, sleep(STOP_MS, null, { ref: false })]);
    child.kill("SIGKILL");
    await exited;
    if (folders.delete(dataDir)) rmSync(dataDir, { recursive: true, force: true });
  };
  return { port, pid: child.pid!, dialect: SERVERS[id].dialect, stop };
};
