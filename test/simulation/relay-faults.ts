/** What happens to the relay's process, machine, clock and disk. */
import { later } from "./action.ts";
import type { WeightedActions } from "./action.ts";

export const RELAY_FAULTS: WeightedActions = [
  [
    2,
    (world) => {
      if (!world.host.isUp) return null;
      world.host.kill();
      return "the relay was killed";
    },
  ],
  [
    1,
    (world) => {
      // Probably while the relay waits for its disk.
      world.time.schedule(world.random.between(0, 10), () => world.host.kill());
      return "the relay is about to be killed";
    },
  ],
  [
    1,
    (world) => {
      if (!world.host.isUp) return null;
      const batches = world.disk.volatileCount;
      world.host.kill();
      void world.disk.cutPower();
      return `the power is cut, with ${batches} batches not durable`;
    },
  ],
  [
    1,
    (world) => {
      if (world.host.core === null || world.host.isStopping) return null;
      void world.host.stop();
      return "the relay gets a SIGTERM";
    },
  ],
  [
    1,
    (world) => {
      const byMs = Math.round(world.random.spread(100, 2 * 3_600_000)) * (world.random.chance(0.5) ? 1 : -1);
      world.host.wallOffsetMs += byMs;
      return `the relay's wall clock jumps by ${byMs} ms`;
    },
  ],
  [
    1,
    (world) => {
      world.disk.slowestMs = world.random.spread(1, 300);
      return `the disk takes up to ${Math.round(world.disk.slowestMs)} ms`;
    },
  ],
  [
    0.5,
    (world) => {
      if (world.disk.isFull) return null;
      world.disk.isFull = true;
      later(world, world.random.spread(100, 60_000), "the disk has space again", () => {
        world.disk.isFull = false;
      });
      return "the disk is full";
    },
  ],
];
