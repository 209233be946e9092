/** A whole run of the fuzzer: episode after episode against one relay process, which must outlive them all. */
import { Episode } from "./episode.ts";
import { Random } from "../random.ts";
import { RelayUnderFire } from "./relay-under-fire.ts";
import type { Memory } from "./relay-under-fire.ts";
import { quantile, Tally } from "./tally.ts";

/** A room lives so long, at most: then everything is checked, and a new one begins. Each run has one of either kind. */
const EPISODE_MS = 15_000;
const SAMPLE_EVERY_MS = 1_000;
/** How much the relay's memory may grow: what rooms and sockets hold at once, and what V8 has not given back. */
const GROWTH_MOST_BYTES = 256 * 1024 * 1024;
/** How long all but one in a hundred of the innocents' pings may take. */
const PING_MOST_MS = 5_000;

export type Report = {
  readonly tally: Tally;
  readonly memory: Memory;
  readonly seconds: number;
  readonly episodes: number;
};

/**
 * @param onProgress called every second.
 * @returns what was counted; `tally.violations` is empty if all is well.
 */
export const runCampaign = async (
  seconds: number,
  seed: number,
  onProgress: (report: Report) => void,
): Promise<Report> => {
  // Each y-websocket provider listens for the end of the process.
  process.setMaxListeners(0);
  const tally = new Tally();
  const random = new Random(seed);
  const relay = await RelayUnderFire.start();
  const startedAt = performance.now();
  let episodes = 0;
  const report = (): Report => ({
    tally,
    memory: relay.memory(),
    seconds: (performance.now() - startedAt) / 1000,
    episodes,
  });
  // An innocent's client that throws is a page that breaks.
  const onError = (error: unknown): void =>
    tally.violation(`an innocent's client threw ${String((error as Error).stack)}`);
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  const sampler = setInterval(() => onProgress(report()), SAMPLE_EVERY_MS);
  try {
    for (;;) {
      const leftMs = seconds * 1000 - (performance.now() - startedAt);
      if (leftMs <= 0 || tally.violations.size > 0 || !relay.isAlive) break;
      episodes++;
      await new Episode(relay, episodes, random.fork(), tally).run(Math.min(leftMs, EPISODE_MS, seconds * 500));
    }
    const { startBytes, endBytes } = relay.memory();
    if (relay.exit !== null) tally.violation(`the relay ended: ${relay.exit}`);
    if (relay.bugCount > 0) tally.violation(`${relay.bugCount} errors in the relay's log, the first: ${relay.bugs[0]}`);
    if (endBytes - startBytes > GROWTH_MOST_BYTES)
      tally.violation(`the relay's memory grew by ${endBytes - startBytes} bytes`);
    const slowestMs = quantile(tally.pingMs, 0.99);
    if (slowestMs > PING_MOST_MS) tally.violation(`one in a hundred pings took more than ${Math.round(slowestMs)} ms`);
    return report();
  } finally {
    clearInterval(sampler);
    await relay.stop();
    process.off("uncaughtException", onError);
    process.off("unhandledRejection", onError);
  }
};
