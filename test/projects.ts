/** Groups of tests: pure code, the guard's properties, the relay over real sockets, on bad networks, attacked and killed, and everything in real browsers. */
import { join } from "node:path";
import type { TestProjectInlineConfiguration } from "vitest/config";

const root = join(import.meta.dirname, "..");

/** A machine that is busy with other things must not fail a test: a hang is what the limit is for. */
const TIMEOUT_MS = 60_000;

const group = (name: string, folders: readonly string[] = [name], exclude: readonly string[] = []) => ({
  root,
  test: {
    name,
    include: folders.map((folder) => `test/${folder}/**/*.test.ts`),
    exclude: exclude.map((folder) => `test/${folder}/**`),
    testTimeout: TIMEOUT_MS,
    hookTimeout: TIMEOUT_MS,
  },
});

/** Read by `vite.config.ts`, where editors look for it. */
export const projects: TestProjectInlineConfiguration[] = [
  group("unit", ["src", "structure", "bench", "examples"]),
  group("guard", ["sync-server/guard"]),
  group("relay", ["sync-server"], ["sync-server/guard"]),
  group("fuzz"),
  group("simulation"),
  {
    root,
    // One file after the other: they measure what a process does in time.
    test: { ...group("crash").test, maxWorkers: 1 },
  },
  {
    root,
    // By itself: its relay's time runs fast, and nobody may keep it waiting.
    test: { ...group("soak").test, maxWorkers: 1 },
  },
  {
    root,
    test: {
      name: "network",
      include: ["test/network/**/*.test.ts"],
      testTimeout: 60_000,
      hookTimeout: 60_000,
      // Most of these wait for the relay's own times, and do so together.
      maxConcurrency: 32,
      maxWorkers: 2,
    },
  },
  {
    root,
    test: {
      name: "e2e",
      include: ["test/e2e/**/*.test.ts"],
      // People in browsers, on a machine that may be slow: a hang is what these limits are for.
      testTimeout: 60_000,
      hookTimeout: 60_000,
      // One file after the other: two at once on two cores take the second away that presence has (P7).
      maxWorkers: 1,
    },
  },
];
