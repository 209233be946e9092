/** What happens in a world is a sequence of weighted random actions. */
import type { World } from "./world.ts";

/** Longest time for which a page is offline or suspended: the relay accepts content lost in a power cut again for ten minutes. */
export const LONGEST_AWAY_MS = 4 * 60_000;

/** Performs an action and returns its description for the trace; `null` if it is not possible now. */
export type Action = (world: World) => string | null;
/** Actions with their relative frequency. */
export type WeightedActions = readonly (readonly [weight: number, action: Action])[];

/** Performs and notes something in `ms`. */
export const later = (world: World, ms: number, what: string, act: () => void): void => {
  world.time.schedule(ms, () => {
    world.note(what);
    act();
  });
};

/** Performs one of the actions, chosen by weight; returns its description, or `null` if it was not possible. */
export const performRandomAction = (world: World, actions: WeightedActions): string | null => {
  let left = world.random.fraction() * actions.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, action] of actions) {
    left -= weight;
    if (left < 0) return action(world);
  }
  return null;
};
