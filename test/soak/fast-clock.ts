/**
 * The `Clock` of the soak, which runs several times faster than real time, so that hours of absences,
 * heartbeats and token expiries take minutes. The clocks of two processes with the same speed and epoch agree.
 */
import type { CancelTimer, Clock } from "../../src/clock.ts";

export interface FastClock extends Clock {
  /** Number of active timers. */
  readonly timers: number;
}

/** Longest real wait of one timer, in ms; for longer ones it is set again (setTimeout is limited to 32 bits). */
const LONGEST_WAIT_MS = 2 ** 30;

/** Milliseconds since the epoch with fractions, the same in all processes of a machine. */
export const realNow = (): number => performance.timeOrigin + performance.now();

/** @param epochMs when this clock and real time were equal, ms since the epoch. */
export const fastClock = (speed: number, epochMs: number): FastClock => {
  let timers = 0;
  const now = (): number => epochMs + (realNow() - epochMs) * speed;
  const setTimer = (delayMs: number, fire: () => void): CancelTimer => {
    const dueAt = now() + delayMs;
    let isSet = true;
    timers++;
    const unset = (): void => {
      if (isSet) timers--;
      isSet = false;
    };
    let handle: ReturnType<typeof setTimeout>;
    const arm = (): void => {
      const waitMs = Math.max((dueAt - now()) / speed, 0);
      const fireNow = (): void => {
        unset();
        fire();
      };
      handle = setTimeout(waitMs > LONGEST_WAIT_MS ? arm : fireNow, Math.min(Math.ceil(waitMs), LONGEST_WAIT_MS));
    };
    arm();
    return () => {
      clearTimeout(handle);
      unset();
    };
  };
  return {
    now: () => Math.floor(now()),
    wallNow: () => Math.floor(now()),
    setTimer,
    gather: (ms, run) => void setTimeout(run, ms),
    afterTurn: (run) => void setImmediate(run),
    get timers() {
      return timers;
    },
  };
};
