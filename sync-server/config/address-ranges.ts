/** IP addresses and CIDR ranges, as operators write them in settings and proxies in headers. */
import { isIP, SocketAddress } from "node:net";
import type { Read } from "./readers.ts";

export type AddressRange = {
  readonly address: string;
  /** Leading bits that an address of the range shares with `address`. */
  readonly prefixBits: number;
  readonly family: "ipv4" | "ipv6";
};

/** Bits before the IPv4 address in an IPv4-mapped IPv6 address (RFC 4291, 2.5.5.2). */
const MAPPED_PREFIX_BITS = 96;

/**
 * The one text that an address has here: IPv6 in the form of RFC 5952 without a zone, and IPv4-mapped IPv6 (the form
 * in which a socket that listens on `::` reports IPv4) as IPv4. `null` if the text is not an IP address.
 */
export const plainAddress = (text: string): string | null => {
  const address = text.replace(/%.*$/s, "");
  const version = isIP(address);
  if (version !== 6) return version === 4 ? address : null;
  const canonical = new SocketAddress({ address, family: "ipv6" }).address;
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/.exec(canonical)?.[1] ?? canonical;
};

/** Reads `10.0.0.0/8`, `fd00::/8` or a single address; `null` if it is anything else. */
export const parseAddressRange = (text: string): AddressRange | null => {
  const [, written = "", bits] = /^([^/%]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const address = plainAddress(written);
  if (address === null) return null;
  const family = isIP(address) === 4 ? "ipv4" : "ipv6";
  const mostBits = family === "ipv4" ? 32 : 128;
  const isMapped = family === "ipv4" && isIP(written) === 6;
  const prefixBits = bits === undefined ? mostBits : Number(bits) - (isMapped ? MAPPED_PREFIX_BITS : 0);
  return prefixBits >= 0 && prefixBits <= mostBits ? { address, prefixBits, family } : null;
};

/** IP addresses and CIDR ranges, separated by commas. A bad entry is named by its number: its text may be a secret. */
export const readAddressRanges = (text: string): Read<readonly string[]> => {
  const ranges = text.split(",").map((each) => each.trim());
  const bad = ranges.findIndex((each) => parseAddressRange(each) === null);
  if (bad === -1) return { ok: true, value: ranges };
  return {
    ok: false,
    allowed: `IP addresses or CIDR ranges separated by commas, such as 10.0.0.0/8,fd00::/8; entry ${bad + 1} is neither`,
  };
};
