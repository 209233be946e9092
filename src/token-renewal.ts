/**
 * Asks the page for a newer token before the present one expires, so that nobody notices
 * (docs/SPEC.md, W12). A page that cannot give one now is asked again until it is too late.
 */
import type { CancelTimer, Timers } from "./clock.ts";

/** Gives a newer token of the same person; may take its time, and may fail. */
export type GetToken = () => string | Promise<string>;

/** How long before the end the page is asked first, in ms; sooner, for tokens that hold less than five times that. */
const AHEAD_MS = 60_000;
/** Least wait before the page is asked again, in ms. */
const RETRY_MS = 5_000;

export class TokenRenewal {
  readonly #getToken: GetToken;
  readonly #clock: Timers;
  readonly #use: (token: string) => void;
  #cancel: CancelTimer | null = null;
  /** Counts the plans; whatever belongs to an earlier one is too late. */
  #plan = 0;

  /** @param use takes what the page gives. */
  constructor(getToken: GetToken, clock: Timers, use: (token: string) => void) {
    this.#getToken = getToken;
    this.#clock = clock;
    this.#use = use;
  }

  /** Plans the renewal of a token that expires in so many ms. */
  plan(expiresInMs: number): void {
    this.stop();
    const delayMs = expiresInMs - Math.min(AHEAD_MS, expiresInMs / 5);
    // A page that gives the same token again must not be asked without end in its last moment.
    this.#setTimer(Math.max(delayMs, RETRY_MS));
  }

  /** Asks now; resolves to whether the page gave a token. */
  async renew(): Promise<boolean> {
    this.stop();
    const plan = this.#plan;
    let token: string | null = null;
    try {
      token = await this.#getToken();
    } catch {
      // The page's own fault or its server's: what follows from it is shown when the token expires.
    }
    if (plan !== this.#plan) return false;
    if (typeof token !== "string" || token === "") {
      this.#setTimer(RETRY_MS);
      return false;
    }
    this.#use(token);
    return true;
  }

  stop(): void {
    this.#plan++;
    this.#cancel?.();
    this.#cancel = null;
  }

  #setTimer(delayMs: number): void {
    this.#cancel = this.#clock.setTimer(delayMs, () => void this.renew());
  }
}
