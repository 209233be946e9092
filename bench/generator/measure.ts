/** The window in which a load is measured: CPU of the server and of the generator, and the time it took. */
import { cpuUs } from "../proc.ts";

/** Between a warm-up and what is measured, in ms. */
export const REST_MS = 500;

export type Measured = {
  readonly serverCpuUs: number;
  readonly wallMs: number;
  /** The generator's own share of a core; near 1 it is the bottleneck itself. */
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

/** The value below which `share` of the numbers lie. */
export const quantile = (numbers: readonly number[], share: number): number => {
  if (numbers.length === 0) return NaN;
  const sorted = Float64Array.from(numbers).sort();
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!;
};
