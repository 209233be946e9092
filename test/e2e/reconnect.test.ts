/** Line 9 of the main job: a page whose connection is lost keeps what was typed, and recovers by itself. */
import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const world = createWorld();

describe("offline", () => {
  it("[U8] [P7] the page shows that it reconnects, keeps what is typed, and converges with the others", async () => {
    const { host, guest, guestNetwork } = await world.openClassroom();
    guestNetwork.disconnect();
    await guest.reconnecting();
    await host.seesPeople(1);
    expect(await guest.editor.isVisible()).toBe(true);
    await guest.type("Typed offline. ");
    await guest.sees("Typed offline.");
    await host.type("Typed online. ");
    guestNetwork.reconnect();
    await guest.connected();
    await guest.sees("Typed online.");
    await host.sees("Typed offline.");
    await host.seesPeople(2, 2_000);
    expect(await host.text()).toBe(await guest.text());
    expect([...host.pageErrors, ...guest.pageErrors]).toEqual([]);
  });

  it("[U8] a page that reconnects after the end shows the ended screen with its reason, not an error", async () => {
    const { host, guest } = await world.openClassroom();
    await guest.context.setOffline(true);
    await guest.reconnecting();
    await guest.type("Never sent.");
    await host.end();
    await guest.context.setOffline(false);
    await guest.ended("ended the session.");
    expect(host.hasReceived("Never sent.")).toBe(false);
    // It stays in its author's document until the next run.
    await host.startButton.click();
    await host.joined();
    await guest.rejoinLink.click();
    await guest.joined();
    await host.sees("Never sent.");
  });

  it("[U8] a page that was offline during an end and a new start rejoins by itself", async () => {
    const { host, guest } = await world.openClassroom();
    await guest.context.setOffline(true);
    await guest.reconnecting();
    await host.end();
    await host.startButton.click();
    await host.joined();
    await guest.context.setOffline(false);
    await guest.connected();
    await guest.joined();
    await host.seesPeople(2);
  });
});
