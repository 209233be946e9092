/** Tokens that expire while their owner is here. */
import { describe, expect, it } from "vitest";
import { rawClient, startRelay, until } from "../harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;

describe("the renewal of tokens", () => {
  it("[W12] a token that expires closes its connection with 4401, unless a newer one has come", async () => {
    const setting = await startRelay();
    const expiresAt = Math.floor(setting.clock.wallNow() / 1000) * 1000 + 60_000;
    const lapsing = await rawClient(setting, await setting.token({ ...host, expiresAt }));
    const renewing = await rawClient(setting, await setting.token({ ...host, expiresAt }));
    await until("both are welcome", () => lapsing.welcome !== null && renewing.welcome !== null);
    expect(renewing.welcome).toMatchObject({ expiresInMs: expiresAt - setting.clock.wallNow() });
    const token = await setting.token({ ...host, expiresAt: expiresAt + 3_600_000 });
    expect(await renewing.command({ type: "renew", token })).toMatchObject({ ok: true });
    for (let passedMs = 0; passedMs < 65_000; passedMs += 5_000) {
      // Both send something in between: silence would close them too, for another reason.
      await Promise.all([lapsing, renewing].map((client) => client.closeCode ?? client.command({ type: "leave" })));
      setting.clock.advance(5_000);
    }
    await until("the one that lapsed is closed", () => lapsing.closeCode === 4401);
    expect(lapsing.closeReason).toBe("the token has expired");
    expect(renewing.closeCode).toBeNull();
  });

  it("[W12] a newer token must be the same person's, for the same room and role", async () => {
    const setting = await startRelay();
    const client = await rawClient(setting, await setting.token(host));
    const expiresAt = setting.clock.wallNow() + 3_600_000;
    for (const claims of [
      { ...host, sub: "h2" },
      { ...host, role: "participant" as const },
      { ...host, room: "other" },
      { role: "host" as const },
    ]) {
      const token = await setting.token({ ...claims, expiresAt });
      expect(await client.command({ type: "renew", token })).toMatchObject({ ok: false, code: "other-person" });
    }
    expect(await client.command({ type: "renew", token: "nonsense" })).toMatchObject({ ok: false, code: "bad-token" });
    expect(client.closeCode).toBeNull();
  });
});
