/** Waits for a condition; at the timeout it reports a violation instead of throwing. */
import type { Statistics } from "./statistics.ts";

const TIMEOUT_MS = 15_000;

export const until = async (
  what: string,
  condition: () => boolean | Promise<boolean>,
  statistics: Statistics,
): Promise<void> => {
  const giveUpAt = performance.now() + TIMEOUT_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt)
      return statistics.reportViolation(`timed out after ${TIMEOUT_MS} ms waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};
