/** Tokens: JWTs that hold a room, a role, an expiry and, for a known person, who it is. */
import { SignJWT, createRemoteJWKSet, decodeProtectedHeader, errors, jwtVerify } from "jose";
import type { JWTPayload, JWTVerifyOptions } from "jose";
import type { Clock } from "../../src/clock.ts";
import { cleanPersonName, isRoomName } from "../../src/protocol/protocol.ts";
import type { Role } from "../../src/session/session.ts";

/** The content of a valid token. */
export type Claims = {
  readonly room: string;
  readonly role: Role;
  /** A known person's id; without it the token is an invitation that many may use. */
  readonly sub?: string;
  /** The person's verified name; cleaned as every name that others see, never empty. */
  readonly name?: string;
  /** A personal token that the relay issued to a guest: `sub` is an id that the relay chose, no proof of identity. */
  readonly guest?: true;
  /** ms since the epoch. */
  readonly expiresAt: number;
};

/** Why a token is not accepted. */
export type TokenFault =
  | "missing"
  | "malformed"
  | "expired"
  | "untrusted"
  /** The keys could not be fetched: the token may be valid, and can be tried again. */
  | "unavailable";

export type Verified =
  | { readonly ok: true; readonly claims: Claims }
  | { readonly ok: false; readonly fault: TokenFault; readonly message: string };

export interface Tokens {
  sign(claims: Claims): Promise<string>;
  /** Never throws, whatever the text is. */
  verify(token: string | null | undefined): Promise<Verified>;
  /** The claims of a personal token of this relay, even if it expired recently; `null` for any other. Never throws. */
  verifyFormer(token: string): Promise<Claims | null>;
}

/** Algorithm of tokens that are signed with the relay's own secret. */
const ALGORITHM = "HS256";
/** Algorithms of tokens whose keys come from the JWKS address: with public keys only, so never HS256. */
const JWKS_ALGORITHMS = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];
/** Timeout of a request to the JWKS address, in ms. */
const JWKS_TIMEOUT_MS = 5_000;
/** How long an expired personal token still identifies its owner, in ms. */
const FORMER_MS = 90 * 86_400_000;
/** Longest token that is read, in characters. */
const TOKEN_MAX_CHARS = 8192;
/** Longest `sub`, in characters. */
const SUB_MAX_CHARS = 256;
/** The latest time that a `Date` can hold (ECMA-262), in ms since the epoch; `exp` may be any number, such as 1e999. */
const LAST_TIME_MS = 8.64e15;

const fault = (kind: TokenFault, message: string): Verified => ({ ok: false, fault: kind, message });

/** Validates the claims of a token whose signature is valid: a trusted issuer can still make mistakes. */
const readClaims = ({ room, role, sub, name, guest, exp }: JWTPayload): Verified => {
  if (typeof room !== "string" || !isRoomName(room)) return fault("malformed", "the token names no valid room");
  if (role !== "host" && role !== "participant") {
    return fault("malformed", "the token's role is neither host nor participant");
  }
  if (
    sub !== undefined &&
    (typeof sub !== "string" || sub === "" || sub.length > SUB_MAX_CHARS || !sub.isWellFormed())
  ) {
    return fault("malformed", `the token's sub is not text of 1 to ${SUB_MAX_CHARS} characters`);
  }
  if (name !== undefined && typeof name !== "string") return fault("malformed", "the token's name is not text");
  const expiresAt = exp! * 1000;
  if (expiresAt > LAST_TIME_MS) return fault("malformed", "the token's exp is not a time in seconds");
  const shownName = cleanPersonName(name);
  return {
    ok: true,
    claims: {
      room,
      role,
      ...(sub === undefined ? {} : { sub }),
      ...(shownName === "" ? {} : { name: shownName }),
      ...(guest === true ? { guest } : {}),
      expiresAt,
    },
  };
};

class KeysUnavailable extends Error {}

const explain = (error: unknown): Verified => {
  if (error instanceof KeysUnavailable) {
    return fault("unavailable", "the keys of the token cannot be fetched now (token-jwks-url)");
  }
  if (error instanceof errors.JWTExpired) return fault("expired", "the token has expired");
  if (error instanceof errors.JWTClaimValidationFailed) {
    return fault("malformed", `the token's claim ${error.claim} is missing or not valid`);
  }
  if (
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JWKSNoMatchingKey
  ) {
    return fault("untrusted", "the token was not signed with a trusted key");
  }
  return fault("malformed", "the token is not a valid JWT");
};

/**
 * @param secret text of at least one character.
 * @param clock the wall clock, by which the issuer sets `exp` too.
 * @param jwksUrl address of a JSON Web Key Set (RFC 7517) whose keys are trusted besides the secret.
 */
export const createTokens = (secret: string, clock: Pick<Clock, "wallNow">, jwksUrl: string | null = null): Tokens => {
  // Imported once: jose would import the bytes again for each token.
  const importedKey = crypto.subtle.importKey(
    "raw",
    new TextEncoder().encode(secret),
    { name: "HMAC", hash: "SHA-256" },
    false,
    ["sign", "verify"],
  );
  const keySet = jwksUrl === null ? null : createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: JWKS_TIMEOUT_MS });
  /** The algorithm decides which key verifies; a public key of the set is never used as an HMAC secret. */
  const verifyWith = async (token: string, options: JWTVerifyOptions) =>
    keySet === null || decodeProtectedHeader(token).alg === ALGORITHM
      ? jwtVerify(token, await importedKey, { ...options, algorithms: [ALGORITHM] })
      : jwtVerify(token, keySet, { ...options, algorithms: JWKS_ALGORITHMS }).catch((error: unknown) => {
          // jose's own errors are about the token; all others, and its timeout, are about the request for the keys.
          if (
            error instanceof errors.JOSEError &&
            !(error instanceof errors.JWKSTimeout) &&
            error.code !== "ERR_JOSE_GENERIC"
          ) {
            throw error;
          }
          throw new KeysUnavailable();
        });
  return {
    sign: async ({ room, role, sub, name, guest, expiresAt }) => {
      const jwt = new SignJWT({
        room,
        role,
        ...(name === undefined ? {} : { name }),
        ...(guest === undefined ? {} : { guest }),
      })
        .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
        .setIssuedAt(Math.floor(clock.wallNow() / 1000))
        .setExpirationTime(Math.floor(expiresAt / 1000));
      return (sub === undefined ? jwt : jwt.setSubject(sub)).sign(await importedKey);
    },
    verifyFormer: async (token) => {
      if (token.length > TOKEN_MAX_CHARS) return null;
      try {
        // At the epoch nothing has expired yet, so only the signature and the claims count.
        const options = {
          algorithms: [ALGORITHM],
          currentDate: new Date(0),
          requiredClaims: ["exp", "room", "role", "sub"],
        };
        const { payload } = await jwtVerify(token, await importedKey, options);
        const verified = readClaims(payload);
        return verified.ok && verified.claims.expiresAt > clock.wallNow() - FORMER_MS ? verified.claims : null;
      } catch {
        return null;
      }
    },
    verify: async (token) => {
      if (!token) return fault("missing", "no token was given");
      if (token.length > TOKEN_MAX_CHARS) {
        return fault("malformed", `the token is longer than ${TOKEN_MAX_CHARS} characters`);
      }
      try {
        const { payload } = await verifyWith(token, {
          currentDate: new Date(clock.wallNow()),
          requiredClaims: ["exp", "room", "role"],
        });
        return readClaims(payload);
      } catch (error) {
        return explain(error);
      }
    },
  };
};
