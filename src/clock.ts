/**
 * Time as a parameter. This is the only module of the project that reads a clock or sets a timer (docs/SPEC.md, A2);
 * everything else is given a `Clock`, so that tests and simulations control time.
 */

/** Cancels the timer it came with; harmless after it fired. */
export type CancelTimer = () => void;

export interface Clock {
  /**
   * Milliseconds since the epoch that never jump: taken from the wall clock once, then continued by a
   * monotonic clock. Deadlines are computed from it, so setting the wall clock while the process runs
   * moves none of them.
   */
  now(): number;
  /** Milliseconds since the epoch by the wall clock; for the expiry of tokens. */
  wallNow(): number;
  /** Calls `fire` once, `delayMs` from now (0 or less: as soon as possible). */
  setTimer(delayMs: number, fire: () => void): CancelTimer;
  /** Calls `run` at the end of this turn of the event loop, when the input that has already arrived is handled. */
  afterTurn(run: () => void): void;
  /** Calls `run` about `ms` from now, so that more can be handled at once. It only saves CPU: no rule depends on it. */
  gather(ms: number, run: () => void): void;
}

/** setTimeout holds its delay in a signed 32-bit number and fires at once above it (HTML, Node). */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1;

/** The part of a clock that the room client needs. */
export type Timers = Pick<Clock, "setTimer">;

const setSystemTimer = (delayMs: number, fire: () => void, isBackground = false): CancelTimer => {
  const dueAt = performance.now() + delayMs;
  let handle: ReturnType<typeof setTimeout>;
  const arm = (): void => {
    const leftMs = dueAt - performance.now();
    handle = setTimeout(leftMs > LONGEST_TIMEOUT_MS ? arm : fire, Math.min(Math.max(leftMs, 0), LONGEST_TIMEOUT_MS));
    if (isBackground && typeof handle === "object") handle.unref();
  };
  arm();
  return () => clearTimeout(handle);
};

/** The real timers for the room client. They do not keep a Node process alive. */
export const backgroundTimers: Timers = { setTimer: (delayMs, fire) => setSystemTimer(delayMs, fire, true) };

/** The real clock. */
export const systemClock = (): Clock => {
  const anchorMs = Date.now() - performance.now();
  return {
    now: () => Math.floor(anchorMs + performance.now()),
    wallNow: () => Date.now(),
    setTimer: (delayMs, fire) => setSystemTimer(delayMs, fire),
    gather: (ms, run) => void setTimeout(run, ms),
    afterTurn: (run) => {
      if (typeof setImmediate === "function") setImmediate(run);
      else setTimeout(run, 0);
    },
  };
};
