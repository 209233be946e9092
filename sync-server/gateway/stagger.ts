/**
 * Acts on many items a few at a time. Clients that are disconnected reconnect after about the same delay (y-websocket
 * 3.1 has no jitter), so if all were disconnected at once, they would all reconnect at once, to a relay that has just
 * started and has every room to read (docs/SPEC.md, R6).
 */
import type { Clock } from "../../src/clock.ts";

/** Between one portion and the next. */
const STEP_MS = 20;
/** How long all of them may take: a process manager waits for it when it stops the relay. */
const MAX_MS = 2_000;
/** How much each item adds to it: few items need not be spread far. */
const EACH_MS = 2;

/** A random order, so that a portion is not one room, or the oldest connections. */
const shuffled = <T>(items: readonly T[]): T[] => {
  const rest = [...items];
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [rest[i], rest[j]] = [rest[j]!, rest[i]!];
  }
  return rest;
};

/**
 * Calls `act` for each item, in a random order but for those that `isLast` selects, which come last, in equal portions
 * over `EACH_MS` for each, at most `MAX_MS`. Resolves after the last one.
 */
export const stagger = <T>(
  items: readonly T[],
  isLast: (item: T) => boolean,
  clock: Pick<Clock, "setTimer">,
  act: (item: T) => void,
): Promise<void> => {
  const order = shuffled(items).sort((a, b) => Number(isLast(a)) - Number(isLast(b)));
  const steps = Math.max(Math.floor(Math.min(order.length * EACH_MS, MAX_MS) / STEP_MS), 1);
  const portion = Math.ceil(order.length / steps);
  return new Promise((resolve) => {
    // Portions of a fixed size, not by time elapsed: a relay that was blocked for a while must not catch up at once.
    const next = (from: number): void => {
      for (const item of order.slice(from, from + portion)) act(item);
      if (from + portion >= order.length) resolve();
      else clock.setTimer(STEP_MS, () => next(from + portion));
    };
    next(0);
  });
};
