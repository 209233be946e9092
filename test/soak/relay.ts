/** Starts and stops the relay's process, calls its HTTP API and requests its measurements. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import type { Claims, Tokens } from "../../sync-server/auth/tokens.ts";
import type { RoomDescription } from "../../sync-server/room/room-service.ts";
import type { FastClock } from "./fast-clock.ts";
import type { FromRelay, RelaySettings, Sample } from "./sample.ts";

const SECRET = "a secret of the soak that is long enough for HS256";
const ADMIN_KEY = "the-operators-key-of-the-soak";
/** How long the process may take to exit, in real ms. */
const EXIT_TIMEOUT_MS = 5_000;

type RelayEvents = {
  /** Called for each line on stderr, where it logs errors only. */
  readonly onError: (line: string) => void;
  readonly onStall: (ms: number) => void;
};

export class SoakRelay {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #dataDir: string;
  readonly #tokens: Tokens;
  #isStopping = false;

  static async start(speed: number, epochMs: number, clock: FastClock, events: RelayEvents): Promise<SoakRelay> {
    const dataDir = mkdtempSync(join(tmpdir(), "session-room-soak-"));
    const settings: RelaySettings = { speed, epochMs, dataDir, tokenSecret: SECRET, adminKey: ADMIN_KEY };
    const child = fork(join(import.meta.dirname, "relay-child.ts"), [JSON.stringify(settings)], {
      // `queryObjects` is experimental, and Node would print a warning to stderr.
      execArgv: ["--expose-gc", "--disable-warning=ExperimentalWarning"],
      stdio: ["ignore", "inherit", "pipe", "ipc"],
    });
    process.once("exit", () => child.kill("SIGKILL"));
    createInterface({ input: child.stderr! }).on("line", events.onError);
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the relay did not start: code ${code}`)));
      child.on("message", (message: FromRelay) => {
        if (message.type === "ready") resolve(message.url);
        else if (message.type === "stalled") events.onStall(message.ms);
      });
    });
    const relay = new SoakRelay(child, dataDir, url, createTokens(SECRET, clock));
    child.once("exit", (code, signal) => {
      if (!relay.#isStopping) events.onError(`the relay's process has ended: ${signal ?? `code ${code}`}`);
    });
    return relay;
  }

  private constructor(child: ChildProcess, dataDir: string, url: string, tokens: Tokens) {
    this.#child = child;
    this.#dataDir = dataDir;
    this.#tokens = tokens;
    this.url = url;
  }

  get wsUrl(): string {
    return this.url.replace("http", "ws");
  }

  token(claims: Claims): Promise<string> {
    return this.#tokens.sign(claims);
  }

  /** Measures its resources after a garbage collection. */
  async sample(): Promise<Sample> {
    const answer = new Promise<Sample>((resolve, reject) => {
      const settle = (sample: Sample | null): void => {
        this.#child.off("message", onMessage);
        this.#child.off("exit", onExit);
        if (sample === null) reject(new Error("the relay has ended"));
        else resolve(sample);
      };
      const onMessage = (message: FromRelay): void => {
        if (message.type === "sample") settle(message.sample);
      };
      const onExit = (): void => settle(null);
      this.#child.on("message", onMessage);
      this.#child.on("exit", onExit);
    });
    this.#child.send({});
    return answer;
  }

  async makeRoom(room: string, hostAbsenceMs: number): Promise<void> {
    await this.#call("POST", "/v1/rooms", { room, hostAbsenceMs });
  }

  describe(room: string): Promise<RoomDescription> {
    return this.#call("GET", `/v1/rooms/${encodeURIComponent(room)}`);
  }

  /** Starts or ends a room as an operator. */
  command(room: string, command: "start" | "end"): Promise<RoomDescription> {
    return this.#call("POST", `/v1/rooms/${encodeURIComponent(room)}/${command}`, {});
  }

  /** A new connection for each call, since kept-alive ones would count as resources of the relay. */
  #call(method: string, path: string, body?: unknown): Promise<RoomDescription> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${ADMIN_KEY}`, "content-type": "application/json" };
      const call = request(this.url + path, { method, headers, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", reject);
        response.on("end", () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(JSON.parse(text) as RoomDescription);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text}`));
        });
      });
      call.on("error", reject);
      call.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    if (this.#child.exitCode === null && this.#child.signalCode === null) {
      const gone = once(this.#child, "exit");
      this.#child.disconnect();
      const timer = setTimeout(() => this.#child.kill("SIGKILL"), EXIT_TIMEOUT_MS);
      await gone;
      clearTimeout(timer);
    }
    rmSync(this.#dataDir, { recursive: true, force: true });
  }
}
