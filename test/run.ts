/**
 * `npm test`: every check and every test, one runner after the other. The last line is the sum of all
 * of them, `N passed, N failed`; lint, format, types and the build count as one test each.
 *
 * `npm test -- unit e2e` runs the named steps alone.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findChromium } from "./chromium.ts";

type Counts = { readonly passed: number; readonly failed: number };
type Step = { readonly name: string; readonly run: () => Promise<Counts> };

const root = join(import.meta.dirname, "..");
const reports = mkdtempSync(join(tmpdir(), "session-room-test-"));

/** Runs a program of node_modules to its end; its output goes where ours goes. Resolves with the exit code. */
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
  run: async () => ((await runProgram(program, args)) === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }),
});

type VitestReport = {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly testResults: readonly { readonly status: string; readonly assertionResults: readonly unknown[] }[];
};

const readVitestReport = (file: string): Counts => {
  const report = JSON.parse(readFileSync(file, "utf8")) as VitestReport;
  // A file that cannot even be loaded has no tests that could fail.
  const brokenFiles = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
  );
  return { passed: report.numPassedTests, failed: report.numFailedTests + brokenFiles.length };
};

const readCounts = (file: string): Counts => JSON.parse(readFileSync(file, "utf8")) as Counts;

/** A test runner that leaves a report. One that breaks, or that finds no test, has failed. */
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
    let counts: Counts = { passed: 0, failed: 0 };
    try {
      counts = read(reportFile);
    } catch {
      process.stdout.write(`The runner of ${name} left no report.\n`);
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
  vitest("relay"),
  vitest("fuzz"),
  vitest("simulation"),
  vitest("network"),
  vitest("crash"),
  vitest("soak"),
  runner("elements", "node", (reportFile) => ["test/run-elements.ts", reportFile], readCounts),
  vitest("e2e"),
];

const chooseSteps = (names: readonly string[]): readonly Step[] => {
  const unknown = names.find((name) => !STEPS.some((step) => step.name === name));
  if (unknown !== undefined) {
    throw new Error(`There is no step "${unknown}". The steps are ${STEPS.map(({ name }) => name).join(", ")}.`);
  }
  return names.length === 0 ? STEPS : STEPS.filter(({ name }) => names.includes(name));
};

const main = async (): Promise<void> => {
  const steps = chooseSteps(process.argv.slice(2));
  if (steps.some(({ name }) => name === "elements" || name === "e2e")) process.env["CHROMIUM"] = findChromium();
  let total: Counts = { passed: 0, failed: 0 };
  const failedSteps: string[] = [];
  for (const { name, run } of steps) {
    process.stdout.write(`\n── ${name}\n`);
    const counts = await run();
    process.stdout.write(`── ${name}: ${counts.passed} passed, ${counts.failed} failed.\n`);
    total = { passed: total.passed + counts.passed, failed: total.failed + counts.failed };
    if (counts.failed > 0) failedSteps.push(name);
  }
  if (failedSteps.length > 0) process.stdout.write(`\nFailed: ${failedSteps.join(", ")}.\n`);
  process.stdout.write(`\n${total.passed} passed, ${total.failed} failed\n`);
  process.exitCode = total.failed === 0 ? 0 : 1;
};

try {
  await main();
} catch (error) {
  process.stdout.write(`${(error as Error).message}\n\n0 passed, 1 failed\n`);
  process.exitCode = 1;
} finally {
  rmSync(reports, { recursive: true, force: true });
}
