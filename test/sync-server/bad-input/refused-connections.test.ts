/** Connections that are refused: each gets its close code and a reason, and nobody else is affected. */
import { describe, expect, it } from "vitest";
import { createTokens } from "../../../sync-server/auth/tokens.ts";
import { exchanged, rawStockClient } from "../frames.ts";
import { host, participant, rawClient, startRelay, until } from "../harness.ts";
import type { Setting } from "../harness.ts";
import { liveRoom, closed } from "./live-room.ts";

describe("refused connections", () => {
  const forged = async (setting: Setting, secret: string) =>
    createTokens(secret, setting.clock).sign({ ...participant, room: "room", expiresAt: setting.clock.now() + 60_000 });
  const withAlgorithmNone = (token: string) => {
    const [, payload] = token.split(".");
    return `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
  };

  it.each<[string, (setting: Setting) => Promise<string> | string, number, RegExp]>([
    ["no token", () => "", 4401, /no token/],
    [
      "an expired token",
      (setting) => setting.token({ ...participant, expiresAt: setting.clock.now() - 1_000 }),
      4401,
      /expired/,
    ],
    [
      "a token signed with another secret",
      (setting) => forged(setting, "another secret of the tests, as long"),
      4401,
      /not signed/,
    ],
    ["a token without a signature", async (setting) => withAlgorithmNone(await setting.token(host)), 4401, /./],
    ["a text that is not a token", () => "eyJub3QgYSB0b2tlbg", 4401, /not a valid/],
    ["a token for another room", (setting) => setting.token({ ...participant, room: "other" }), 4403, /another room/],
  ])("[W4] %s: the code and the reason", async (_what, tokenOf, code, reason) => {
    const { setting, expectUnaffected } = await liveRoom();
    const token = await tokenOf(setting);
    const clients = [await rawStockClient(setting, token)];
    if (token !== "") clients.push(await rawClient(setting, token));
    for (const client of clients) {
      expect(await closed(client)).toEqual([code, expect.stringMatching(reason)]);
      expect(client.frames).toEqual([]);
      if (token !== "") expect(client.closeReason).not.toContain(token);
    }
    if (token !== "") expect(setting.log.join("")).not.toContain(token);
    await expectUnaffected();
  });

  it.each([
    "/",
    "/%",
    "/%ff",
    "/%00",
    "/..",
    "/%2e",
    `/${"x".repeat(129)}`,
    `/${encodeURIComponent("\u{1f600}".repeat(129))}`,
    "/%ed%a0%80",
  ])("[W4] the address %s contains no valid room name: 4400", async (path) => {
    const { setting, expectUnaffected } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant), { path });
    expect(await closed(client)).toEqual([4400, expect.stringContaining("1 to 128 characters")]);
    await expectUnaffected();
  });

  it("[W4] a page with a forbidden origin: 4403 and the setting's name; an allowed origin, or none, is accepted", async () => {
    const { setting, expectUnaffected } = await liveRoom({ allowedOrigins: ["https://school.example"] });
    const token = await setting.token({ ...participant, sub: "observer" });
    for (const origin of ["https://evil.example", "null", "https://school.example.evil.example"]) {
      const client = await rawClient(setting, token, { headers: { origin } });
      expect(await closed(client)).toEqual([4403, expect.stringContaining("allowed-origins")]);
    }
    const allowed = await rawClient(setting, token, { headers: { origin: "https://school.example" } });
    await until("the welcome has arrived", () => allowed.welcome);
    await expectUnaffected();
  });

  it("[W4] a room's limit applies to simultaneous connections too: 1013 and the limit's name", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { connectionsPerRoom: 5 } });
    const token = await setting.token(participant);
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(setting, token)));
    await until("all were answered", () =>
      clients.every(({ welcome, closeCode }) => welcome !== null || closeCode !== null),
    );
    const refused = clients.filter(({ closeCode }) => closeCode !== null);
    expect(refused).toHaveLength(16);
    expect(await closed(refused[0]!)).toEqual([1013, expect.stringContaining("limit-connections-per-room")]);
    for (const { socket } of clients) socket.terminate();
    await until("there is capacity again", async () => {
      const probe = await rawClient(setting, token);
      await until("it was answered", () => probe.welcome !== null || probe.closeCode !== null);
      probe.socket.terminate();
      return probe.welcome !== null;
    });
    await expectUnaffected();
  });

  it("[W4] an address's limits: 1013 and the limit's name; closed connections no longer count", async () => {
    const setting = await startRelay({
      limits: { connectionsPerAddress: 3, connectionsPerLoopbackAddress: 3, newConnectionsPerSecondPerAddress: 5 },
    });
    const token = await setting.token(participant);
    const three = [await rawClient(setting, token), await rawClient(setting, token), await rawClient(setting, token)];
    const fourth = await rawClient(setting, token);
    expect(await closed(fourth)).toEqual([1013, expect.stringContaining("connections-per")]);
    await exchanged(...three);
    for (const { socket } of three) socket.close();
    await until("they are closed", () => three.every(({ closeCode }) => closeCode !== null));
    const more = [await rawClient(setting, token), await rawClient(setting, token)];
    await until("there is capacity again", () => more.every(({ welcome }) => welcome !== null));
    const tooFast = await rawClient(setting, token);
    expect(await closed(tooFast)).toEqual([1013, expect.stringContaining("new-connections-per-second")]);
    setting.clock.advance(1_000);
    const later = await rawClient(setting, token);
    await until("it is accepted a second later", () => later.welcome);
  });
});
