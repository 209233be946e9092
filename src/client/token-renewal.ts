/**
 * Asks the page for a newer token before the present one expires, so that nobody notices
 * (docs/SPEC.md, W12). A page that cannot give one now is asked again until it is too late.
 */
import type { CancelTimer, Timers } from "../clock.ts";

/** Gives a newer token of the same person; may take its time, and may fail. */
export type GetToken = () => string | Promise<string>;

/** How long before the end the page is asked first, in ms; sooner, for tokens that hold less than five times that. */
const AHEAD_MS = 60_000;
/** Least wait before the page is asked again, in ms. */
const RETRY_MS = 5_000;

export type TokenRenewal = {
  /** Plans the renewal of a token that expires in so many ms. */
  plan(expiresInMs: number): void;
  /** Asks now; resolves to whether the page gave a token. */
  renew(): Promise<boolean>;
  stop(): void;
};

/** @param use takes what the page gives. */
export const tokenRenewal = (getToken: GetToken, clock: Timers, use: (token: string) => void): TokenRenewal => {
  let cancel: CancelTimer | undefined;
  /** Counts the plans; whatever belongs to an earlier one is too late. */
  let lastPlan = 0;

  const stop = (): void => {
    lastPlan++;
    cancel?.();
  };

  const askIn = (delayMs: number): void => {
    cancel = clock.setTimer(delayMs, () => void renew());
  };

  const renew = async (): Promise<boolean> => {
    stop();
    const plan = lastPlan;
    let token: string | null = null;
    try {
      token = await getToken();
    } catch {
      // The page's own fault or its server's: what follows from it is shown when the token expires.
    }
    if (plan !== lastPlan) return false;
    if (typeof token !== "string" || token === "") {
      askIn(RETRY_MS);
      return false;
    }
    use(token);
    return true;
  };

  return {
    plan(expiresInMs) {
      stop();
      const delayMs = expiresInMs - Math.min(AHEAD_MS, expiresInMs / 5);
      // A page that gives the same token again must not be asked without end in its last moment.
      askIn(Math.max(delayMs, RETRY_MS));
    },
    renew,
    stop,
  };
};
