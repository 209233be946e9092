/** Line 8 of the main job: before the first start people wait, and no content is sent. */
import { describe, expect, it } from "vitest";
import { createWorld } from "./world.ts";

const world = createWorld();

const writeUnseen = "document.querySelector('session-room').doc.getText('notes').insert(0, 'Written too early.')";

describe("before the first start", () => {
  it("[U7] participants see the waiting screen, and join by themselves when the first host does", async () => {
    const room = await world.relay.makeRoom();
    const [guest, host] = await Promise.all([world.person("Ben"), world.person("Ann")]);
    await guest.open(room.inviteUrl);
    await guest.waiting();
    expect(await guest.editor.isVisible()).toBe(false);
    expect(await guest.startButton.count()).toBe(0);
    expect(await world.relay.describe(room)).toMatchObject({ status: "waiting", run: 0, hosts: 0, participants: 0 });
    await host.open(room.hostUrl);
    await host.joined();
    await guest.joined();
    await host.seesPeople(2);
    expect(await world.relay.describe(room)).toMatchObject({ status: "live", run: 1 });
  });

  it("[W5] [U4] with manual start a host waits too; what is written meanwhile is not sent before the start", async () => {
    const room = await world.relay.makeRoom({ start: "manual" });
    const [host, guest] = await Promise.all([world.person("Ann"), world.person("Ben")]);
    await Promise.all([host.open(room.hostUrl), guest.open(room.inviteUrl)]);
    await Promise.all([host.waiting(), guest.waiting(), host.startButton.waitFor()]);
    await host.page.evaluate(writeUnseen);
    await guest.page.evaluate(() =>
      document.querySelector("session-room")!.doc!.getText("notes").insert(0, "And this. "),
    );
    // A client that connects later receives whatever the relay has accepted.
    const late = await world.person("Cleo");
    await late.open(room.inviteUrl);
    await late.waiting();
    expect(await world.relay.describe(room)).toMatchObject({ status: "waiting", run: 0 });
    for (const person of [guest, late]) expect(person.hasReceived("Written too early.")).toBe(false);
    for (const person of [host, late]) expect(person.hasReceived("And this.")).toBe(false);

    await host.startButton.click();
    // After the start everybody's earlier edits are synced.
    for (const person of [host, guest, late]) {
      await person.joined();
      await person.sees("Written too early.");
      await person.sees("And this.");
    }
    await host.seesPeople(3);
  });
});
