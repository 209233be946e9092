/** Tokens: JWTs (HS256) that say which room, which role, until when and, for a known person, who. */
import { SignJWT, jwtVerify, errors } from "jose";
import type { Clock } from "../src/clock.ts";
import { isRoomName } from "../src/protocol.ts";
import type { Role } from "../src/session.ts";

/** What a valid token says. */
export type Claims = {
  readonly room: string;
  readonly role: Role;
  /** A known person's id; without it the token is an invitation that many may use. */
  readonly sub?: string;
  /** The person's name, which the token vouches for. */
  readonly name?: string;
  /** ms since the epoch. */
  readonly expiresAt: number;
};

/** Why a token is not accepted. Never holds any part of the token. */
export type TokenFault = "missing" | "malformed" | "expired" | "untrusted";

export type Verified =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly fault: TokenFault; readonly message: string };

export interface Tokens {
  sign(claims: Claims): Promise<string>;
  /** Never throws, whatever the text is. */
  verify(token: string | null | undefined): Promise<Verified>;
}

const ALGORITHM = "HS256";
/** Longest token that is looked at, in characters. */
const TOKEN_MAX_CHARS = 8192;
/** Longest `sub`, in characters. */
const SUB_MAX_CHARS = 256;

const fault = (kind: TokenFault, message: string): Verified => ({ ok: false, fault: kind, message });

export const createTokens = (secret: string, clock: Pick<Clock, "wallNow">): Tokens => {
  const key = new TextEncoder().encode(secret);
  return {
    sign: ({ room, role, sub, name, expiresAt }) => {
      const jwt = new SignJWT({ room, role, ...(name === undefined ? {} : { name }) })
        .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
        .setIssuedAt(Math.floor(clock.wallNow() / 1000))
        .setExpirationTime(Math.floor(expiresAt / 1000));
      return (sub === undefined ? jwt : jwt.setSubject(sub)).sign(key);
    },
    verify: async (token) => {
      if (!token) return fault("missing", "no token was given");
      if (token.length > TOKEN_MAX_CHARS) return fault("malformed", `the token is longer than ${TOKEN_MAX_CHARS} characters`);
      try {
        const { payload } = await jwtVerify(token, key, {
          algorithms: [ALGORITHM],
          currentDate: new Date(clock.wallNow()),
          requiredClaims: ["exp", "room", "role"],
        });
        const { room, role, sub, name, exp } = payload;
        if (typeof room !== "string" || !isRoomName(room)) return fault("malformed", "the token names no valid room");
        if (role !== "host" && role !== "participant") {
          return fault("malformed", "the token's role is neither host nor participant");
        }
        if (sub !== undefined && (sub === "" || sub.length > SUB_MAX_CHARS)) {
          return fault("malformed", `the token's sub is empty or longer than ${SUB_MAX_CHARS} characters`);
        }
        if (name !== undefined && typeof name !== "string") return fault("malformed", "the token's name is not text");
        return {
          ok: true,
          claims: {
            room,
            role,
            ...(sub === undefined ? {} : { sub }),
            ...(name === undefined ? {} : { name }),
            expiresAt: exp! * 1000,
          },
        };
      } catch (error) {
        if (error instanceof errors.JWTExpired) return fault("expired", "the token has expired");
        if (error instanceof errors.JWTClaimValidationFailed) {
          return fault("malformed", `the token's claim ${error.claim} is missing or wrong`);
        }
        if (error instanceof errors.JWSSignatureVerificationFailed || error instanceof errors.JOSEAlgNotAllowed) {
          return fault("untrusted", "the token was not signed with this relay's secret");
        }
        return fault("malformed", "the token is not a valid JWT");
      }
    },
  };
};
