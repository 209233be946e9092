/**
 * Runs the tests of the elements in Chromium and leaves their counts in the file that it is given.
 * A file of its own since @web/test-runner reports to people alone.
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
  // A file that does not load, or that throws beside its tests, has failed without a failed test.
  const brokenFiles = sessions.filter(({ passed, errors }) => !passed && errors.length > 0).length;
  const counts = { passed: tests.filter(({ passed }) => passed).length, failed: failedTests + brokenFiles };
  writeFileSync(reportFile, JSON.stringify(counts));
  process.exit(isPassed ? 0 : 1);
});
