/** Simulates worlds on all cores, in one process per core, since a simulation replaces the process's globals. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** Results of some of the worlds. */
export type Part = {
  worlds: number;
  simulatedMs: number;
  steps: number;
  actions: number;
  readonly failures: { readonly seed: number; readonly message: string }[];
};

const MAIN = join(import.meta.dirname, "main.ts");

const sum = (parts: readonly Part[]): Part => ({
  worlds: parts.reduce((all, { worlds }) => all + worlds, 0),
  simulatedMs: parts.reduce((all, { simulatedMs }) => all + simulatedMs, 0),
  steps: parts.reduce((all, { steps }) => all + steps, 0),
  actions: parts.reduce((all, { actions }) => all + actions, 0),
  failures: parts.flatMap(({ failures }) => failures).sort((a, b) => a.seed - b.seed),
});

/**
 * Simulates the worlds with the seeds `from` to `from + count - 1`.
 *
 * @param args passed to the workers.
 * @param onProgress called from time to time with the results so far.
 */
export const splitAmongWorkers = async (
  from: number,
  count: number,
  args: readonly string[],
  onProgress: (all: Part) => void,
): Promise<Part> => {
  const workers = Math.min(availableParallelism(), count);
  const parts: Part[] = [];
  await Promise.all(
    Array.from({ length: workers }, (_, i) => {
      const first = from + Math.floor((count * i) / workers);
      const next = from + Math.floor((count * (i + 1)) / workers);
      const child = fork(MAIN, [...args, `--from=${first}`, `--seeds=${next - first}`]);
      child.on("message", (part) => {
        parts[i] = part as Part;
        onProgress(sum(parts.filter(Boolean)));
      });
      return new Promise<void>((resolve) => child.on("exit", () => resolve()));
    }),
  );
  return sum(parts.filter(Boolean));
};
