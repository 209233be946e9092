/** Lines 5 and 7 of the main job: hosts end the session and start it again. */
import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const world = createWorld();

describe("ending", () => {
  it("[U4] only hosts have End Session, directly next to the menu", async () => {
    const { host, guest } = await world.openClassroom();
    expect(await guest.endButton.count()).toBe(0);
    const end = (await host.endButton.boundingBox())!;
    const menu = (await host.menuButton.boundingBox())!;
    expect(menu.x - (end.x + end.width)).toBeGreaterThanOrEqual(0);
    expect(menu.x - (end.x + end.width)).toBeLessThan(16);
    expect(Math.abs(menu.y - end.y)).toBeLessThan(4);
    const barEnd = host.page.viewportSize()!.width;
    expect(barEnd - (menu.x + menu.width)).toBeLessThan(40);
  });

  it("[U4] Cancel and Escape change nothing", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.endButton.click();
    await host.button("Cancel").click();
    await host.dialog.waitFor({ state: "hidden" });
    await host.endButton.click();
    await host.dialog.waitFor();
    await host.page.keyboard.press("Escape");
    await host.dialog.waitFor({ state: "hidden" });
    await host.type("Continuing.");
    await guest.sees("Continuing.");
    expect((await world.relay.describe(room)).status).toBe("live");
  });

  it("[U5] Yes, End Session shows everyone the ended screen, without content or presence", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("The last word.");
    await guest.sees("The last word.");
    await host.end();
    await guest.ended("ended the session.");
    for (const person of [host, guest]) {
      expect(await person.editor.isVisible()).toBe(false);
      expect(await person.endButton.count()).toBe(0);
      expect(await person.menuButton.count()).toBe(0);
      const others = await person.page.evaluate(() => {
        const { awareness } = document.querySelector("session-room")!;
        return [...awareness!.getStates().keys()].filter((id) => id !== awareness!.clientID);
      });
      expect(others).toEqual([]);
    }
    expect(await guest.startButton.count()).toBe(0);
    expect(await guest.rejoinLink.count()).toBe(0);
    expect(await world.relay.describe(room)).toMatchObject({
      status: "ended",
      run: 1,
      ended: { reason: "host-ended", by: { name: "Ann" } },
      hosts: 0,
      participants: 0,
      endsAt: null,
    });
  });

  it("[W5] edits after the end reach nobody, and a client that connects then receives no content", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("Said in the session.");
    await guest.sees("Said in the session.");
    await host.end();
    await guest.ended();
    await guest.page.evaluate(() => {
      document.querySelector("session-room")!.doc!.getText("notes").insert(0, "Said too late. ");
    });
    const late = await world.person("Cleo");
    await late.open(room.inviteUrl);
    await late.ended();
    expect(late.hasReceived("Said")).toBe(false);
    expect(host.hasReceived("Said too late.")).toBe(false);
  });

  it("[L9] a second End is not an error", async () => {
    const { room, host } = await world.openClassroom();
    await host.end();
    const path = `/v1/rooms/${room.room}/end`;
    const first = await world.relay.call(path, { method: "POST", token: room.hostToken });
    const second = await world.relay.call(path, { method: "POST", token: room.hostToken, body: { run: 1 } });
    expect(first.status).toBe(200);
    expect(second).toEqual(first);
    expect(first.body).toMatchObject({ ended: { reason: "host-ended", by: { name: "Ann" } } });
  });
});

describe("starting again", () => {
  it("[L7] [U6] a host starts the next run; the others are offered to rejoin, with the same document", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("From the first run. ");
    await guest.sees("From the first run.");
    await host.end();
    await guest.ended();
    await host.startButton.click();
    await host.joined();
    await host.sees("From the first run.");
    await guest.rejoinLink.waitFor();
    expect(await guest.heading("The session has ended").isVisible()).toBe(true);
    await host.seesPeople(1);
    await guest.rejoinLink.click();
    await guest.joined();
    await host.seesPeople(2);
    await guest.type("From the second.");
    await host.sees("From the first run. From the second.");
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 2, ended: null });
  });

  it("[L8] a host who opens an ended room does not restart it", async () => {
    const { room, host } = await world.openClassroom();
    await host.end();
    const other = await world.person("Dora");
    await other.open(room.hostUrl);
    await other.ended();
    await other.startButton.waitFor();
    expect(await world.relay.describe(room)).toMatchObject({ status: "ended", run: 1 });
  });

  it("[U2] the invite link, opened again after the restart, leads into the new run", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.end();
    await guest.ended();
    await host.startButton.click();
    await host.joined();
    await guest.open(room.inviteUrl);
    await guest.page.reload();
    await guest.joined();
    await host.seesPeople(2);
  });

  it("[L9] two hosts who start at once join the same run", async () => {
    const { room, host } = await world.openClassroom();
    const second = await world.person("Dora");
    await second.open(room.hostUrl);
    await second.joined();
    await host.end();
    await second.ended();
    // Not by clicks: Playwright waits for the button, which may have disappeared by then.
    const start = () => document.querySelector("session-room")!.start();
    await Promise.all([host.page.evaluate(start), second.page.evaluate(start)]);
    await host.joined();
    await second.joined();
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 2, hosts: 2 });
  });
});
