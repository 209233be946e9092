/** Plays worlds on all cores: each worker is a process of its own, since each has its own time and chance. */
import { fork } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";

/** What came of some worlds. */
export type Part = {
  worlds: number;
  simulatedMs: number;
  steps: number;
  deeds: number;
  readonly failures: { readonly seed: number; readonly message: string }[];
};

const MAIN = join(import.meta.dirname, "main.ts");

const sum = (parts: readonly Part[]): Part => ({
  worlds: parts.reduce((all, { worlds }) => all + worlds, 0),
  simulatedMs: parts.reduce((all, { simulatedMs }) => all + simulatedMs, 0),
  steps: parts.reduce((all, { steps }) => all + steps, 0),
  deeds: parts.reduce((all, { deeds }) => all + deeds, 0),
  failures: parts.flatMap(({ failures }) => failures).sort((a, b) => a.seed - b.seed),
});

/**
 * Plays the worlds with the seeds `from` to `from + count - 1`.
 *
 * @param args passed on to the workers.
 * @param onProgress told of what has come so far, now and then.
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
