/**
 * This checkout's relay side by side with another checkout's, for changes that claim to cost less: CPU time for
 * each delivery in the loads `people` and `rooms`, resident memory of 1,000 connections. Both run in every round, in
 * alternated order, each in a new process; CPU time is compared because it depends least on what else the machine does.
 *
 * Run: `node bench/compare.ts <other checkout> [--rounds 16] [--only people,rooms,memory]`
 */
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { Generator } from "./generator/client.ts";
import type { Job } from "./generator/jobs.ts";
import { TRAFFIC } from "./loads/traffic.ts";
import { parseOptions } from "./options.ts";
import { median, ratioInterval, valueInterval } from "./report/stats.ts";
import { startServer } from "./servers.ts";

const JOB_MS = 120_000;
const PEOPLE = 1_000;

type Comparison = { readonly id: string; readonly job: Job; readonly figure: string; readonly unit: string };

const trafficJob = (id: string): Job => {
  const load = TRAFFIC.find((each) => each.id === id);
  if (load?.kind !== "job") throw new Error(`the load ${id} is no job`);
  return load.job(parseOptions([])!, "raw");
};

const COMPARISONS: readonly Comparison[] = [
  { id: "people", job: trafficJob("people"), figure: "cpuUs", unit: "µs of CPU per delivery" },
  { id: "rooms", job: trafficJob("rooms"), figure: "cpuUs", unit: "µs of CPU per delivery" },
  {
    id: "memory",
    job: { type: "memory", people: PEOPLE, layout: "one-room" },
    figure: "kbEach",
    unit: "KB per connection",
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: "string", default: "16" }, only: { type: "string", default: "people,rooms,memory" } },
});
const [other] = positionals;
if (other === undefined) throw new Error("which checkout is this one compared with?");
const rounds = Number(values.rounds);
const only = values.only.split(",");
const here = join(import.meta.dirname, "..");

const measure = async (checkout: string, { job, figure }: Comparison): Promise<number> => {
  const generator = new Generator();
  const server = await startServer("ours", { checkout, withGc: job.type === "memory" });
  try {
    return (await generator.run(server, job, JOB_MS))[figure]!;
  } finally {
    generator.close();
    await server.stop();
  }
};

const show = (figures: readonly number[]): string => {
  const { low, high } = valueInterval(figures);
  return `median ${median(figures).toFixed(2)} (95 %: ${low.toFixed(2)} to ${high.toFixed(2)})`;
};

for (const comparison of COMPARISONS.filter(({ id }) => only.includes(id))) {
  const checkouts = [here, resolve(other)] as const;
  const [own, others] = [[], []] as [number[], number[]];
  for (let round = 0; round < rounds; round++) {
    for (const at of round % 2 === 0 ? [0, 1] : [1, 0]) {
      (at === 0 ? own : others).push(await measure(checkouts[at]!, comparison));
    }
    console.log(`  ${comparison.id} ${round + 1}: ${own.at(-1)!.toFixed(2)} here, ${others.at(-1)!.toFixed(2)} there`);
  }
  const { value, low, high } = ratioInterval(own, others);
  console.log(`${comparison.id}, ${comparison.unit}, ${rounds} rounds`);
  console.log(`  here:         ${show(own)}`);
  console.log(`  there:        ${show(others)}`);
  console.log(`  here ÷ there: ${value.toFixed(3)} (95 %: ${low.toFixed(3)} to ${high.toFixed(3)})`);
}
