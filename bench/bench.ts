/** Runs every server under every load, in alternating rounds. */
import { spawnSync } from "node:child_process";
import { cpus, loadavg, totalmem } from "node:os";
import { Generator } from "./generator/client.ts";
import type { Figures } from "./generator/jobs.ts";
import { deadlines } from "./loads/deadlines.ts";
import { hostile } from "./loads/hostile.ts";
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

const LOADS: readonly Load[] = [...TRAFFIC, ...PRESENCE, deadlines, hostile];
/** A job that takes longer fails, in ms. */
const JOB_MS = 300_000;
/** Share of a core above which the load generator, not the server, may limit the rate. */
const BUSY_GENERATOR_SHARE = 0.85;
/** File descriptors that the largest load needs in each process, with a margin. */
const NEEDED_FILES = 2_500;

const log = (line: string): void => void process.stderr.write(`${line}\n`);

const machineText = (): string => {
  const [cpu] = cpus();
  const gib = Math.round(totalmem() / 2 ** 30);
  return `${cpus().length} cores (${cpu?.model.trim() ?? "unknown"}), ${gib} GiB, Node ${process.versions.node}`;
};

/** The commit that is checked out, with a mark if tracked files differ from it. */
const currentCommit = (): string => {
  const { status, stdout } = spawnSync("git", ["describe", "--always", "--dirty=, with changes"], {
    cwd: import.meta.dirname,
    encoding: "utf8",
  });
  return status === 0 ? stdout.trim() : "unknown";
};

/** Rotates the order of the servers from round to round, and reverses it in every second round. */
const orderOf = <T>(all: readonly T[], round: number): T[] => {
  const turned = all.map((_, i) => all[(i + round) % all.length]!);
  return round % 2 === 0 ? turned : turned.toReversed();
};

/** The rounds of one server under one load. After a failure no more rounds run. */
class ServerRun {
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
        log(`  the load generator used ${share.toFixed(2)} cores: it may be the bottleneck instead of ${this.id}`);
      }
    } catch (error) {
      this.failure = error instanceof Error ? error.message : String(error);
      log(`  ${this.id} failed: ${this.failure}`);
    }
  }

  async #measure(generator: Generator): Promise<Figures> {
    const load = this.#load;
    if (load.kind === "own") return load.measure(this.id, generator, this.#options);
    const server = await startServer(this.id);
    try {
      return await generator.run(server, load.job(this.#options, this.#variant), JOB_MS);
    } finally {
      // Closed first, so that its open connections do not report the stop of the server as an error.
      generator.close();
      await server.stop();
    }
  }
}

/** With real providers a floor forwards their awareness echoes too and does more work than the others, so it is left out. */
const takesPart = (load: Load, id: ServerId, variant: Variant, options: Options): boolean =>
  load.servers.includes(id) &&
  options.servers.includes(id) &&
  !(variant === "providers" && SERVERS[id].kind === "floor");

const runLoad = async (load: Load, variant: Variant, options: Options): Promise<Outcome> => {
  const about = load.about(options);
  log(`\n${load.title} (${variant})`);
  const generator = new Generator();
  const runs = load.servers
    .filter((id) => takesPart(load, id, variant, options))
    .map((id) => new ServerRun(id, load, options, variant));
  try {
    for (let round = 0; round < options.rounds; round++) {
      const startedAt = performance.now();
      for (const run of orderOf(runs, round)) await run.round(generator);
      log(`  round ${round + 1} of ${options.rounds}: ${((performance.now() - startedAt) / 1_000).toFixed(0)} s`);
    }
  } finally {
    generator.close();
  }
  const complete = runs.filter(({ failure }) => failure === null);
  const failures = runs.flatMap(({ id, failure }) => (failure === null ? [] : [[id, failure] as const]));
  const meta = {
    variant,
    on: new Date().toISOString().slice(0, 10),
    commit: currentCommit(),
    machine: machineText(),
    updates: options.updates,
  };
  return conclude(
    load,
    about,
    meta,
    new Map(complete.map(({ id, figures }) => [id, figures])),
    Object.fromEntries(failures),
  );
};

const checkFileLimit = (): void => {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits: { open_files: { soft: string | number } };
  };
  const { soft } = userLimits.open_files;
  if (soft !== "unlimited" && Number(soft) < NEEDED_FILES) {
    log(`A process may open only ${soft} files; the larger loads need ${NEEDED_FILES}. Try: ulimit -n ${NEEDED_FILES}`);
  }
};

export const runBench = async (options: Options): Promise<void> => {
  const unknown = options.only.find((id) => !LOADS.some((load) => load.id === id));
  if (unknown !== undefined) {
    throw new Error(`--only: unknown load ${unknown}; the loads are ${LOADS.map(({ id }) => id).join(", ")}`);
  }
  checkFileLimit();
  const startedAt = performance.now();
  log(`Machine: ${machineText()}; load average ${loadavg()[0]!.toFixed(1)}.`);
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
      LOADS.map(({ id }) => id),
    );
    log("\nWritten to docs/performance.md.");
  }
  log(`Done in ${((performance.now() - startedAt) / 60_000).toFixed(1)} min.`);
};
