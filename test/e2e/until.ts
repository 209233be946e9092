/** Waits for a condition instead of a fixed time. */

/** Timeout of what should happen at once, in ms; long, since the machine may be busy. */
export const TIMEOUT_MS = 15_000;
const POLL_MS = 20;

/** Polls `read` until it returns neither false, null nor undefined; resolves with that. Throws an error with `what` at the timeout. */
export const until = async <T>(
  what: string,
  read: () => T | Promise<T>,
  timeoutMs = TIMEOUT_MS,
  pollMs = POLL_MS,
): Promise<NonNullable<T>> => {
  const giveUpAt = performance.now() + timeoutMs;
  for (;;) {
    const found = await read();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAt) throw new Error(`timed out after ${timeoutMs} ms waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
};
