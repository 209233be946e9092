/** A network that comes and goes in a random rhythm, as at the edge of a radio cell. */
import type { Cable } from "../e2e/cable.ts";
import type { Random } from "../random.ts";

export type FlapOptions = {
  readonly times: number;
  /** How long it stays plugged in and pulled out, in ms: at least and at most. */
  readonly pluggedMs: readonly [number, number];
  readonly pulledMs: readonly [number, number];
  /** Called after each cut and each return. */
  readonly onChange?: (isPulled: boolean) => void;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Pulls the cable and plugs it in again, so many times; resolves when it is plugged in for good. */
export const flap = async (
  cable: Cable,
  random: Random,
  { times, pluggedMs, pulledMs, onChange }: FlapOptions,
): Promise<void> => {
  const between = ([least, most]: readonly [number, number]): number => least + random.below(most - least + 1);
  for (let i = 0; i < times; i++) {
    await sleep(between(pluggedMs));
    cable.pull(random.percent(50) ? "close" : "reset");
    onChange?.(true);
    await sleep(between(pulledMs));
    cable.plugIn();
    onChange?.(false);
  }
};
