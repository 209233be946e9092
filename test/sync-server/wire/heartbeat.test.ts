/** Keepalive messages, and connections that no longer answer. */
import { describe, expect, it } from "vitest";
import { KEEPALIVE } from "../../../src/protocol/protocol.ts";
import { exchanged, passTime, rawStockClient } from "../frames.ts";
import { host, participant, rawClient, roomState, startRelay } from "../harness.ts";
import { joined } from "./clients.ts";

describe("the heartbeat", () => {
  it("[W10] every connection, joined or not, gets a data message at least every 20 s", async () => {
    const setting = await startRelay();
    const live = await joined(setting, host);
    const outside = await rawClient(setting, await setting.token(participant));
    const stock = await rawStockClient(setting, await setting.token({ role: "participant" }));
    const clients = [live, outside, stock];
    await exchanged(...clients);
    for (let round = 0; round < 3; round++) {
      const before = clients.map(({ frames }) => frames.length);
      await passTime(setting, 20_000, ...clients);
      clients.forEach(({ frames }, i) => expect(frames.length).toBeGreaterThan(before[i]!));
    }
    expect(outside.frames.at(-1)).toEqual(KEEPALIVE);
    expect(clients.map(({ closeCode }) => closeCode)).toEqual([null, null, null]);
  });

  it("[W11] a client that does not answer is disconnected within 40 s; those that answer stay", async () => {
    const setting = await startRelay();
    const alive = await joined(setting, host);
    const dead = await joined(setting, participant);
    dead.socket.pause();
    await passTime(setting, 20_000, alive);
    expect(await roomState(setting)).toMatchObject({ participants: 1 });
    await passTime(setting, 20_000, alive);
    expect(await roomState(setting)).toMatchObject({ hosts: 1, participants: 0 });
    expect(alive.closeCode).toBeNull();
  });

  it("[W11] [L3] a host that does not answer is disconnected too: the deadline starts", async () => {
    const setting = await startRelay();
    const dead = await joined(setting, host);
    const alive = await joined(setting, participant);
    dead.socket.pause();
    await passTime(setting, 40_000, alive);
    const { hosts, endsAt } = await roomState(setting);
    expect(hosts).toBe(0);
    expect(endsAt).toEqual(expect.any(Number));
  });

  it("[W11] after a suspension of the relay's own process nobody is disconnected for missing pongs", async () => {
    const setting = await startRelay();
    const client = await joined(setting, host);
    const sleep = (ms: number) => {
      // After a suspension one timer fires late.
      const { clock } = setting;
      const now = clock.now;
      clock.now = () => now() + ms;
      clock.advance(5_000);
    };
    sleep(3_600_000);
    await exchanged(client);
    setting.clock.advance(5_000);
    await exchanged(client);
    expect(client.closeCode).toBeNull();
  });
});
