/** The test projects of vitest: one for each group of tests that `npm test -- <step>` can run. Read by `vite.config.ts`. */
import { join } from "node:path";
import type { TestProjectInlineConfiguration } from "vitest/config";

const root = join(import.meta.dirname, "..");

/** Limits only detect hangs: a busy machine must not fail a test. */
const TIMEOUT_MS = 60_000;

type Options = { readonly maxWorkers?: number; readonly maxConcurrency?: number };

/** @param files below `test/`; each is a folder, or a pattern of test files. */
const group = (name: string, files: readonly string[], exclude: readonly string[] = [], options: Options = {}) => {
  const patterns = (paths: readonly string[]): string[] =>
    paths.map((path) => `test/${path.endsWith(".test.ts") ? path : `${path}/**/*.test.ts`}`);
  return {
    root,
    test: {
      name,
      include: patterns(files),
      exclude: patterns(exclude),
      setupFiles: "test/fast-check-seed.ts",
      testTimeout: TIMEOUT_MS,
      hookTimeout: TIMEOUT_MS,
      ...options,
    },
  };
};

/** Tests below `sync-server` that need no socket and no process: they are fast, and run with `npm run check`. */
const RELAY_UNITS = [
  "sync-server/config",
  "sync-server/room/session",
  "sync-server/auth/token*.test.ts",
  "sync-server/store/*.test.ts",
];

/** Read by `vite.config.ts`, where editors look for it. */
export const projects: TestProjectInlineConfiguration[] = [
  group("unit", ["src", "structure", "bench", "soak/flatness.test.ts", ...RELAY_UNITS]),
  group("guard", ["sync-server/guard", "sync-server/update", "editors"]),
  group("struct-store", ["sync-server/struct-store"]),
  group(
    "relay",
    ["sync-server"],
    ["sync-server/guard", "sync-server/update", "sync-server/struct-store", ...RELAY_UNITS],
  ),
  group("fuzz", ["fuzz"]),
  group("simulation", ["simulation"]),
  // Most of these wait for the relay's timeouts, and can do so concurrently.
  group("network", ["network"], [], { maxConcurrency: 32, maxWorkers: 2 }),
  // One file at a time, since they measure times of processes.
  group("crash", ["crash"], [], { maxWorkers: 1 }),
  // One file at a time: its relay has a fast clock, so delays count many times.
  group("soak", ["soak"], ["soak/flatness.test.ts"], { maxWorkers: 1 }),
  // One file at a time: with two on two cores, presence updates take longer than the second that P7 allows.
  group("e2e", ["e2e"], [], { maxWorkers: 1 }),
];
