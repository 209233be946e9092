/** Lines 1 to 4 of the main job: how participants leave and return. */
import { describe, expect, it } from "vitest";
import type { ClassroomPage } from "./classroom-page.ts";
import { until } from "./until.ts";
import { createWorld } from "./world.ts";

const world = createWorld();

/** Makes somebody disappear; resolves with the ms until the witness saw it. */
const msUntilGone = async (witness: ClassroomPage, disappear: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now();
  const gone = disappear();
  await witness.seesPeople(1);
  const tookMs = performance.now() - startedAt;
  await gone;
  return tookMs;
};

describe("working together", () => {
  it("[U1] two people edit one document through their links and see each other's names", async () => {
    const { host, guest } = await world.openClassroom();
    await host.type("From Ann. ");
    await guest.sees("From Ann.");
    await guest.type("From Ben.");
    await host.sees("From Ann. From Ben.");
    await until("Ann's list shows both", async () => (await host.people()).some((line) => line.includes("Ben")));
    const list = await host.people();
    expect(list).toHaveLength(2);
    expect(list[0]).toMatch(/Ann.*You.*Host/);
    expect(list[1]).not.toMatch(/Host|You/);
    expect([...host.pageErrors, ...guest.pageErrors]).toEqual([]);
  });
});

describe("leaving without asking", () => {
  it("[P7] closing the tab removes a participant from the list within 1 s, and the session continues", async () => {
    const { room, host, guest } = await world.openClassroom();
    expect(await msUntilGone(host, () => guest.page.close())).toBeLessThan(1_000);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", participants: 0, hosts: 1 });
    await host.type("Still here.");
    await host.sees("Still here.");
  });

  it("[U9] navigating away does so too, and the browser's Back button rejoins", async () => {
    const { room, host, guest } = await world.openClassroom();
    await host.type("Kept.");
    await guest.sees("Kept.");
    expect(await msUntilGone(host, () => guest.page.goto("about:blank"))).toBeLessThan(1_000);
    expect((await world.relay.describe(room)).status).toBe("live");
    await guest.page.goBack();
    await guest.joined();
    await guest.sees("Kept.");
    await host.seesPeople(2);
  });

  it("[P7] a crash of the page does so too, within 1 s after its connection closes", async () => {
    const { host, guest, guestNetwork } = await world.openClassroom();
    await guest.crash();
    await host.seesPeople(1);
    const seenAt = performance.now();
    expect(guestNetwork.clientClosedAt).not.toBeNull();
    expect(seenAt - guestNetwork.clientClosedAt!).toBeLessThan(1_000);
  });
});

describe("leaving by the menu", () => {
  it("[U1] Cancel and Escape change nothing", async () => {
    const { host, guest } = await world.openClassroom();
    await guest.openLeaveDialog();
    await guest.button("Cancel").click();
    await guest.dialog.waitFor({ state: "hidden" });
    await guest.openLeaveDialog();
    await guest.page.keyboard.press("Escape");
    await guest.dialog.waitFor({ state: "hidden" });
    await guest.joined();
    await host.seesPeople(2);
    await guest.type("Still writing.");
    await host.sees("Still writing.");
  });

  it("[U1] [U2] Yes replaces the content with the left screen; Rejoin leads back to the same document", async () => {
    const { host, guest } = await world.openClassroom();
    await guest.type("Before. ");
    await host.sees("Before.");
    expect(await msUntilGone(host, () => guest.leave())).toBeLessThan(5_000);
    expect(await guest.editor.isVisible()).toBe(false);
    expect(await guest.menuButton.isVisible()).toBe(false);
    await host.type("Meanwhile. ");
    await guest.rejoinLink.click();
    await guest.joined();
    await guest.sees("Before. Meanwhile.");
    await host.seesPeople(2);
    await guest.type("After.");
    await host.sees("Before. Meanwhile. After.");
  });

  it("[U1] what the others write is not sent to somebody on the left screen", async () => {
    const { host, guest } = await world.openClassroom();
    await guest.leave();
    await host.type("Sent to those who have joined.");
    await host.sees("Sent to those who have joined.");
    const witness = await world.person("Cleo");
    await witness.open(guest.page.url());
    await witness.joined();
    await witness.sees("Sent to those who have joined.");
    expect(guest.hasReceived("Sent to those who have joined.")).toBe(false);
  });

  it("[U2] opening the invite link again, in the same tab or in a new one, is a rejoin", async () => {
    const { room, host, guest } = await world.openClassroom();
    await guest.type("Nothing is lost.");
    await host.sees("Nothing is lost.");
    await guest.leave();
    await guest.open(room.inviteUrl);
    await guest.joined();
    await guest.sees("Nothing is lost.");
    await guest.leave();
    const again = await world.tab(guest.context);
    await again.open(room.inviteUrl);
    await again.joined();
    await again.sees("Nothing is lost.");
    await host.seesPeople(2);
  });

  it("[P5] a reloaded page is the same person", async () => {
    const { host, guest } = await world.openClassroom();
    const idOf = () => guest.page.evaluate(() => document.querySelector("session-room")!.state.me?.id);
    const before = await idOf();
    await guest.page.reload();
    await guest.joined();
    expect(before).toBeTruthy();
    expect(await idOf()).toBe(before);
    await host.seesPeople(2);
  });
});

describe("the absence timer", () => {
  it("[U3] is shown to no participant, neither on the screen nor in the document", async () => {
    const { room, host, guest } = await world.openClassroom();
    const screenOf = () => guest.page.locator("body").innerText();
    const before = await screenOf();
    await host.page.close();
    await until("the absence has started", async () => (await world.relay.describe(room)).endsAt);
    await guest.seesPeople(1);
    const after = await screenOf();
    // The same words except for the number of people, which has changed from 2 to 1.
    expect(after.replaceAll(/\d+|\b[A-Z]{1,2}\b/g, "").split(/\s+/)).toEqual(
      before.replaceAll(/\d+|\b[A-Z]{1,2}\b/g, "").split(/\s+/),
    );
    const ledger = await guest.page.evaluate(() =>
      document.querySelector("session-room")!.doc!.getMap("session").toJSON(),
    );
    expect(Object.keys(ledger).toSorted()).toEqual(["ended", "run", "startedAt"]);
  });
});
