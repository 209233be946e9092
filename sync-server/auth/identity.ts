/** Who a connection is: from its token alone (docs/SPEC.md, P4 and P5). */
import { randomUUID } from "node:crypto";
import { cleanPersonName } from "../../src/protocol/protocol.ts";
import type { Identity } from "../../src/protocol/protocol.ts";
import type { Role } from "../../src/session/session.ts";
import type { Claims, Tokens } from "./tokens.ts";

export type Arrival = {
  readonly identity: Identity;
  readonly author: Author;
  /** A token with which an invited newcomer is the same person from now on; `null` if it has one. */
  readonly personalToken: string | null;
};

/** Who writes what a connection writes, across connections; keys that the guard's record keeps. */
export type Author = {
  /**
   * The key of the person. `null` for stock clients that come with an invitation: they cannot be told
   * apart once they are gone.
   */
  readonly own: string | null;
  /** The key that all who were invited to one role share; `null` for people whom a token names. */
  readonly shared: string | null;
  /**
   * Whether the client is known to have its personal token. Until then it may come back as somebody
   * else, if its line breaks before the token reaches it, and what it wrote must not be lost to it.
   */
  readonly isKept: boolean;
};

const personKey = (id: string): string => `person:${id}`;
const guestKey = (role: Role): string => `guest:${role}`;

/**
 * Names the person behind a token. An invitation makes a newcomer of everybody who comes with it.
 *
 * @param keepsToken whether the client can keep a personal token (`session-room.v1`).
 * @param former a personal token that has expired: whoever comes with it is no newcomer (docs/SPEC.md, P10).
 */
export const identify = async (
  claims: Claims,
  tokens: Tokens,
  keepsToken: boolean,
  former: string | null,
): Promise<Arrival> => {
  const { role, sub } = claims;
  if (sub !== undefined) {
    // A token vouches for the name that it holds. Personal tokens hold none: that name is chosen.
    const name = cleanPersonName(claims.name);
    const verified = name !== "";
    const shared = claims.guest === true ? guestKey(role) : null;
    const author = { own: personKey(sub), shared, isKept: true };
    return { identity: { id: sub, name, role, verified }, author, personalToken: null };
  }
  const was = keepsToken && former !== null ? await tokens.verifyFormer(former) : null;
  const isSame = was?.guest === true && was.room === claims.room && was.role === role;
  const id = (isSame ? was.sub : undefined) ?? randomUUID();
  const identity: Identity = { id, name: "", role, verified: false };
  return {
    identity,
    author: { own: keepsToken ? personKey(identity.id) : null, shared: guestKey(role), isKept: isSame },
    personalToken: keepsToken ? await personalTokenFor(identity, claims, tokens) : null,
  };
};

/** A token with which somebody invited is the same person; it lasts as long as the invitation. */
export const personalTokenFor = (
  { id }: Identity,
  { room, role, expiresAt }: Claims,
  tokens: Tokens,
): Promise<string> => tokens.sign({ room, role, sub: id, guest: true, expiresAt });
