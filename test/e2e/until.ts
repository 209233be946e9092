/** Waiting for conditions, never for time. */

/** How long anything may take that should happen at once, in ms; long, since the machine may be busy. */
export const PATIENCE_MS = 15_000;
const POLL_MS = 20;

/** Resolves with what `look` answers as soon as that is neither false nor nothing; fails with `what` otherwise. */
export const until = async <T>(
  what: string,
  look: () => T | Promise<T>,
  patienceMs = PATIENCE_MS,
  pollMs = POLL_MS,
): Promise<NonNullable<T>> => {
  const giveUpAt = performance.now() + patienceMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (performance.now() > giveUpAt) throw new Error(`waited ${patienceMs} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
};
