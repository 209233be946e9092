/**
 * The `Clock` of the soak: it runs some times faster than real time, so that hours of absences,
 * heartbeats and expiring tokens fit into minutes. Two processes with the same speed and epoch agree.
 */
import type { CancelTimer, Clock } from "../../src/clock.ts";

export interface FastClock extends Clock {
  /** How many of its timers are set. */
  readonly timers: number;
}

/** Longest real wait of one timer, in ms; longer ones are set again (setTimeout holds 32 bits). */
const LONGEST_WAIT_MS = 2 ** 30;

/** Milliseconds since the epoch as all processes of a machine have them, in fractions. */
export const realNow = (): number => performance.timeOrigin + performance.now();

/** @param epochMs when both times were the same, ms since the epoch. */
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
