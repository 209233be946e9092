/**
 * Notices when a process could not do anything for a while: on a busy machine a fast clock then runs
 * ahead of the work, and what is late because of that is nobody's fault.
 */
const LOOK_EVERY_MS = 20;
/** Shorter ones are the ordinary work. In real ms. */
const NOTED_MS = 60;

/** Calls `noted` after each standstill with its length in real ms; returns what ends that. */
export const watchStalls = (noted: (ms: number) => void): (() => void) => {
  let lookedAt = performance.now();
  const timer = setInterval(() => {
    const stalledMs = performance.now() - lookedAt - LOOK_EVERY_MS;
    lookedAt = performance.now();
    if (stalledMs >= NOTED_MS) noted(stalledMs);
  }, LOOK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
};

const KEPT = 10_000;

/** The standstills of both processes. */
export class RecentStalls {
  readonly #stalls: { readonly at: number; readonly ms: number }[] = [];
  count = 0;
  longestMs = 0;

  note(ms: number): void {
    this.#stalls.push({ at: performance.now(), ms });
    if (this.#stalls.length > KEPT) this.#stalls.shift();
    this.count++;
    this.longestMs = Math.max(this.longestMs, ms);
  }

  /** Sum of the standstills that ended between two moments by `performance.now()`, in real ms. */
  between(from: number, to: number): number {
    return this.#stalls.reduce((sum, { at, ms }) => (at >= from && at <= to ? sum + ms : sum), 0);
  }

  /** The same for the last `windowMs`. */
  within(windowMs: number): number {
    return this.between(performance.now() - windowMs, Infinity);
  }
}
