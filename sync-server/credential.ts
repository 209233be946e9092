/** The token behind a connection: until when it holds, and how a new one takes its place without a new line. */
import type { RefusalCode } from "../src/protocol.ts";
import type { Claims, Tokens } from "./tokens.ts";

export class Credential {
  readonly #tokens: Tokens;
  readonly #claims: Claims;
  /** Id of the person, which for an invitation is not in the token. */
  readonly #personId: string;
  /** ms since the epoch, by the wall clock. */
  expiresAt: number;

  constructor(tokens: Tokens, claims: Claims, personId: string) {
    this.#tokens = tokens;
    this.#claims = claims;
    this.#personId = personId;
    this.expiresAt = claims.expiresAt;
  }

  /** Takes a newer token of the same person, room and role; anything else changes nothing. */
  async renew(token: string): Promise<RefusalCode | null> {
    const verified = await this.#tokens.verify(token);
    if (!verified.ok) return "bad-token";
    const { room, role, sub, expiresAt } = verified.claims;
    // An invitation names nobody: a newer one prolongs whoever came with one.
    const isSamePerson = sub === undefined ? this.#claims.sub === undefined || this.#claims.guest : sub === this.#personId;
    if (room !== this.#claims.room || role !== this.#claims.role || !isSamePerson) return "other-person";
    this.expiresAt = expiresAt;
    return null;
  }
}
