/** Which pages may use the relay, and what counts as a request made on its own machine. */
import { describe, expect, it } from "vitest";
import {
  forwardingHeader,
  isAllowedOrigin,
  isLoopbackAddress,
  isLoopbackHost,
  isSameHost,
} from "../../../sync-server/http/origin.ts";

const OWN = "https://relay.example";

describe("isAllowedOrigin", () => {
  it("allows every page while no origins are set, and always a client that is no page", () => {
    expect(isAllowedOrigin("https://any.example", null, OWN)).toBe(true);
    expect(isAllowedOrigin("null", null, OWN)).toBe(true);
    expect(isAllowedOrigin(undefined, ["https://a.example"], OWN)).toBe(true);
  });

  it("allows the origins that are set, exactly", () => {
    const allowed = ["https://a.example", "http://localhost:5173"];
    expect(isAllowedOrigin("https://a.example", allowed, OWN)).toBe(true);
    expect(isAllowedOrigin("http://localhost:5173", allowed, OWN)).toBe(true);
    for (const origin of [
      "http://a.example",
      "https://a.example:8443",
      "https://a.example.evil.example",
      "https://b.a.example",
      "null",
      "",
    ]) {
      expect(isAllowedOrigin(origin, allowed, OWN), origin).toBe(false);
    }
  });

  it("allows the relay's own page, to which its links lead, whatever is set", () => {
    expect(isAllowedOrigin(OWN, [], OWN)).toBe(true);
    expect(isAllowedOrigin("https://relay.example", [], "https://relay.example/under/a/path")).toBe(true);
    expect(isAllowedOrigin("null", [], "not an address")).toBe(false);
  });
});

describe("isLoopbackHost", () => {
  it.each([
    "localhost",
    "localhost:1234",
    "LOCALHOST:80",
    "127.0.0.1",
    "127.0.0.1:1234",
    "127.8.9.1:1",
    "[::1]",
    "[::1]:1234",
  ])("[H1] takes %s", (host) => {
    expect(isLoopbackHost(host)).toBe(true);
  });

  it.each([
    undefined,
    "",
    "relay.example",
    "192.168.0.7:1234",
    "0.0.0.0:1234",
    "128.0.0.1",
    "127.0.0.1.evil.example",
    "127.evil.example",
    "127.1",
    "127.0.0.256",
    "2130706433",
    "localhost.evil.example",
    "evil-localhost",
    "localhost:1234:5",
    "localhost:port",
    "evil.example#localhost",
    "user@localhost",
    "localhost, evil.example",
    "::1",
    "[::2]",
    "[::]",
    "[::1",
    " localhost",
  ])("[H1] refuses %j", (host) => {
    expect(isLoopbackHost(host)).toBe(false);
  });
});

describe("isLoopbackAddress", () => {
  it("knows IPv4, IPv6 and IPv4 in IPv6", () => {
    for (const address of ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"]) {
      expect(isLoopbackAddress(address), address).toBe(true);
    }
    for (const address of ["0.0.0.0", "::", "10.0.0.1", "::ffff:10.0.0.1", "localhost", ""]) {
      expect(isLoopbackAddress(address), address).toBe(false);
    }
  });
});

describe("isSameHost", () => {
  it("compares host and port, as the browser writes them", () => {
    expect(isSameHost("http://localhost:1234", "localhost:1234")).toBe(true);
    expect(isSameHost("http://[::1]:1234", "[::1]:1234")).toBe(true);
    expect(isSameHost("http://localhost", "LocalHost")).toBe(true);
    expect(isSameHost("http://localhost:5173", "localhost:1234")).toBe(false);
    expect(isSameHost("http://127.0.0.1:1234", "localhost:1234")).toBe(false);
    expect(isSameHost("null", "localhost:1234")).toBe(false);
    expect(isSameHost("http://localhost:1234", undefined)).toBe(false);
  });
});

describe("forwardingHeader", () => {
  it.each([
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-anything",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
  ])("[H1] sees a proxy in %s", (name) => {
    expect(forwardingHeader({ host: "localhost", [name]: "x" })).toBe(name);
  });

  it("sees none in what a browser sends", () => {
    expect(forwardingHeader({ host: "localhost", origin: "http://localhost", "x-requested-with": "fetch" })).toBeNull();
  });
});
