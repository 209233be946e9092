/** What everybody in the soak shares: the relay, the time, what was found, and when it is over. */
import type { FastClock } from "./fast-clock.ts";
import type { Findings } from "./findings.ts";
import type { SoakRelay } from "./relay.ts";
import type { RecentStalls } from "./stalls.ts";

/** What is awaited when the soak ends; whoever catches it tidies up. */
export class Over extends Error {
  override name = "Over";
}

/** What a comparison across two processes may differ by on an idle machine, in real ms. */
const USUAL_SLACK_MS = 300;
/** How far from a moment a standstill may be that explains what was late then, in real ms. */
const NEARBY_MS = 1_500;

export class World {
  readonly relay: SoakRelay;
  readonly clock: FastClock;
  readonly speed: number;
  readonly findings: Findings;
  readonly stalls: RecentStalls;
  readonly #sleepers = new Set<(error: Over) => void>();
  #isOver = false;
  #names = 0;

  constructor(relay: SoakRelay, clock: FastClock, speed: number, findings: Findings, stalls: RecentStalls) {
    this.relay = relay;
    this.clock = clock;
    this.speed = speed;
    this.findings = findings;
    this.stalls = stalls;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** A name that nobody else has had. */
  newName(kind: string): string {
    return `${kind}-${++this.#names}`;
  }

  /** @throws Over when the soak ends. */
  async sleep(ms: number): Promise<void> {
    if (this.#isOver) throw new Over();
    await new Promise<void>((resolve, reject) => {
      const cancel = this.clock.setTimer(ms, () => {
        this.#sleepers.delete(wake);
        resolve();
      });
      const wake = (error: Over): void => {
        cancel();
        reject(error);
      };
      this.#sleepers.add(wake);
    });
  }

  /** Ends every sleep. */
  end(): void {
    this.#isOver = true;
    for (const wake of this.#sleepers) wake(new Over());
    this.#sleepers.clear();
  }

  /** How long the machine stood still between two moments of this world's time, in real ms. */
  stalledMs(from: number, to: number): number {
    const toReal = (at: number): number => performance.now() - (this.clock.now() - at) / this.speed;
    return this.stalls.between(toReal(from), toReal(to));
  }

  /** How far two reckonings of what happened at `at` may lie apart, in ms of this world's time. */
  slackMs(at: number): number {
    const nearby = NEARBY_MS * this.speed;
    return (USUAL_SLACK_MS + this.stalledMs(at - nearby, at + nearby)) * this.speed;
  }
}

/** Waits in real time, also when the soak is over: for what must still be looked at. */
export const pause = (realMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, realMs));
