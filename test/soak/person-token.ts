/** What a person is, and their tokens. */
import type { Role } from "../../src/session/session.ts";
import type { SoakRoom } from "./soak-room.ts";
import type { World } from "./world.ts";

/** Lifetime of a token that does not expire during the soak, ms. */
export const LONG_TOKEN_MS = 24 * 3_600_000;

export type PersonOptions = {
  readonly kind: "stock" | "room";
  readonly role: Role;
  /** Whether the token identifies the person; otherwise it is an invitation. */
  readonly isKnown: boolean;
  /** Lifetime of each of their tokens, ms. */
  readonly tokenMs: number;
};

export const signToken = (
  world: World,
  room: SoakRoom,
  name: string,
  { role, isKnown, tokenMs }: PersonOptions,
): Promise<string> =>
  world.relay.token({
    room: room.name,
    role,
    ...(isKnown ? { sub: name, name } : {}),
    expiresAt: world.clock.now() + tokenMs,
  });
