/** The relay as a separate process, as in production, with a port and a data folder that are kept across restarts. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { freePort } from "../free-port.ts";
import { until } from "./until.ts";

const bin = join(import.meta.dirname, "../../sync-server/bin.js");

/** The absence limit of these relays, in ms: short enough for a test to wait for. */
export const ABSENCE_MS = 3_000;

export type MadeRoom = {
  readonly room: string;
  readonly hostToken: string;
  readonly participantToken: string;
  readonly hostUrl: string;
  readonly inviteUrl: string;
};

export type RoomDescription = {
  readonly status: "waiting" | "live" | "ended";
  readonly run: number;
  readonly startedAt: number | null;
  readonly ended: { at: number; reason: string; by: { id: string; name: string } | null } | null;
  readonly hosts: number;
  readonly participants: number;
  readonly absentSince: number | null;
  readonly endsAt: number | null;
};

/** Killed when this process exits, so that an aborted test leaves no relay running. */
const running = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

export class RelayProcess {
  readonly dataDir: string;
  readonly #env: Record<string, string>;
  #child: ChildProcess | null = null;
  /** What all its processes have written to stderr; part of the error when it does not start. */
  log = "";
  /** Resolves with the exit code of the current process. */
  exitCode: Promise<number | null> = Promise.resolve(null);
  /** The relay's URL, from its first line on stdout. */
  url = "";

  private constructor(dataDir: string, env: Record<string, string>) {
    this.dataDir = dataDir;
    this.#env = env;
  }

  /** Starts a relay with an empty data folder; `env` adds to its settings. */
  static async start(
    env: Record<string, string> = {},
    dataDir = mkdtempSync(join(tmpdir(), "session-room-e2e-")),
  ): Promise<RelayProcess> {
    const relay = new RelayProcess(dataDir, { PORT: String(await freePort()), ...env });
    await relay.startAgain();
    return relay;
  }

  /** Starts it again with the same port and data, after `kill` or a signal. */
  async startAgain(): Promise<void> {
    const child = spawn(process.execPath, [bin], {
      env: {
        PATH: process.env["PATH"],
        SESSION_ROOM_DATA_DIR: this.dataDir,
        SESSION_ROOM_HOST_ABSENCE: `${ABSENCE_MS}ms`,
        ...this.#env,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#child = child;
    running.add(child);
    child.once("exit", () => running.delete(child));
    child.stderr.on("data", (chunk: Buffer) => {
      this.log += chunk.toString();
    });
    // Not "exit": its last output may not have been read by then.
    this.exitCode = once(child, "close").then(([code]) => code as number | null);
    const exited = this.exitCode.then((code) => {
      throw new Error(`the relay ended with code ${code}: ${this.log}`);
    });
    exited.catch(() => undefined);
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, "line"), exited])) as [string];
    const url = /https?:\/\/\S+/.exec(line)?.[0];
    if (url === undefined) throw new Error(`the relay's first line contains no URL: ${line}`);
    this.url = url.replace(/\/$/, "");
  }

  /** Ends it with SIGKILL; resolves when it has exited. */
  async kill(): Promise<void> {
    await this.#end("SIGKILL");
  }

  /** Ends it with SIGTERM and removes its data. */
  async stop(): Promise<void> {
    await this.#end("SIGTERM");
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Sends a signal, such as SIGSTOP or SIGCONT, without waiting. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = null;
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  }

  /** Creates a room over HTTP, as the landing page does. */
  async makeRoom(
    options: { room?: string; hostAbsenceMs?: number; start?: "auto" | "manual" } = {},
  ): Promise<MadeRoom> {
    const answer = await this.call("/v1/rooms", { method: "POST", body: options });
    if (answer.status !== 201)
      throw new Error(`the room was not created: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as unknown as MadeRoom;
  }

  /** The room's description over HTTP, with the host's token. */
  async describe({ room, hostToken }: MadeRoom): Promise<RoomDescription> {
    const { body } = await this.call(`/v1/rooms/${encodeURIComponent(room)}`, { token: hostToken });
    return body as unknown as RoomDescription;
  }

  /** Waits until the room's absence has started; resolves with its deadline, in ms since the epoch. */
  deadlineOf(room: MadeRoom): Promise<number> {
    return until("the absence has started", async () => (await this.describe(room)).endsAt);
  }

  async call(
    path: string,
    { method = "GET", body, token }: { method?: string; body?: unknown; token?: string } = {},
  ): Promise<{ status: number; type: string | null; body: Record<string, unknown> }> {
    const response = await fetch(this.url + path, {
      method,
      headers: {
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
    return {
      status: response.status,
      type: response.headers.get("content-type"),
      body: (await response.json()) as Record<string, unknown>,
    };
  }
}
