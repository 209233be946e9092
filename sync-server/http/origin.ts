/**
 * Where a request comes from, by its headers: which pages may use the relay, and whether a request
 * was made on the relay's own machine.
 */
import type { IncomingHttpHeaders } from "node:http";
import { isIPv4 } from "node:net";

/**
 * Whether a page of this origin may use the relay (WebSocket and HTTP).
 *
 * @param origin the `Origin` header; a client without one is not a page, and is allowed.
 * @param allowed exact origins, such as `https://school.example`; `null` allows any.
 * @param ownUrl the relay's public address: its own page is always allowed, since the links that
 *   the relay gives out lead there.
 */
export const isAllowedOrigin = (
  origin: string | undefined,
  allowed: readonly string[] | null,
  ownUrl: string,
): boolean => origin === undefined || allowed === null || allowed.includes(origin) || origin === originOf(ownUrl);

/** The origin of an address; `null` if it has none. */
const originOf = (url: string): string | null => (URL.canParse(url) ? new URL(url).origin : null);

/** Whether an IP address (without brackets) is one of this machine alone. */
export const isLoopbackAddress = (address: string): boolean => {
  if (address === "::1") return true;
  const v4 = address.toLowerCase().startsWith("::ffff:") ? address.slice("::ffff:".length) : address;
  return isIPv4(v4) && v4.startsWith("127.");
};

/**
 * Whether a `Host` header names this machine: localhost, 127.0.0.0/8 or [::1], with any port.
 * A page whose own host name resolves to 127.0.0.1 (DNS rebinding) has that name here.
 */
export const isLoopbackHost = (host: string | undefined): boolean => {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9.-]+))(?::\d{1,5})?$/i.exec(host ?? "");
  if (match === null) return false;
  const [, v6, name] = match;
  if (v6 !== undefined) return isLoopbackAddress(v6);
  return name!.toLowerCase() === "localhost" || isLoopbackAddress(name!);
};

/** Whether a page of `origin` was served under the very host and port that the request goes to. */
export const isSameHost = (origin: string, host: string | undefined): boolean =>
  host !== undefined && URL.canParse(origin) && new URL(origin).host === host.toLowerCase();

/** Headers in which proxies name the client; besides these every `X-Forwarded-…`. */
const FORWARDING_HEADERS: ReadonlySet<string> = new Set([
  "forwarded",
  "via",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "x-envoy-external-address",
  "x-azure-clientip",
  "true-client-ip",
  "cf-connecting-ip",
  "cf-ray",
  "fastly-client-ip",
  "fly-client-ip",
]);

/** The first header that shows that a proxy forwarded the request; `null` if there is none. */
export const forwardingHeader = (headers: IncomingHttpHeaders): string | null =>
  Object.keys(headers).find((name) => name.startsWith("x-forwarded") || FORWARDING_HEADERS.has(name)) ?? null;
