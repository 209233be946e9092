/**
 * Detects stalls of a process. On a busy machine a fast clock runs ahead of the work, and what is late
 * because of that is not an error.
 */
const CHECK_EVERY_MS = 20;
/** Shorter stalls are normal work. In real ms. */
const LEAST_STALL_MS = 60;

/** Calls `onStall` after each stall with its length in real ms; returns the function that stops it. */
export const watchStalls = (onStall: (ms: number) => void): (() => void) => {
  let checkedAt = performance.now();
  const timer = setInterval(() => {
    const stalledMs = performance.now() - checkedAt - CHECK_EVERY_MS;
    checkedAt = performance.now();
    if (stalledMs >= LEAST_STALL_MS) onStall(stalledMs);
  }, CHECK_EVERY_MS);
  timer.unref();
  return () => clearInterval(timer);
};

const KEPT = 10_000;

/** The stalls of both processes. */
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

  /** Total length of the stalls that ended between two times by `performance.now()`, in real ms. */
  between(from: number, to: number): number {
    return this.#stalls.reduce((sum, { at, ms }) => (at >= from && at <= to ? sum + ms : sum), 0);
  }

  /** The same for the last `windowMs`. */
  within(windowMs: number): number {
    return this.between(performance.now() - windowMs, Infinity);
  }
}
