/** Readers of the settings' texts: the value, or what would have been allowed. */
import { isIP } from "node:net";
import { formatDuration, parseDuration } from "./duration.ts";

/** A value that was read, or what would have been allowed, for the end of a message. */
export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly allowed: string };

const read = <T>(value: T): Read<T> => ({ ok: true, value });
const refuse = (allowed: string): Read<never> => ({ ok: false, allowed });

export const readWholeNumber =
  (least: number, most: number) =>
  (text: string): Read<number> => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    return value >= least && value <= most ? read(value) : refuse(`a whole number from ${least} to ${most}`);
  };

/** A duration; the bounds are in ms. */
export const readDuration =
  (leastMs: number, mostMs: number) =>
  (text: string): Read<number> => {
    const valueMs = parseDuration(text);
    if (valueMs !== null && valueMs >= leastMs && valueMs <= mostMs) return read(valueMs);
    return refuse(
      `a whole number with one of the units ms, s, m, h, d, from ${formatDuration(leastMs)} to ${formatDuration(mostMs)}, such as 15m`,
    );
  };

export const readChoice =
  <T extends string>(choices: readonly T[]) =>
  (text: string): Read<T> => {
    const choice = choices.find((each) => each === text);
    return choice === undefined ? refuse(choices.join(" or ")) : read(choice);
  };

export const readText = (text: string): Read<string> =>
  text.trim() === "" ? refuse("text that is not empty") : read(text);

export const readHost = (text: string): Read<string> => {
  // [::1] is how addresses write it; sockets want it bare.
  const host = text.replace(/^\[(.*)\]$/, "$1");
  return isIP(host) !== 0 || /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/i.test(host)
    ? read(host)
    : refuse("an IP address or a host name without a port, such as 127.0.0.1, :: or localhost");
};

/** An http or https address; without a slash at the end, so that paths can be appended. */
export const readPublicUrl = (text: string): Read<string> => {
  const url = URL.parse(text);
  const isPlain =
    url !== null && /^https?:$/.test(url.protocol) && `${url.username}${url.password}${url.search}${url.hash}` === "";
  return isPlain
    ? read(`${url.origin}${url.pathname.replace(/\/+$/, "")}`)
    : refuse("an http or https address without user, query and fragment, such as https://rooms.example");
};

/** An http or https address as it is. */
export const readUrl = (text: string): Read<string> => {
  const url = URL.parse(text);
  return url !== null && /^https?:$/.test(url.protocol)
    ? read(url.href)
    : refuse("an http or https address, such as https://login.example/.well-known/jwks.json");
};

/** Origins as browsers send them in the `Origin` header, separated by commas. */
export const readOrigins = (text: string): Read<readonly string[]> => {
  const origins = text.split(",").map((each) => {
    const url = URL.parse(each.trim());
    const isOrigin = url !== null && /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`;
    return isOrigin ? url.origin : null;
  });
  return origins.every((origin) => origin !== null)
    ? read(origins)
    : refuse("origins separated by commas, such as https://school.example,http://localhost:5173; leave it out for any");
};

/** A secret below this is weaker than HS256 (RFC 7518, 3.2, asks for 256 bits); the relay warns of one. */
export const STRONG_SECRET_CHARS = 32;

export const readAdminKey = (text: string): Read<string> =>
  /^[\x21-\x7e]+$/.test(text)
    ? read(text)
    : refuse("visible ASCII characters without spaces, since it is sent in an HTTP header");
