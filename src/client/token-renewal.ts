/**
 * Asks the page for a newer token before the present one expires, so that the session continues without an
 * interruption (docs/SPEC.md, W12). A page that cannot give one yet is asked again, until the token expires.
 */
import type { CancelTimer, Timers } from "../clock.ts";

/** Gives a newer token of the same person; may take its time, and may fail. */
export type GetToken = () => string | Promise<string>;

/** How long before expiry the page is asked first, in ms; less for tokens that expire in under five times that. */
const AHEAD_MS = 60_000;
/** Least wait before the page is asked again, in ms. */
const RETRY_MS = 5_000;

export class TokenRenewal {
  readonly #getToken: GetToken;
  readonly #clock: Timers;
  readonly #use: (token: string) => void;
  #cancelTimer: CancelTimer | undefined;
  /** Counts the plans: an answer of the page to an earlier one is ignored. */
  #lastPlan = 0;

  /** @param use is called with what the page gives. */
  constructor(getToken: GetToken, clock: Timers, use: (token: string) => void) {
    this.#getToken = getToken;
    this.#clock = clock;
    this.#use = use;
  }

  /** Plans the renewal of a token that expires in so many ms. */
  plan(expiresInMs: number): void {
    this.stop();
    const delayMs = expiresInMs - Math.min(AHEAD_MS, expiresInMs / 5);
    // At least the retry time, or a page that gives the same token again would be asked in a loop at its end.
    this.#askIn(Math.max(delayMs, RETRY_MS));
  }

  /** Asks now; resolves to whether the page gave a token. */
  async renew(): Promise<boolean> {
    this.stop();
    const plan = this.#lastPlan;
    let token: string | null = null;
    try {
      token = await this.#getToken();
    } catch {
      // A fault of the page or of its server: its consequence is shown when the token expires.
    }
    if (plan !== this.#lastPlan) return false;
    if (typeof token !== "string" || token === "") {
      this.#askIn(RETRY_MS);
      return false;
    }
    this.#use(token);
    return true;
  }

  stop(): void {
    this.#lastPlan++;
    this.#cancelTimer?.();
  }

  #askIn(delayMs: number): void {
    this.#cancelTimer = this.#clock.setTimer(delayMs, () => void this.renew());
  }
}
