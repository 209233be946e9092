/** Starts the load generator, a child process, and sends it jobs. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Target } from "../servers.ts";
import type { Figures, Job, JobAnswer, JobRequest } from "./jobs.ts";

export class Generator {
  #child: ChildProcess | null = null;
  #rooms = 0;

  /** Runs one job in a new room. Rejects if the job fails or takes longer than `atMostMs`. */
  run({ port, pid, dialect }: Target, job: Job, atMostMs: number): Promise<Figures> {
    const child = (this.#child ??= this.#start());
    const request: JobRequest = { target: { port, pid, dialect }, room: `bench-${++this.#rooms}`, job };
    return new Promise((resolve, reject) => {
      const finish = (act: () => void): void => {
        clearTimeout(timer);
        child.off("message", onMessage);
        child.off("exit", onExit);
        act();
      };
      const onMessage = (answer: JobAnswer): void =>
        finish(() => ("figures" in answer ? resolve(answer.figures) : this.#fail(new Error(answer.error), reject)));
      const onExit = (): void => finish(() => this.#fail(new Error("the load generator ended"), reject));
      const timer = setTimeout(
        () => finish(() => this.#fail(new Error(`the job took longer than ${atMostMs / 1_000} s`), reject)),
        atMostMs,
      );
      child.on("message", onMessage);
      child.on("exit", onExit);
      child.send(request);
    });
  }

  close(): void {
    this.#child?.kill("SIGKILL");
    this.#child = null;
  }

  #start(): ChildProcess {
    // A large young generation: garbage collection pauses of the generator would be measured as the server's.
    const child = fork(join(import.meta.dirname, "process.ts"), [], { execArgv: ["--max-semi-space-size=64"] });
    child.on("exit", () => {
      if (this.#child === child) this.#child = null;
    });
    return child;
  }

  /** Ends the process, so that connections of the failed job do not disturb the next one. */
  #fail(error: Error, reject: (error: Error) => void): void {
    this.close();
    reject(error);
  }
}
