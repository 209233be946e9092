/** Authorization of HTTP calls: the admin key, a host token, or a request from the relay's own machine. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import type { PersonRef } from "../../src/session/session.ts";
import { forwardingHeader, isAllowedOrigin, isLoopbackHost, isSameHost } from "./origin.ts";
import { pass, refuse } from "./problem.ts";
import type { Step } from "./problem.ts";
import type { Tokens } from "../auth/tokens.ts";

/** Who makes a call about a room. `person`: the one that the token names; `null` for an invitation. */
export type Caller = { readonly kind: "admin" } | { readonly kind: "host"; readonly person: PersonRef | null };

export type Access = {
  /** Whether pages of the request's origin may make calls. */
  pageMayCall(headers: IncomingHttpHeaders): Step<null>;
  /** @param isProxied whether a PROXY header, which is no HTTP header, names another client than the peer. */
  mayCreateRooms(headers: IncomingHttpHeaders, isProxied: boolean): Step<null>;
  callerOf(headers: IncomingHttpHeaders, room: string): Promise<Step<Caller>>;
};

const CHALLENGE = 'Bearer realm="session-room"';

const unauthorized = (detail: string, given: boolean): Step<never> =>
  refuse("unauthorized", detail, { "WWW-Authenticate": given ? `${CHALLENGE}, error="invalid_token"` : CHALLENGE });

const bearer = (headers: IncomingHttpHeaders): string | null =>
  /^Bearer +(\S.*)$/i.exec(headers.authorization ?? "")?.[1]!.trim() ?? null;

/** Compares in constant time, so that the duration says nothing about the key or its length. */
const isSameKey = (given: string, key: string): boolean => {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(key));
};

const SET_A_KEY = "Set SESSION_ROOM_ADMIN_KEY, and send it as Authorization: Bearer.";

export const createAccess = ({
  adminKey,
  allowedOrigins,
  tokens,
  ownUrl,
  listensOnLoopback,
}: {
  readonly adminKey: string | null;
  readonly allowedOrigins: readonly string[] | null;
  readonly tokens: Tokens;
  /** The relay's public address. */
  readonly ownUrl: () => string;
  readonly listensOnLoopback: () => boolean;
}): Access => {
  /** The rule without an admin key: a request from this machine, not passed on by a proxy, not from a page of another site. */
  const isLocalCall = (headers: IncomingHttpHeaders, isProxied: boolean): Step<null> => {
    if (!listensOnLoopback()) {
      return refuse(
        "admin-key-needed",
        `The server can be reached from other machines and has no admin key. ${SET_A_KEY}`,
      );
    }
    if (!isLoopbackHost(headers.host)) {
      return refuse(
        "admin-key-needed",
        `Without an admin key, rooms are made under localhost, 127.0.0.1 or [::1] alone; the Host header names another machine. ${SET_A_KEY}`,
      );
    }
    const forwarded = isProxied ? "PROXY" : forwardingHeader(headers);
    if (forwarded !== null) {
      return refuse(
        "admin-key-needed",
        `Without an admin key, rooms can be made only on the server's own machine; the header ${forwarded} shows a proxy. ${SET_A_KEY}`,
      );
    }
    // Any site that somebody on this machine visits can make the browser send a request here.
    const { origin } = headers;
    if (origin !== undefined && allowedOrigins?.includes(origin)) return pass(null);
    if ((origin !== undefined && !isSameHost(origin, headers.host)) || headers["sec-fetch-site"] === "cross-site") {
      return refuse(
        "origin-not-allowed",
        "The call comes from a page of another origin. Add the origin to SESSION_ROOM_ALLOWED_ORIGINS to let its pages make rooms.",
      );
    }
    return pass(null);
  };

  return {
    pageMayCall: (headers) =>
      isAllowedOrigin(headers.origin, allowedOrigins, ownUrl())
        ? pass(null)
        : refuse("origin-not-allowed", "The page's origin is not among SESSION_ROOM_ALLOWED_ORIGINS."),

    mayCreateRooms: (headers, isProxied) => {
      if (adminKey === null) return isLocalCall(headers, isProxied);
      const given = bearer(headers);
      if (given !== null && isSameKey(given, adminKey)) return pass(null);
      return unauthorized("Making rooms needs the admin key, as Authorization: Bearer.", given !== null);
    },

    callerOf: async (headers, room) => {
      const given = bearer(headers);
      if (given !== null && adminKey !== null && isSameKey(given, adminKey)) return pass({ kind: "admin" });
      const verified = await tokens.verify(given);
      if (!verified.ok) {
        return unauthorized(
          `This needs the admin key or a host token of the room, as Authorization: Bearer; ${verified.message}.`,
          given !== null,
        );
      }
      const { claims } = verified;
      if (claims.room !== room) return refuse("wrong-room", "The token is for another room.");
      if (claims.role !== "host") {
        return refuse("not-a-host", "The token is a participant's; this needs a host token or the admin key.");
      }
      return pass({
        kind: "host",
        person: claims.sub === undefined ? null : { id: claims.sub, name: claims.name ?? "" },
      });
    },
  };
};
