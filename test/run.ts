/**
 * `npm test`: runs all checks and tests, one step after the other. The last line is the total, `N passed,
 * N failed`, followed by `, N skipped` if any were skipped; lint, format, types, build and size count as one
 * test each. `npm test -- unit e2e` runs the named steps only.
 *
 * `npm run test:long`: 10,000 worlds, 2 × 5 min of fuzzing, 1,000 kills, 10 min of soak, in about an hour; the variables in `LONG` change that.
 *
 * Tests whose program is missing are skipped, or fail if the environment variable `CI` is set.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium } from "./chromium.ts";
import { findProgram } from "./programs.ts";

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };
const NONE: Counts = { passed: 0, failed: 0, skipped: 0 };

/** A program of the machine that tests of a step need. */
type Requirement = {
  /** Why the program cannot be used; `null` if it can. */
  readonly missing: () => string | null;
  /** Whether the step cannot run at all without it. Otherwise the tests that need it skip themselves. */
  readonly isForWholeStep: boolean;
};

type Step = { readonly name: string; readonly run: () => Promise<Counts>; readonly requirement?: Requirement };

const root = join(import.meta.dirname, "..");
const reports = mkdtempSync(join(tmpdir(), "session-room-test-"));

/** What `--long` runs, and the environment variables that it sets unless they are set. */
const LONG_STEPS = ["unit", "guard", "fuzz", "simulation", "crash", "soak"];
const LONG = {
  SIMULATION_WORLDS: "10000",
  FUZZ_SECONDS: "300",
  CRASH_KILLS: "1000",
  SOAK_MINUTES: "10",
  FAST_CHECK_SEED: String(Date.now() % 2 ** 31),
};

const CHROMIUM: Requirement = {
  missing: () => {
    try {
      process.env["CHROMIUM"] = findChromium();
      return null;
    } catch (error) {
      // A wrong path is a mistake, not a missing program.
      if (process.env["CHROMIUM"]) throw error;
      return (error as Error).message;
    }
  },
  isForWholeStep: true,
};

const STRACE: Requirement = {
  missing: () => (findProgram("strace") === undefined ? "strace is not installed." : null),
  isForWholeStep: false,
};

/** Runs a program of node_modules to its end, with our output. Resolves with the exit code. */
const runProgram = (program: string, args: readonly string[]): Promise<number> =>
  new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: root,
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, PATH: `${join(root, "node_modules/.bin")}:${process.env["PATH"] ?? ""}` },
    });
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });

const check = (name: string, program: string, ...args: string[]): Step => ({
  name,
  run: async () => ({ ...NONE, ...((await runProgram(program, args)) === 0 ? { passed: 1 } : { failed: 1 }) }),
});

type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
};

const readVitestReport = (file: string): Counts => {
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  // A file that cannot be loaded has no tests that could fail.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + brokenFiles.length,
    skipped: report.numPendingTests,
  };
};

const readCounts = (file: string): Counts => JSON.parse(readFileSync(file, "utf8")) as Counts;

/** A test runner that writes a report. One that crashes, or that finds no test, has failed. */
const runner = (
  name: string,
  program: string,
  args: (reportFile: string) => string[],
  read: (reportFile: string) => Counts,
): Step => ({
  name,
  run: async () => {
    const reportFile = join(reports, `${name}.json`);
    const code = await runProgram(program, args(reportFile));
    let counts = NONE;
    try {
      counts = read(reportFile);
    } catch {
      process.stdout.write(`The runner of ${name} has written no report.\n`);
    }
    const isBroken = counts.failed === 0 && (code !== 0 || counts.passed === 0);
    return isBroken ? { ...counts, failed: 1 } : counts;
  },
});

const vitest = (project: string): Step =>
  runner(
    project,
    "vitest",
    (reportFile) => [
      "run",
      ...["--project", project],
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${reportFile}`,
    ],
    readVitestReport,
  );

const STEPS: readonly Step[] = [
  check("lint", "oxlint", "--deny-warnings"),
  check("format", "oxfmt", "--check"),
  check("types", "tsc", "--noEmit"),
  check("build", "vite", "build", "--logLevel", "warn"),
  check("size", "node", "bench/size.ts"),
  vitest("unit"),
  vitest("guard"),
  vitest("struct-store"),
  { ...vitest("relay"), requirement: STRACE },
  vitest("fuzz"),
  vitest("simulation"),
  vitest("network"),
  vitest("crash"),
  vitest("soak"),
  {
    ...runner("elements", "node", (reportFile) => ["test/run-elements.ts", reportFile], readCounts),
    requirement: CHROMIUM,
  },
  { ...vitest("e2e"), requirement: CHROMIUM },
];

const chooseSteps = (names: readonly string[]): readonly Step[] => {
  const unknown = names.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) {
    throw new Error(`There is no step "${unknown}". The steps are ${STEPS.map(({ name }) => name).join(", ")}.`);
  }
  return names.length === 0 ? STEPS : STEPS.filter(({ name }) => names.includes(name));
};

const add = (a: Counts, b: Counts): Counts => ({
  passed: a.passed + b.passed,
  failed: a.failed + b.failed,
  skipped: a.skipped + b.skipped,
});

const show = ({ passed, failed, skipped }: Counts): string =>
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;

/** Runs a step as far as the machine has what it needs. A step that cannot run counts as one test. */
const runStep = async ({ name, run, requirement }: Step): Promise<Counts> => {
  const missing = requirement?.missing() ?? null;
  if (missing === null) return run();
  const isCi = Boolean(process.env["CI"]);
  process.stdout.write(
    `${missing} ${isCi ? "It is required, since CI is set" : `Skipping the ${name} tests that need it`}.\n`,
  );
  const missed = isCi ? { ...NONE, failed: 1 } : { ...NONE, skipped: 1 };
  if (requirement!.isForWholeStep) return missed;
  const counts = await run();
  return isCi ? add(counts, missed) : counts;
};

const main = async (args: readonly string[]): Promise<void> => {
  const isLong = args.includes("--long");
  const names = args.filter((arg) => arg !== "--long");
  if (isLong) for (const [name, value] of Object.entries(LONG)) process.env[name] ??= value;
  const steps = chooseSteps(isLong && names.length === 0 ? LONG_STEPS : names);
  let total = NONE;
  const lines: string[] = [];
  for (const step of steps) {
    process.stdout.write(`\n── ${step.name}\n`);
    const startedAt = performance.now();
    const counts = await runStep(step);
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    const line = `${step.name.padEnd(12)}${`${seconds} s`.padStart(9)}  ${show(counts)}`;
    lines.push(counts.failed > 0 ? `${line}  FAILED` : line);
    process.stdout.write(`── ${step.name}: ${show(counts)}.\n`);
    total = add(total, counts);
  }
  process.stdout.write(`\n${lines.join("\n")}\n\n${show(total)}\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
};

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n\n0 passed, 1 failed\n`);
  process.exitCode = 1;
} finally {
  rmSync(reports, { recursive: true, force: true });
}
