/**
 * Runs the tests of the elements in Chromium and writes their counts to the given file, since
 * @web/test-runner has no machine-readable report.
 */
import { writeFileSync } from "node:fs";
import { startTestRunner } from "@web/test-runner";

type Suite = { readonly suites: readonly Suite[]; readonly tests: readonly { passed: boolean; skipped: boolean }[] };

const testsOf = (suite: Suite): Suite["tests"] => [...suite.tests, ...suite.suites.flatMap(testsOf)];

const [, , reportFile] = process.argv;
const runner = await startTestRunner({
  argv: ["--config", "test/components/wtr.config.mjs"],
  autoExitProcess: false,
});
if (runner === undefined || reportFile === undefined) throw new Error("usage: run-elements.ts <report file>");
runner.on("stopped", (isPassed) => {
  const sessions = [...runner.sessions.all()];
  const tests = sessions.flatMap(({ testResults }) => (testResults ? testsOf(testResults) : []));
  const failedTests = tests.filter(({ passed, skipped }) => !passed && !skipped).length;
  // A file that cannot be loaded, or that throws outside its tests, has no failed test.
  const brokenFiles = sessions.filter(({ passed, errors }) => !passed && errors.length > 0).length;
  const counts = {
    passed: tests.filter(({ passed }) => passed).length,
    failed: failedTests + brokenFiles,
    skipped: tests.filter(({ skipped }) => skipped).length,
  };
  writeFileSync(reportFile, JSON.stringify(counts));
  process.exit(isPassed ? 0 : 1);
});
