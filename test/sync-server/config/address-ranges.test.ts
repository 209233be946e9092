/** Addresses and ranges as operators write them. */
import { describe, expect, it } from "vitest";
import { parseAddressRange, plainAddress, readAddressRanges } from "../../../sync-server/config/address-ranges.ts";

describe("an address", () => {
  it.each([
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:c000:201", "192.0.2.1"],
    ["0:0:0:0:0:ffff:192.0.2.1", "192.0.2.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["fe80::1%eth0", "fe80::1"],
    ["::1", "::1"],
  ])("[N2] %s is %s, in one text for each address", (text, address) => {
    expect(plainAddress(text)).toBe(address);
  });

  it.each(["", " 192.0.2.1", "192.0.2", "192.0.2.256", "192.0.2.01", "0x7f.1", "1::2::3", "[::1]", "unknown", "%eth0"])(
    "%j is none",
    (text) => {
      expect(plainAddress(text)).toBe(null);
    },
  );
});

describe("a range", () => {
  it.each([
    ["10.0.0.0/8", "10.0.0.0", 8, "ipv4"],
    ["10.1.2.3", "10.1.2.3", 32, "ipv4"],
    ["0.0.0.0/0", "0.0.0.0", 0, "ipv4"],
    ["fd00::/8", "fd00::", 8, "ipv6"],
    ["FD00::1", "fd00::1", 128, "ipv6"],
    ["::ffff:10.0.0.0/104", "10.0.0.0", 8, "ipv4"],
    ["::ffff:10.0.0.1", "10.0.0.1", 32, "ipv4"],
  ])("%s", (text, address, prefixBits, family) => {
    expect(parseAddressRange(text)).toEqual({ address, prefixBits, family });
  });

  it.each([
    "10.0.0.0/33",
    "fd00::/129",
    "10.0.0.0/",
    "10.0.0.0/8/8",
    "/8",
    "10.0.0.0/-1",
    "::ffff:10.0.0.0/8",
    "fe80::1%e/64",
  ])("%s is not a range", (text) => {
    expect(parseAddressRange(text)).toBe(null);
  });
});

describe("the setting", () => {
  it("[C1] takes addresses and ranges separated by commas", () => {
    expect(readAddressRanges("10.0.0.0/8, fd00::1,127.0.0.1")).toEqual({
      ok: true,
      value: ["10.0.0.0/8", "fd00::1", "127.0.0.1"],
    });
  });

  it.each(["10.0.0.0/8,proxy.example,::1", "10.0.0.0/33", "10.0.0.1,", "loopback"])(
    "[C1] refuses %j, and names the entry that is wrong",
    (text) => {
      const bad = text.split(",").findIndex((each) => parseAddressRange(each) === null) + 1;
      expect(readAddressRanges(text)).toEqual({
        ok: false,
        allowed: expect.stringContaining(`entry ${bad} is neither`),
      });
    },
  );
});
