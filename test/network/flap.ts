/** A network that disconnects and reconnects at random intervals, as at the edge of a radio cell. */
import type { EmulatedNetwork } from "./emulated-network.ts";
import type { Random } from "../random.ts";

type FlapOptions = {
  readonly times: number;
  /** Least and greatest duration of each phase, in ms. */
  readonly connectedMs: readonly [number, number];
  readonly disconnectedMs: readonly [number, number];
  /** Called after each disconnect and each reconnect. */
  readonly onChange?: (isDisconnected: boolean) => void;
};

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Disconnects and reconnects the network `times` times; resolves after the last reconnect. */
export const flap = async (
  network: EmulatedNetwork,
  random: Random,
  { times, connectedMs, disconnectedMs, onChange }: FlapOptions,
): Promise<void> => {
  const between = ([least, most]: readonly [number, number]): number => least + random.below(most - least + 1);
  for (let i = 0; i < times; i++) {
    await sleep(between(connectedMs));
    network.disconnect(random.percent(50) ? "close" : "reset");
    onChange?.(true);
    await sleep(between(disconnectedMs));
    network.reconnect();
    onChange?.(false);
  }
};
