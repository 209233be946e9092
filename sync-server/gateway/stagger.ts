/**
 * Does something with many, little by little. Whoever is sent away comes back after a time that is
 * about the same for all (y-websocket 3.1 has no jitter), so all at once would come back at once,
 * to a relay that has just started and has every room to read (docs/SPEC.md, R6).
 */
import type { Clock } from "../../src/clock.ts";

/** Between one portion and the next, in ms. */
const STEP_MS = 20;
/** How long all of them may take, in ms: whoever stops the relay waits for it. */
const MOST_MS = 2_000;
/** How much longer each one makes it, in ms: few are no herd, and need not wait. */
const EACH_MS = 2;

/** In an order that nothing predicts: whole rooms, or the first who came, must not go together. */
const shuffled = <T>(items: readonly T[]): T[] => {
  const rest = [...items];
  for (let i = rest.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [rest[i], rest[j]] = [rest[j]!, rest[i]!];
  }
  return rest;
};

/**
 * Calls `act` for each item, in a random order, in equal portions over `EACH_MS` for each but at
 * most `MOST_MS`; resolves after the last. `isLast` picks those who come after all others.
 */
export const stagger = <T>(
  items: readonly T[],
  isLast: (item: T) => boolean,
  clock: Pick<Clock, "setTimer">,
  act: (item: T) => void,
): Promise<void> => {
  const order = shuffled(items).sort((a, b) => Number(isLast(a)) - Number(isLast(b)));
  const steps = Math.max(Math.floor(Math.min(order.length * EACH_MS, MOST_MS) / STEP_MS), 1);
  const portion = Math.ceil(order.length / steps);
  return new Promise((resolve) => {
    // A number, not what is due by the clock: a relay that was held up must not send the rest away at once.
    const next = (from: number): void => {
      for (const item of order.slice(from, from + portion)) act(item);
      if (from + portion >= order.length) resolve();
      else clock.setTimer(STEP_MS, () => next(from + portion));
    };
    next(0);
  });
};
