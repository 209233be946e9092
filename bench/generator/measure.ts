/** Measures the CPU time of the server and of the load generator over a period of time. */
import { cpuUs } from "../proc.ts";

/** Pause between the warm-up and the measurement, in ms. */
export const PAUSE_MS = 500;

export type Measured = {
  readonly serverCpuUs: number;
  readonly wallMs: number;
  /** The share of a core that the generator used; near 1, the generator is the bottleneck. */
  readonly generatorShare: number;
};

export const startMeasuring = (pid: number): (() => Measured) => {
  const serverBefore = cpuUs(pid);
  const ownBefore = process.cpuUsage();
  const startedAt = performance.now();
  return () => {
    const wallMs = performance.now() - startedAt;
    const { user, system } = process.cpuUsage(ownBefore);
    return { serverCpuUs: cpuUs(pid) - serverBefore, wallMs, generatorShare: (user + system) / 1_000 / wallMs };
  };
};

/** The smallest of the numbers such that at least a `share` of them is at or below it (nearest rank). */
export const quantile = (numbers: readonly number[], share: number): number => {
  if (numbers.length === 0) return NaN;
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
};
