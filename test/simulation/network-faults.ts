/** What happens to the network of a person. */
import { LONGEST_AWAY_MS, later } from "./action.ts";
import type { WeightedActions } from "./action.ts";
import { setStalled } from "./network.ts";

export const NETWORK_FAULTS: WeightedActions = [
  [
    4,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      if (uplink.isStalled) return null;
      setStalled(uplink, true);
      later(world, world.random.spread(100, LONGEST_AWAY_MS), `${options.name}'s network works again`, () =>
        setStalled(uplink, false),
      );
      return `${options.name}'s network stalls`;
    },
  ],
  [
    3,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      for (const link of [...uplink.links]) link.cut();
      return `${options.name}'s connections break`;
    },
  ],
  [
    2,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      const { random } = world;
      uplink.latencyMs = random.spread(1, 2_000);
      uplink.jitterMs = random.spread(1, 2_000);
      uplink.bytesPerMs = random.spread(0.5, 1_000);
      return `${options.name}'s network now has ${Math.round(uplink.latencyMs)} ms and ${uplink.bytesPerMs.toFixed(1)} kB/s`;
    },
  ],
];
