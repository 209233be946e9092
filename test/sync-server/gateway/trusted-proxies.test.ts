/** How the client of a request is found, and what limits for each address count. */
import { describe, expect, it } from "vitest";
import { limitKey, TrustedProxies } from "../../../sync-server/gateway/trusted-proxies.ts";

const proxies = new TrustedProxies(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
const client = (socketAddress: string, forwardedFor?: string): string =>
  proxies.clientAddress(socketAddress, forwardedFor === undefined ? {} : { "x-forwarded-for": forwardedFor });

describe("the client's address", () => {
  it.each([
    ["no header", "10.0.0.1", undefined, "10.0.0.1"],
    ["one proxy", "10.0.0.1", "203.0.113.5", "203.0.113.5"],
    ["two trusted proxies", "10.0.0.1", "203.0.113.5, 10.9.9.9", "203.0.113.5"],
    ["proxies of both versions", "fd00::1", "2001:db8::5,192.0.2.7", "2001:db8::5"],
    ["an IPv4-mapped entry", "10.0.0.1", "203.0.113.5,::ffff:10.2.2.2", "203.0.113.5"],
    ["a port", "10.0.0.1", "203.0.113.5:4711", "203.0.113.5"],
    ["brackets", "10.0.0.1", "[2001:db8::5]", "2001:db8::5"],
    ["brackets and a port", "10.0.0.1", "[2001:db8::5]:4711", "2001:db8::5"],
    ["trusted proxies alone", "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"],
  ])("[N1] with %s", (_what, socketAddress, forwardedFor, address) => {
    expect(client(socketAddress, forwardedFor)).toBe(address);
  });

  it("[N1] from anybody but a trusted proxy the header is ignored", () => {
    expect(client("203.0.113.9", "198.51.100.1")).toBe("203.0.113.9");
    expect(client("192.0.2.8", "198.51.100.1")).toBe("192.0.2.8");
    expect(client("127.0.0.1", "198.51.100.1")).toBe("127.0.0.1");
    expect(new TrustedProxies([]).clientAddress("10.0.0.1", { "x-forwarded-for": "198.51.100.1" })).toBe("10.0.0.1");
  });

  it("[N1] entries that the client itself sent are ignored, also a trusted address among them", () => {
    expect(client("10.0.0.1", "198.51.100.1, 203.0.113.5")).toBe("203.0.113.5");
    expect(client("10.0.0.1", "198.51.100.1, 10.0.0.2, 203.0.113.5")).toBe("203.0.113.5");
  });

  it.each([
    "unknown",
    "",
    "_hidden",
    "203.0.113",
    "203.0.113.5:",
    "[::1",
    "203.0.113.5:123456",
    '"203.0.113.5"',
    "a.b:1",
  ])("[N1] the entry %j ends the search at the proxy that sent it", (entry) => {
    expect(client("10.0.0.1", `198.51.100.1, ${entry}`)).toBe("10.0.0.1");
    expect(client("10.0.0.1", `198.51.100.1, ${entry}, 10.0.0.2`)).toBe("10.0.0.2");
  });

  it("[N1] a socket that is closed, and so has no address, is no trusted proxy's", () => {
    expect(client("", "198.51.100.1")).toBe("");
  });

  it("[N1] the longest header that is possible is read to its end", () => {
    expect(client("10.0.0.1", "10.0.0.2,".repeat(1_800) + "10.0.0.3")).toBe("10.0.0.2");
    expect(client("10.0.0.1", ",".repeat(16_000))).toBe("10.0.0.1");
  });
});

it("[N1] an invalid range throws, since the setting was validated before", () => {
  expect(() => new TrustedProxies(["10.0.0.0/33"])).toThrow("10.0.0.0/33");
});

describe("what limits count", () => {
  it.each([
    ["203.0.113.5", "203.0.113.5"],
    ["::1", "::1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8::6", "2001:db8:0:0::/64"],
    ["2001:db8:1::5:6", "2001:db8:1:0::/64"],
    ["1::4:5:6:7:8", "1:0:0:4::/64"],
    ["::4:5:6:7:8", "0:0:0:4::/64"],
    ["2001:db8:1:2::", "2001:db8:1:2::/64"],
    ["::", "0:0:0:0::/64"],
  ])("[N2] %s counts as %s", (address, key) => {
    expect(limitKey(address)).toBe(key);
  });

  it("[N2] neighbours in a /64 are one, and the next /64 is another", () => {
    expect(limitKey("2001:db8:1:2::1")).toBe(limitKey("2001:db8:1:2:ffff::9"));
    expect(limitKey("2001:db8:1:2::1")).not.toBe(limitKey("2001:db8:1:3::1"));
  });
});
