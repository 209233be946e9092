/** What all parts of the soak share: the relay, the clock, the findings, and the end. */
import type { FastClock } from "./fast-clock.ts";
import type { Findings } from "./findings.ts";
import type { SoakRelay } from "./relay.ts";
import type { RecentStalls } from "./stalls.ts";

/** Rejects all sleeps when the soak ends. */
export class SoakEnded extends Error {
  override name = "SoakEnded";
}

/** Usual time difference between two processes on an idle machine, in real ms. */
const USUAL_SLACK_MS = 300;
/** A stall within this time of an event may explain its lateness, in real ms. */
const NEARBY_MS = 1_500;

export class World {
  readonly relay: SoakRelay;
  readonly clock: FastClock;
  readonly speed: number;
  readonly findings: Findings;
  readonly stalls: RecentStalls;
  readonly #sleepers = new Set<(error: SoakEnded) => void>();
  #hasEnded = false;
  #names = 0;

  constructor(relay: SoakRelay, clock: FastClock, speed: number, findings: Findings, stalls: RecentStalls) {
    this.relay = relay;
    this.clock = clock;
    this.speed = speed;
    this.findings = findings;
    this.stalls = stalls;
  }

  get hasEnded(): boolean {
    return this.#hasEnded;
  }

  /** A unique name. */
  newName(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  /** @throws SoakEnded when the soak ends. */
  async sleep(ms: number): Promise<void> {
    if (this.#hasEnded) throw new SoakEnded();
    await new Promise<void>((resolve, reject) => {
      const cancel = this.clock.setTimer(ms, () => {
        this.#sleepers.delete(wake);
        resolve();
      });
      const wake = (error: SoakEnded): void => {
        cancel();
        reject(error);
      };
      this.#sleepers.add(wake);
    });
  }

  /** Ends the soak. */
  end(): void {
    this.#hasEnded = true;
    for (const wake of this.#sleepers) wake(new SoakEnded());
    this.#sleepers.clear();
  }

  /** Total length of the stalls between two times of the soak's clock, in real ms. */
  stalledMs(from: number, to: number): number {
    const toReal = (at: number): number => performance.now() - (this.clock.now() - at) / this.speed;
    return this.stalls.between(toReal(from), toReal(to));
  }

  /** Tolerance for the time of an event at `at`, in ms of the soak's clock. */
  slackMs(at: number): number {
    const nearby = NEARBY_MS * this.speed;
    return (USUAL_SLACK_MS + this.stalledMs(at - nearby, at + nearby)) * this.speed;
  }
}

/** Waits in real time, also after the end of the soak, for the final checks. */
export const waitRealMs = (realMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, realMs));
