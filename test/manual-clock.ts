/** Time in the hands of tests and simulations. */
import type { Clock } from "../src/clock.ts";

/** A clock that stands still until it is told to go on. */
export interface ManualClock extends Clock {
  /** Moves time on by `byMs`, firing what falls due on the way in order of its due time. */
  advance(byMs: number): void;
  /** Lets the wall clock jump by `byMs` (negative: back). `now()` does not move. */
  jumpWall(byMs: number): void;
  /** How many timers are set; for leak checks. */
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
      // Ids grow, and a Map iterates in order of insertion: equal due times fire first set first.
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
