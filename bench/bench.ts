/**
 * Every server under every load, in alternated rounds. `npm run bench -- --help` names the flags;
 * `main.ts` has installed the packages before.
 */
import { cpus, loadavg, totalmem } from "node:os";
import { Generator } from "./generator/client.ts";
import type { Figures } from "./generator/jobs.ts";
import { deadlines } from "./loads/deadlines.ts";
import type { Load } from "./loads/load.ts";
import { PRESENCE } from "./loads/presence.ts";
import { TRAFFIC } from "./loads/traffic.ts";
import type { Options, Variant } from "./options.ts";
import { conclude } from "./report/outcome.ts";
import type { Outcome } from "./report/outcome.ts";
import { goalsText, outcomeText } from "./report/text.ts";
import { writeReport } from "./report/write.ts";
import { SERVERS, startServer } from "./servers.ts";
import type { ServerId } from "./servers.ts";

const LOADS: readonly Load[] = [...TRAFFIC, ...PRESENCE, deadlines];
/** A job that takes longer has failed. */
const JOB_MS = 300_000;
/** Above this the generator, not the server, sets the pace. */
const BUSY_GENERATOR_SHARE = 0.85;
/** What the largest load opens on both sides, with room to spare. */
const NEEDED_FILES = 2_500;

const say = (line: string): void => void process.stderr.write(`${line}\n`);

const machineText = (): string => {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `Machine: ${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${gib} GiB, Node ${process.versions.node}.`;
};

/** Which of the servers go first changes from round to round, and the direction too. */
const inOrder = <T>(all: readonly T[], round: number): T[] => {
  const turned = all.map((_, i) => all[(i + round) % all.length]!);
  return round % 2 === 0 ? turned : turned.toReversed();
};

/** Runs of one server under one load; `figures` is empty once it has failed. */
class Contestant {
  readonly id: ServerId;
  readonly #load: Load;
  readonly #options: Options;
  readonly #variant: Variant;
  readonly figures: Figures[] = [];
  failure: string | null = null;

  constructor(id: ServerId, load: Load, options: Options, variant: Variant) {
    this.id = id;
    this.#load = load;
    this.#options = options;
    this.#variant = variant;
  }

  async round(generator: Generator): Promise<void> {
    if (this.failure !== null) return;
    try {
      const figures = await this.#measure(generator);
      this.figures.push(figures);
      const share = figures["generatorShare"] ?? 0;
      if (share > BUSY_GENERATOR_SHARE) {
        say(`  the load generator used ${share.toFixed(2)} cores: it may be the bottleneck, not ${this.id}`);
      }
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      say(`  ${this.id} failed: ${this.failure}`);
    }
  }

  async #measure(generator: Generator): Promise<Figures> {
    const load = this.#load;
    if (load.kind === "own") return load.measure(this.id, generator, this.#options);
    const server = await startServer(this.id);
    try {
      return await generator.run(server, load.job(this.#options, this.#variant), JOB_MS);
    } finally {
      // What it left open must not tell of a server that is stopped.
      generator.close();
      await server.stop();
    }
  }
}

/** A floor forwards the echo of real providers too: beside them it does more than others, and is no floor. */
const takesPart = (load: Load, id: ServerId, variant: Variant, options: Options): boolean =>
  load.servers.includes(id) &&
  options.servers.includes(id) &&
  !(variant === "providers" && SERVERS[id].kind === "floor");

const runLoad = async (load: Load, variant: Variant, options: Options): Promise<Outcome> => {
  const about = load.about(options);
  say(`\n${load.title} (${variant})`);
  const generator = new Generator();
  const contestants = load.servers
    .filter((id) => takesPart(load, id, variant, options))
    .map((id) => new Contestant(id, load, options, variant));
  try {
    for (let round = 0; round < options.rounds; round++) {
      const startedAt = performance.now();
      for (const contestant of inOrder(contestants, round)) await contestant.round(generator);
      say(`  round ${round + 1} of ${options.rounds}: ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
    }
  } finally {
    generator.close();
  }
  const whole = contestants.filter(({ failure }) => failure === null);
  const failures = contestants.flatMap(({ id, failure }) => (failure === null ? [] : [[id, failure] as const]));
  const run = { variant, on: new Date().toISOString().slice(0, 10), updates: options.updates };
  return conclude(
    load,
    about,
    run,
    new Map(whole.map(({ id, figures }) => [id, figures])),
    Object.fromEntries(failures),
  );
};

const checkFiles = (): void => {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits: { open_files: { soft: string | number } };
  };
  const { soft } = userLimits.open_files;
  if (soft !== "unlimited" && Number(soft) < NEEDED_FILES) {
    say(`A process may open ${soft} files only; the larger loads need ${NEEDED_FILES}. Try: ulimit -n ${NEEDED_FILES}`);
  }
};

export const runBench = async (options: Options): Promise<void> => {
  const unknown = options.only.find((id) => !LOADS.some((load) => load.id === id));
  if (unknown !== undefined) {
    throw new Error(`--only: there is no load ${unknown}; known are ${LOADS.map(({ id }) => id).join(", ")}`);
  }
  checkFiles();
  const startedAt = performance.now();
  say(`${machineText()} Load ${loadavg()[0]!.toFixed(1)}.`);
  const outcomes: Outcome[] = [];
  for (const load of LOADS.filter(({ id }) => options.only.length === 0 || options.only.includes(id))) {
    for (const variant of options.variants.filter((each) => load.variants.includes(each))) {
      const outcome = await runLoad(load, variant, options);
      outcomes.push(outcome);
      console.log(`\n${outcomeText(outcome)}`);
    }
  }
  console.log(`\n${goalsText(outcomes)}`);
  if (options.isWritten) {
    writeReport(
      outcomes,
      machineText(),
      LOADS.map(({ id }) => id),
    );
    say("\nWritten to docs/performance.md.");
  }
  say(`Done in ${((performance.now() - startedAt) / 60_000).toFixed(1)} min.`);
};
