/** Errors of the page's own code and of what it received, which must not stop the room client. */

/** Reports an error like any other error of the page; in Node, where an uncaught one ends the process, it is logged. */
export const reportError = (error: unknown): void => {
  const report: ((error: unknown) => void) | undefined = globalThis.reportError;
  // oxlint-disable-next-line no-console -- there is no other place for it.
  if (report === undefined) console.error(error);
  else report(error);
};

/** Calls a function and reports what it throws. @returns whether it threw nothing. */
export const callGuarded = (run: () => void): boolean => {
  try {
    run();
    return true;
  } catch (error) {
    reportError(error);
    return false;
  }
};
