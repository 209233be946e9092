/** The token of a connection: until when it is valid, and how a new one replaces it without a new connection. */
import type { Clock } from "../../src/clock.ts";
import type { Identity, RefusalCode, Welcome } from "../../src/protocol/protocol.ts";
import { personalTokenFor } from "./identity.ts";
import type { Arrival } from "./identity.ts";
import type { Claims, Tokens } from "./tokens.ts";

export class Credential {
  readonly #tokens: Tokens;
  readonly #clock: Pick<Clock, "wallNow">;
  readonly #identity: Identity;
  #claims: Claims;
  #personalToken: string | null;

  /** @param claims those of the token that the client connected with. */
  constructor(tokens: Tokens, clock: Pick<Clock, "wallNow">, claims: Claims, arrival: Arrival) {
    this.#tokens = tokens;
    this.#clock = clock;
    this.#claims = claims;
    this.#identity = arrival.identity;
    this.#personalToken = arrival.personalToken;
  }

  /** ms since the epoch, by the wall clock. */
  get expiresAt(): number {
    return this.#claims.expiresAt;
  }

  /** The message that says who the client is, sent once it has joined. */
  get welcome(): Welcome {
    const token = this.#personalToken === null ? {} : { token: this.#personalToken };
    const expiresInMs = this.expiresAt - this.#clock.wallNow();
    return { type: "welcome", person: this.#identity, expiresInMs, ...token };
  }

  /** Accepts a newer token of the same person, room and role; any other is refused and changes nothing. */
  async renew(token: string): Promise<RefusalCode | null> {
    const verified = await this.#tokens.verify(token);
    if (!verified.ok) return "bad-token";
    const { claims } = verified;
    const { room, role, sub, guest } = this.#claims;
    // An invitation names no person: a newer one renews any connection that was made with one.
    const isInvitation = claims.sub === undefined;
    const isSamePerson = isInvitation ? sub === undefined || guest === true : claims.sub === this.#identity.id;
    if (claims.room !== room || claims.role !== role || !isSamePerson) return "other-person";
    this.#personalToken = isInvitation ? await personalTokenFor(this.#identity, claims, this.#tokens) : null;
    this.#claims = claims;
    return null;
  }
}
