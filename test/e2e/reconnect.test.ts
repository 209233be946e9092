/** Line 9 of the main job: a lost connection keeps what one typed, and recovers by itself. */
import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const world = createWorld();

describe("offline", () => {
  it("[U8] [P7] shows as reconnecting, keeps what one types, and both sides meet again", async () => {
    const { host, guest, guestCable } = await world.inClass();
    guestCable.pull();
    await guest.reconnecting();
    await host.seesPeople(1);
    expect(await guest.editor.isVisible()).toBe(true);
    await guest.type("Typed offline. ");
    await guest.sees("Typed offline.");
    await host.type("Typed online. ");
    guestCable.plugIn();
    await guest.connected();
    await guest.sees("Typed online.");
    await host.sees("Typed offline.");
    await host.seesPeople(2, 2_000);
    expect(await host.text()).toBe(await guest.text());
    expect([...host.pageErrors, ...guest.pageErrors]).toEqual([]);
  });

  it("[U8] who comes back after the end gets the ended screen with its reason, not an error", async () => {
    const { host, guest } = await world.inClass();
    await guest.context.setOffline(true);
    await guest.reconnecting();
    await guest.type("Never sent.");
    await host.end();
    await guest.context.setOffline(false);
    await guest.ended("ended the session.");
    expect(host.hasReceived("Never sent.")).toBe(false);
    // It waits in its writer's document for the next run.
    await host.startButton.click();
    await host.joined();
    await guest.rejoinLink.click();
    await guest.joined();
    await host.sees("Never sent.");
  });

  it("[U8] who was away over an end and a new start simply comes back in", async () => {
    const { host, guest } = await world.inClass();
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
