/** A clock that tests advance by hand. */
import type { Clock } from "../src/clock.ts";

/** A clock whose time only changes by calls. */
export interface ManualClock extends Clock {
  /** Advances the time by `byMs` and fires the timers that become due, in order of their due times. */
  advance(byMs: number): void;
  /** Makes the wall clock jump by `byMs`, which may be negative. `now()` does not change. */
  jumpWall(byMs: number): void;
  /** Number of active timers, for leak checks. */
  readonly timers: number;
}

export const manualClock = (startMs = 1_700_000_000_000): ManualClock => {
  let nowMs = startMs;
  let wallOffsetMs = 0;
  let order = 0;
  const timers = new Map<number, { dueAt: number; fire: () => void }>();
  const nextDue = (untilMs: number): number | undefined => {
    let best: number | undefined;
    for (const [id, timer] of timers) {
      if (timer.dueAt > untilMs) continue;
      // Ids increase and a Map iterates in insertion order, so timers with equal due times fire in the order in which they were set.
      if (best === undefined || timer.dueAt < timers.get(best)!.dueAt) best = id;
    }
    return best;
  };
  return {
    now: () => nowMs,
    wallNow: () => nowMs + wallOffsetMs,
    setTimer: (delayMs, fire) => {
      const id = order++;
      timers.set(id, { dueAt: nowMs + Math.max(delayMs, 0), fire });
      return () => void timers.delete(id);
    },
    afterTurn: (run) => queueMicrotask(run),
    gather: (_ms, run) => queueMicrotask(run),
    advance: (byMs) => {
      const untilMs = nowMs + byMs;
      for (let id = nextDue(untilMs); id !== undefined; id = nextDue(untilMs)) {
        const timer = timers.get(id)!;
        timers.delete(id);
        nowMs = Math.max(nowMs, timer.dueAt);
        timer.fire();
      }
      nowMs = untilMs;
    },
    jumpWall: (byMs) => {
      wallOffsetMs += byMs;
    },
    get timers() {
      return timers.size;
    },
  };
};
