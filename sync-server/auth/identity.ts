/** Who a connection is: from its token alone (docs/SPEC.md, P4 and P5). */
import { randomUUID } from "node:crypto";
import { cleanPersonName } from "../../src/protocol/protocol.ts";
import type { Identity } from "../../src/protocol/protocol.ts";
import type { Role } from "../../src/session/session.ts";
import type { Claims, Tokens } from "./tokens.ts";

export type Arrival = {
  readonly identity: Identity;
  readonly author: Author;
  /** A token by which a new guest is the same person from now on; `null` if the client has one. */
  readonly personalToken: string | null;
};

/** The author of what a connection writes, across connections: keys that the guard records. */
export type Author = {
  /**
   * The key of the person. `null` for stock clients with an invitation: they cannot be identified
   * after they have disconnected.
   */
  readonly own: string | null;
  /** The key that all guests of one role share; `null` for people whom a token names. */
  readonly shared: string | null;
  /**
   * Whether the client is known to have its personal token. If its connection breaks before the token
   * arrives, it returns as another person, who must still be able to send what the first one wrote.
   */
  readonly isKept: boolean;
};

const personKey = (id: string): string => `person:${id}`;
const guestKey = (role: Role): string => `guest:${role}`;

/**
 * Determines the person of a token. With an invitation, each connection is a new person.
 *
 * @param keepsToken whether the client can keep a personal token (`session-room.v1`).
 * @param former an expired personal token, by which the client is still the same person (docs/SPEC.md, P10).
 */
export const identify = async (
  claims: Claims,
  tokens: Tokens,
  keepsToken: boolean,
  former: string | null,
): Promise<Arrival> => {
  const { role, sub } = claims;
  if (sub !== undefined) {
    // A name in a token is verified. Personal tokens hold none: a guest chooses the name.
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

/** A token by which a guest stays the same person; it is valid as long as the invitation. */
export const personalTokenFor = (
  { id }: Identity,
  { room, role, expiresAt }: Claims,
  tokens: Tokens,
): Promise<string> => tokens.sign({ room, role, sub: id, guest: true, expiresAt });
