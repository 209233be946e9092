/** Starts the process that runs real providers (`peers/providers.ts`) and sends it requests. */
import { fork } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Target } from "../servers.ts";
import type { ProvidersAnswer, ProvidersRequest } from "./jobs.ts";

export class Providers {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Opens one provider for each of `rooms`; resolves when all are synced. */
  static async open(target: Target, rooms: readonly string[], moveEveryMs: number): Promise<Providers> {
    const child = fork(join(import.meta.dirname, "../peers/providers.ts"), []);
    const providers = new Providers(child);
    await providers.#ask({ type: "open", target, rooms, moveEveryMs });
    return providers;
  }

  /** How many documents have not reached their `clocks` (in the order of `open`). */
  async check(clocks: readonly Readonly<Record<number, number>>[]): Promise<number> {
    const answer = await this.#ask({ type: "check", clocks });
    return answer.type === "checked" ? answer.incomplete : 0;
  }

  close(): void {
    this.#child.disconnect();
  }

  #ask(request: ProvidersRequest): Promise<ProvidersAnswer> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new Error("the process of the providers ended"));
      this.#child.once("exit", onExit);
      this.#child.once("message", (answer) => {
        this.#child.off("exit", onExit);
        resolve(answer as ProvidersAnswer);
      });
      this.#child.send(request);
    });
  }
}
