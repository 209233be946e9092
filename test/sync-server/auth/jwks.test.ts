/** Tokens whose keys come from a JWKS address, served by a real HTTP server. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, SignJWT } from "jose";
import { describe, expect, it, onTestFinished } from "vitest";
import { manualClock } from "../../manual-clock.ts";
import { createTokens } from "../../../sync-server/auth/tokens.ts";

const SECRET = "the relay's own secret, for its own tokens";

const setUp = async () => {
  const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" };
  const server = createServer((_req, res) => res.end(JSON.stringify({ keys: [jwk] })));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const stop = () => new Promise((resolve) => server.close(resolve));
  onTestFinished(() => void stop());
  const clock = manualClock(Date.now());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`;
  const tokens = createTokens(SECRET, clock, url);
  const jwt = () =>
    new SignJWT({ room: "room", role: "host", sub: "h1" }).setExpirationTime(Math.floor(clock.wallNow() / 1000) + 60);
  return { publicKey, privateKey, tokens, clock, jwt, stop };
};

describe("tokens with a JWKS address", () => {
  it("accepts what its keys have signed, and the relay's own tokens beside it", async () => {
    const { privateKey, tokens, clock, jwt } = await setUp();
    const token = await jwt().setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(privateKey);
    expect(await tokens.verify(token)).toMatchObject({ ok: true, claims: { sub: "h1", role: "host" } });
    const own = await tokens.sign({ room: "room", role: "participant", expiresAt: clock.wallNow() + 60_000 });
    expect(await tokens.verify(own)).toMatchObject({ ok: true });
  });

  it("never takes a public key for a secret", async () => {
    const { publicKey, tokens, jwt } = await setUp();
    const secret = new TextEncoder().encode(await exportSPKI(publicKey));
    const token = await jwt().setProtectedHeader({ alg: "HS256", kid: "k1" }).sign(secret);
    expect(await tokens.verify(token)).toMatchObject({ ok: false, fault: "untrusted" });
  });

  it("refuses other keys, and keys that the address does not name", async () => {
    const { tokens, jwt } = await setUp();
    const { privateKey } = await generateKeyPair("ES256");
    for (const kid of ["k1", "k2"]) {
      const token = await jwt().setProtectedHeader({ alg: "ES256", kid }).sign(privateKey);
      expect(await tokens.verify(token)).toMatchObject({ ok: false, fault: "untrusted" });
    }
  });

  it("says that the keys cannot be fetched, rather than that the token is bad", async () => {
    const { privateKey, tokens, jwt, stop } = await setUp();
    await stop();
    const token = await jwt().setProtectedHeader({ alg: "ES256", kid: "k1" }).sign(privateKey);
    expect(await tokens.verify(token)).toMatchObject({ ok: false, fault: "unavailable" });
  });
});
