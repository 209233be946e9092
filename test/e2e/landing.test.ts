/** From the landing page to two people in one session. */
import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const world = createWorld();

describe("the landing page", () => {
  it("[H1] creates a session and shows two links to it", async () => {
    const host = await world.person();
    await host.open(world.relay.url);
    await host.page.getByRole("textbox", { name: "Your name" }).fill("Ann");
    await host.button("New session").click();
    const inviteUrl = await host.page.getByRole("textbox", { name: "Invite link" }).inputValue();
    const hostUrl = await host.page.getByRole("textbox", { name: "Host link" }).inputValue();
    for (const url of [inviteUrl, hostUrl]) {
      expect(url.startsWith(world.relay.url)).toBe(true);
      expect(new URL(url).search).not.toContain("token");
    }
    await host.page.getByRole("link", { name: "Open the classroom" }).click();
    await host.joined();
    const guest = await world.person("Ben");
    await guest.open(inviteUrl);
    await guest.joined();
    await host.seesPeople(2);
    expect((await guest.people())[0]).toMatch(/Ann.*Host/);
    expect(await guest.endButton.count()).toBe(0);
    await host.button("Copy invite link").waitFor();
    expect([...host.pageErrors, ...guest.pageErrors]).toEqual([]);
  });

  it("[U7] a guest without a name joins directly, and may choose a name later", async () => {
    const { room, host } = await world.openClassroom();
    const guest = await world.person();
    await guest.open(room.inviteUrl);
    await guest.joined();
    await host.seesPeople(3);
    expect((await host.people()).some((line) => line.includes("Guest"))).toBe(true);
    const name = guest.page.getByRole("textbox", { name: "Your name" });
    await name.fill("Cleo");
    await name.press("Enter");
    await expect.poll(async () => (await host.people()).join(), { timeout: 10_000 }).toContain("Cleo");
  });

  it("[H1] a name that is taken: the page shows an alert", async () => {
    await world.relay.makeRoom({ room: "algebra" });
    const host = await world.person();
    await host.open(world.relay.url);
    await host.page.getByRole("textbox", { name: /Session name/ }).fill("algebra");
    await host.button("New session").click();
    await host.page.getByRole("alert").filter({ hasText: "There is a session of this name" }).waitFor();
  });
});
