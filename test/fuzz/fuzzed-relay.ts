/** The relay as a separate process, as in production, whose exit, log and memory are monitored. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { systemClock } from "../../src/clock.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import type { Claims, Tokens } from "../../sync-server/auth/tokens.ts";

const BIN = join(import.meta.dirname, "../../sync-server/bin.js");
const SECRET = "a secret of the fuzzer, long enough for HS256";
const ADMIN_KEY = "the-operators-key-of-the-fuzzer";
const ROOM_TOKEN_MS = 24 * 3_600_000;
/** pino's number for the level "error". */
const LEVEL_ERROR = 50;
const KEPT_ERRORS = 20;

export type Memory = { readonly startBytes: number; readonly peakBytes: number; readonly endBytes: number };

export class FuzzedRelay {
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  readonly #tokens: Tokens = createTokens(SECRET, systemClock());
  #isStopping = false;
  #startBytes = 0;
  #peakBytes = 0;
  /** The first lines on stderr that only a bug writes: of level "error" or above, or not log lines at all. */
  readonly errorLines: string[] = [];
  errorCount = 0;
  /** How the process ended, if it ended by itself. */
  exit: string | null = null;
  /** URL for HTTP, without a trailing slash. */
  readonly url: string;
  readonly port: number;

  private constructor(child: ChildProcess, dataDir: string, url: string) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.url = url;
    this.port = Number(new URL(url).port);
    child.on("exit", (code, signal) => {
      if (!this.#isStopping) this.exit = signal ?? `code ${code}`;
    });
    createInterface({ input: child.stderr! }).on("line", (line) => this.#read(line));
    this.#startBytes = this.#sampleMemory();
  }

  /** @param dataDir of a relay that was killed; removed at the end. Without it: a new one. */
  static async start(dataDir = mkdtempSync(join(tmpdir(), "session-room-fuzz-"))): Promise<FuzzedRelay> {
    const child = spawn(process.execPath, [BIN], {
      env: {
        PATH: process.env["PATH"],
        PORT: "0",
        SESSION_ROOM_DATA_DIR: dataDir,
        // On disk, so that a run of hours can unload rooms.
        SESSION_ROOM_STORE: "sqlite",
        SESSION_ROOM_TOKEN_SECRET: SECRET,
        SESSION_ROOM_ADMIN_KEY: ADMIN_KEY,
      },
      stdio: ["ignore", "pipe", "pipe"],
    });
    process.on("exit", () => child.kill("SIGKILL"));
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`the relay did not start: code ${code}`);
    });
    failed.catch(() => undefined);
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), "line"), failed])) as [string];
    const port = /:(\d+)/.exec(line)?.[1];
    if (port === undefined) throw new Error(`the relay's first line contains no port: ${line}`);
    return new FuzzedRelay(child, dataDir, `http://127.0.0.1:${port}`);
  }

  #read(line: string): void {
    let level = Infinity;
    try {
      level = (JSON.parse(line) as { level: number }).level;
    } catch {
      // Not a log line: an uncaught error or a warning of Node.
    }
    if (!(level >= LEVEL_ERROR)) return;
    this.errorCount++;
    if (this.errorLines.length < KEPT_ERRORS) this.errorLines.push(line);
  }

  get isAlive(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resident memory of the process, in bytes; 0 after it has ended. */
  #sampleMemory(): number {
    let bytes = 0;
    try {
      const status = readFileSync(`/proc/${this.#child.pid}/status`, "utf8");
      bytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
    } catch {
      // The process has ended, see `exit`.
    }
    this.#peakBytes = Math.max(this.#peakBytes, bytes);
    return bytes;
  }

  memory(): Memory {
    return { startBytes: this.#startBytes, endBytes: this.#sampleMemory(), peakBytes: this.#peakBytes };
  }

  token(claims: Omit<Claims, "expiresAt">): Promise<string> {
    return this.#tokens.sign({ ...claims, expiresAt: Date.now() + ROOM_TOKEN_MS });
  }

  async makeRoom(room: string): Promise<void> {
    const { status } = await this.#call("POST", "/v1/rooms", { room });
    if (status !== 201) throw new Error(`the room could not be created: ${status}`);
  }

  async endRun(room: string): Promise<void> {
    await this.#call("POST", `/v1/rooms/${encodeURIComponent(room)}/end`);
  }

  /** The room's description for operators. */
  async describe(room: string): Promise<Record<string, unknown>> {
    return (await this.#call("GET", `/v1/rooms/${encodeURIComponent(room)}`)).body;
  }

  async #call(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(this.url + path, {
      method,
      headers: { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: response.status, body: (await response.json()) as Record<string, unknown> };
  }

  /** Kills the process. @returns its data folder, for the next start. */
  async kill(): Promise<string> {
    this.#isStopping = true;
    const gone = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await gone;
    return this.#dataDir;
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.isAlive) {
      const gone = once(this.#child, "exit");
      this.#child.kill("SIGTERM");
      await gone;
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
