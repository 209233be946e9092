/** Tokens: what the relay signs it reads back, and nothing else. */
import { createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { manualClock } from "../../manual-clock.ts";
import { identify } from "../../../sync-server/auth/identity.ts";
import { createTokens } from "../../../sync-server/auth/tokens.ts";

const SECRET = "a secret of thirty-two characters";
const clock = manualClock();
const tokens = createTokens(SECRET, clock);
const inAnHour = Math.floor(clock.wallNow() / 1000) + 3600;

const base64url = (text: string): string => Buffer.from(text).toString("base64url");

/** A token made by hand, with any content; `claims` may be JSON text. */
const forge = (
  claims: object | string,
  { header = { alg: "HS256" } as object, hash = "sha256", secret = SECRET } = {},
): string => {
  const body = typeof claims === "string" ? claims : JSON.stringify(claims);
  const signed = `${base64url(JSON.stringify(header))}.${base64url(body)}`;
  return `${signed}.${createHmac(hash, secret).update(signed).digest("base64url")}`;
};

const GOOD = { room: "r", role: "host", exp: inAnHour };

const faultOf = async (token: string | null | undefined): Promise<string> => {
  const verified = await tokens.verify(token);
  return verified.ok ? "none" : verified.fault;
};

describe("[P10] a personal token that has expired", () => {
  const past = Math.floor(clock.wallNow() / 1000) - 60;
  const personal = { room: "r", role: "participant", sub: "guest-1", guest: true, exp: past };

  it("says who somebody was, and lets nobody in", async () => {
    expect(await faultOf(forge(personal))).toBe("expired");
    expect(await tokens.verifyFormer(forge(personal))).toMatchObject({ sub: "guest-1", room: "r", guest: true });
  });

  it.each([
    ["of another secret", forge(personal, { secret: "another secret of thirty-two chars" })],
    ["of another algorithm", forge(personal, { header: { alg: "HS512" }, hash: "sha512" })],
    ["without a person", forge({ ...personal, sub: undefined })],
    ["that expired long ago", forge({ ...personal, exp: past - 91 * 86_400 })],
    ["that is none", "eyJub3QgYSB0b2tlbg"],
    ["that is too long", "x".repeat(9_000)],
  ])("says nothing: %s", async (_, token) => {
    expect(await tokens.verifyFormer(token)).toBe(null);
  });

  it.each([
    ["it is the same person's", personal, "guest-1"],
    ["another room's", { ...personal, room: "other" }, null],
    ["another role's", { ...personal, role: "host" }, null],
    ["a known person's, not a guest's", { ...personal, guest: undefined }, null],
  ])("beside an invitation: %s", async (_, claims, id) => {
    const invitation = { room: "r", role: "participant", expiresAt: inAnHour * 1000 } as const;
    const { identity, personalToken } = await identify(invitation, tokens, true, forge(claims));
    expect(identity.id === "guest-1").toBe(id !== null);
    expect(personalToken).not.toBe(null);
    // A token that names somebody needs no other proof, and stock clients keep none.
    expect((await identify({ ...invitation, sub: "u1" }, tokens, true, forge(claims))).identity.id).toBe("u1");
    expect((await identify(invitation, tokens, false, forge(claims))).identity.id).not.toBe("guest-1");
  });
});

describe("tokens", () => {
  it("[P4] reads back what it signed, id and name included", async () => {
    const claims = { room: "räume/1", role: "host", sub: "u1", name: "Ada", expiresAt: inAnHour * 1000 } as const;
    expect(await tokens.verify(await tokens.sign(claims))).toEqual({ ok: true, claims });
  });

  it("[P5] an invitation has no sub and no name", async () => {
    const claims = { room: "r", role: "participant", expiresAt: inAnHour * 1000 } as const;
    expect(await tokens.verify(await tokens.sign(claims))).toEqual({ ok: true, claims });
  });

  it("accepts a token that another program signed with the secret, with claims of its own", async () => {
    expect(await faultOf(forge({ ...GOOD, iss: "school", class: 7 }))).toBe("none");
  });

  it("cleans a name as others will see it, and drops one of which nothing is left", async () => {
    const named = await tokens.verify(forge({ ...GOOD, sub: "u", name: ` A\u202E\n${"x".repeat(200)} ` }));
    expect(named.ok && named.claims.name).toBe(`A ${"x".repeat(78)}`);
    const unnamed = await tokens.verify(forge({ ...GOOD, sub: "u", name: " \n " }));
    expect(unnamed.ok && "name" in unnamed.claims).toBe(false);
  });

  it("refuses none at all", async () => {
    expect(await faultOf(null)).toBe("missing");
    expect(await faultOf(undefined)).toBe("missing");
    expect(await faultOf("")).toBe("missing");
  });

  it.each([
    ["alg none, unsigned", `${base64url('{"alg":"none"}')}.${base64url(JSON.stringify(GOOD))}.`],
    ["alg none with a signature", forge(GOOD, { header: { alg: "none" } })],
    ["HS384", forge(GOOD, { header: { alg: "HS384" }, hash: "sha384" })],
    ["HS512", forge(GOOD, { header: { alg: "HS512" }, hash: "sha512" })],
    ["RS256 named over an HMAC", forge(GOOD, { header: { alg: "RS256" } })],
    ["another secret", forge(GOOD, { secret: "another secret of some characters" })],
    [
      "claims changed after signing",
      forge(GOOD).replace(/\.[^.]+\./, `.${base64url(JSON.stringify({ ...GOOD, room: "x" }))}.`),
    ],
  ])("does not trust %s", async (_, token) => {
    expect(await faultOf(token)).toBe("untrusted");
  });

  it("refuses an expired token from the second of its exp on, by the wall clock", async () => {
    const wall = manualClock(1_700_000_000_000);
    const own = createTokens(SECRET, wall);
    const token = forge({ ...GOOD, exp: 1_700_000_010 });
    wall.jumpWall(9_999);
    expect((await own.verify(token)).ok).toBe(true);
    wall.jumpWall(1);
    expect(await own.verify(token)).toMatchObject({ ok: false, fault: "expired" });
  });

  it.each([
    ["no exp", { room: "r", role: "host" }],
    ["exp as text", { ...GOOD, exp: "tomorrow" }],
    ["exp beyond all time", `{"room":"r","role":"host","exp":1e999}`],
    ["not valid yet", { ...GOOD, nbf: inAnHour }],
    ["no room", { role: "host", exp: inAnHour }],
    ["an empty room", { ...GOOD, room: "" }],
    ["a room of 129 characters", { ...GOOD, room: "r".repeat(129) }],
    ["a room that is no text", { ...GOOD, room: ["r"] }],
    ["no role", { room: "r", exp: inAnHour }],
    ["an unknown role", { ...GOOD, role: "admin" }],
    ["a role that is no text", { ...GOOD, role: ["host"] }],
    ["a sub that is no text", { ...GOOD, sub: 7 }],
    ["a sub of null", { ...GOOD, sub: null }],
    ["an empty sub", { ...GOOD, sub: "" }],
    ["a sub of 257 characters", { ...GOOD, sub: "s".repeat(257) }],
    ["a sub that is no Unicode", `{"room":"r","role":"host","exp":${inAnHour},"sub":"\\ud800"}`],
    ["a name that is no text", { ...GOOD, name: { toString: "x" } }],
    ["claims that are no object", "[]"],
    ["claims that are no JSON", "{"],
  ])("calls malformed: %s", async (_, claims) => {
    expect(await faultOf(forge(claims))).toBe("malformed");
  });

  it.each(["x", "..", "a.b.c", "a.b.c.d.e", "\0", "ä.ö.ü", `${forge(GOOD)}.x`, `Bearer ${forge(GOOD)}`])(
    "calls malformed what is no JWT: %j",
    async (text) => {
      expect(await faultOf(text)).toBe("malformed");
    },
  );

  it("does not look at a token above 8192 characters, signed or not", async () => {
    const huge = await tokens.verify(forge({ ...GOOD, padding: "x".repeat(10_000) }));
    expect(huge).toMatchObject({ ok: false, fault: "malformed" });
    expect(!huge.ok && huge.message).toContain("8192 characters");
  });

  it("never repeats any of the token in its message", async () => {
    const marked = [
      forge({ ...GOOD, room: "", sub: "MARK" }),
      forge({ ...GOOD, role: "MARK" }),
      forge({ ...GOOD, sub: ["MARK"] }),
      forge({ ...GOOD, exp: "MARK" }),
      forge(GOOD, { header: { alg: "MARK" } }),
      "MARK.MARK.MARK",
    ];
    for (const token of marked) {
      const verified = await tokens.verify(token);
      expect(verified.ok).toBe(false);
      expect(JSON.stringify(verified)).not.toContain("MARK");
      expect(JSON.stringify(verified)).not.toContain(token);
    }
  });
});
