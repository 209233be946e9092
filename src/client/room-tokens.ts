/** The tokens that a page connects with: its own, the person's, and newer ones that the page gives in time. */
import type { Timers } from "../clock.ts";
import { PersonalToken, tabStorage } from "./personal-token.ts";
import type { RoomClientOptions } from "./room-options.ts";
import { TokenRenewal } from "./token-renewal.ts";

export type RoomTokensHandlers = {
  /** Tokens for the next connection: the one to use, and the personal one that is no longer accepted. */
  readonly onChanged: (token: string, former: string | null) => void;
  /** The page has given a newer token. */
  readonly onRenewed: (token: string) => void;
};

export class RoomTokens {
  readonly #personal: PersonalToken;
  readonly #renewal: TokenRenewal | null;
  readonly #onChanged: RoomTokensHandlers["onChanged"];

  constructor(
    relayUrl: string,
    { room, token, getToken, storage = tabStorage() }: RoomClientOptions,
    clock: Timers,
    { onChanged, onRenewed }: RoomTokensHandlers,
  ) {
    const use = (newer: string): void => {
      this.#personal.renew(newer);
      this.#changed();
      onRenewed(newer);
    };
    this.#personal = new PersonalToken(storage, relayUrl, room, token);
    this.#renewal = getToken === undefined ? null : new TokenRenewal(getToken, clock, use);
    this.#onChanged = onChanged;
    this.#changed();
  }

  get isPersonal(): boolean {
    return this.#personal.isPersonal;
  }

  /** Whether the page can be asked for a newer token. */
  get canRequest(): boolean {
    return this.#renewal !== null;
  }

  /** The relay has accepted the token, and has given the person one of their own if they came with an invitation. */
  accepted(personalToken: string | undefined, expiresInMs: number): void {
    if (personalToken !== undefined) {
      this.#personal.keep(personalToken);
      this.#changed();
    }
    this.#renewal?.plan(expiresInMs);
  }

  /** The relay has not accepted the newer token. The present one may be valid for a while yet: asks the page again. */
  renewalRefused(): void {
    this.#renewal?.plan(0);
  }

  /** Connects with the page's token from now on. */
  dropPersonal(): void {
    this.#personal.drop();
    this.#changed();
  }

  /** Asks the page for a newer token now; resolves to whether it gave one. */
  async request(): Promise<boolean> {
    return this.#renewal === null ? false : this.#renewal.renew();
  }

  stop(): void {
    this.#renewal?.stop();
  }

  #changed(): void {
    this.#onChanged(this.#personal.current, this.#personal.former);
  }
}
