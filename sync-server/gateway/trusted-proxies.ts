/**
 * The proxies that may name their clients (SESSION_ROOM_TRUSTED_PROXIES), and the address of the client that made a
 * request (docs/SPEC.md, N1 and N2). Anybody can send X-Forwarded-For, so it is read from the right, and each entry
 * counts only if the proxy that added it is trusted.
 */
import type { IncomingHttpHeaders } from "node:http";
import { BlockList, isIPv6 } from "node:net";
import { parseAddressRange, plainAddress } from "../config/address-ranges.ts";

/** Reads an entry of X-Forwarded-For. Some proxies (Azure's) add the port, and IPv6 may have brackets. */
const readForwardedFor = (entry: string): string | null => {
  const [, bracketed, v4] = /^(?:\[([^\]]*)\](?::\d{1,5})?|([\d.]+):\d{1,5})$/.exec(entry) ?? [];
  return plainAddress(bracketed ?? v4 ?? entry);
};

export class TrustedProxies {
  /** The only set of address ranges in node:net. It blocks nothing here: it lists the trusted addresses. */
  readonly #ranges = new BlockList();

  /** @param ranges addresses and CIDR ranges, as `readAddressRanges` returns them. */
  constructor(ranges: readonly string[]) {
    for (const text of ranges) {
      const range = parseAddressRange(text);
      if (range === null) throw new TypeError(`${JSON.stringify(text)} is not an IP address or CIDR range`);
      this.#ranges.addSubnet(range.address, range.prefixBits, range.family);
    }
  }

  /** @param address as `plainAddress` returns it; empty for a socket that is closed, which is in no range. */
  has(address: string): boolean {
    return this.#ranges.check(address, isIPv6(address) ? "ipv6" : "ipv4");
  }

  /**
   * The address of the client that made a request: the first that does not belong to a trusted proxy, from the
   * connection's own on, through X-Forwarded-For from right to left. An entry that is not an address ends the search
   * at the proxy that added it.
   *
   * @param socketAddress the address of the connection, as `plainAddress` returns it.
   */
  clientAddress(socketAddress: string, headers: IncomingHttpHeaders): string {
    // node:http joins several headers of this name with commas.
    let rest: string | null = headers["x-forwarded-for"]?.toString() ?? null;
    let address = socketAddress;
    while (rest !== null && this.has(address)) {
      const comma: number = rest.lastIndexOf(",");
      const forwardedFor = readForwardedFor(rest.slice(comma + 1).trim());
      if (forwardedFor === null) break;
      address = forwardedFor;
      rest = comma === -1 ? null : rest.slice(0, comma);
    }
    return address;
  }
}

/** Groups of 16 bits in a network of 64 bits. */
const NETWORK_GROUPS = 4;

/**
 * What limits for each address count: an IPv4 address, or the /64 network of an IPv6 address. A /64 is the least
 * that a provider assigns to one customer (RFC 6177), whose machine may use any of its 2^64 addresses: a limit for
 * each of these would limit nothing. The loopback address ::1 is not in such a network, and counts by itself.
 */
export const limitKey = (address: string): string => {
  if (!isIPv6(address) || address === "::1") return address;
  const [head = "", tail] = address.split("::", 2);
  const groups = head === "" ? [] : head.split(":");
  const tailGroups = tail === undefined || tail === "" ? [] : tail.split(":");
  // The groups that `::` replaces.
  const zeroes = Array.from<string>({ length: 8 - groups.length - tailGroups.length }).fill("0");
  return `${[...groups, ...zeroes, ...tailGroups].slice(0, NETWORK_GROUPS).join(":")}::/64`;
};
