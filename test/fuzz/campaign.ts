/** A run of the fuzzer: episode after episode against one relay process, which must survive them all. */
import { Episode } from "./episode.ts";
import { Random } from "../random.ts";
import { FuzzedRelay } from "./fuzzed-relay.ts";
import type { Memory } from "./fuzzed-relay.ts";
import type { HostileKind } from "./hostile-kinds.ts";
import { Innocents } from "./innocents.ts";
import { quantile, Statistics } from "./statistics.ts";

/** Longest duration of an episode. Each run has at least one comparable episode and one other. */
const EPISODE_MS = 15_000;
const SAMPLE_EVERY_MS = 1_000;
/** How much the relay's memory may grow: open rooms and sockets, and garbage that V8 has not collected. */
const GROWTH_MOST_BYTES = 256 * 1024 * 1024;
/** Limit of the 99th percentile of the honest clients' pings. */
const PING_MOST_MS = 5_000;

export type Report = {
  readonly statistics: Statistics;
  readonly memory: Memory;
  readonly seconds: number;
  readonly episodes: number;
};

/**
 * @param kinds the hostile kinds of frames that attackers send beside the others.
 * @param onProgress called every second.
 * @returns the statistics; `statistics.violations` is empty if everything held.
 */
export const runCampaign = async (
  seconds: number,
  seed: number,
  kinds: readonly HostileKind[],
  onProgress: (report: Report) => void,
): Promise<Report> => {
  // Each y-websocket provider adds an "exit" listener to the process.
  process.setMaxListeners(0);
  const statistics = new Statistics();
  const random = new Random(seed);
  const relay = await FuzzedRelay.start();
  const innocents = await Innocents.start(relay, statistics);
  const startedAt = performance.now();
  let episodes = 0;
  const report = (): Report => ({
    statistics,
    memory: relay.memory(),
    seconds: (performance.now() - startedAt) / 1000,
    episodes,
  });
  // An exception in an honest client would break its page.
  const onError = (error: unknown): void =>
    statistics.reportViolation(`an honest client threw ${String((error as Error).stack)}`);
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  const sampler = setInterval(() => onProgress(report()), SAMPLE_EVERY_MS);
  try {
    for (;;) {
      const leftMs = seconds * 1000 - (performance.now() - startedAt);
      if (leftMs <= 0 || statistics.violations.size > 0 || !relay.isAlive) break;
      episodes++;
      await new Episode(relay, episodes, random.fork(), kinds, statistics).run(
        Math.min(leftMs, EPISODE_MS, seconds * 500),
      );
    }
    const { startBytes, endBytes } = relay.memory();
    if (relay.exit !== null) statistics.reportViolation(`the relay ended: ${relay.exit}`);
    if (relay.errorCount > 0)
      statistics.reportViolation(`${relay.errorCount} errors in the relay's log, the first: ${relay.errorLines[0]}`);
    if (endBytes - startBytes > GROWTH_MOST_BYTES)
      statistics.reportViolation(`the relay's memory grew by ${endBytes - startBytes} bytes`);
    const slowestMs = quantile(statistics.pingMs, 0.99);
    if (slowestMs > PING_MOST_MS)
      statistics.reportViolation(`one in a hundred pings took more than ${Math.round(slowestMs)} ms`);
    return report();
  } finally {
    clearInterval(sampler);
    innocents.stop();
    await relay.stop();
    process.off("uncaughtException", onError);
    process.off("unhandledRejection", onError);
  }
};
