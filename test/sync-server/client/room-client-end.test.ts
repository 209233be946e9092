/** The room client with a real relay: the end of a session and the next start. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { ABSENCE_MS, startRelay, until } from "../harness.ts";
import { person, untilScreen, textOf } from "./room-page.ts";

describe("the end and a new start", () => {
  it("[L6] [L7] [U5] [U6] a host ends the session for all and starts it again; the others are offered to rejoin", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    const leaver = await person(setting, "participant", "Lea");
    await Promise.all([host.room.ready, guest.room.ready, leaver.room.ready]);
    host.room.doc.getText("text").insert(0, "kept");
    await until("the text arrived", () => textOf(guest) === "kept");
    await leaver.room.leave();
    await expect(guest.room.end()).rejects.toMatchObject({ code: "refused" });
    await host.room.end();
    await Promise.all([host, guest, leaver].map((who) => untilScreen(who, "ended")));
    expect(guest.room.state).toMatchObject({
      people: [],
      screen: { canStart: false, canRejoin: false, end: { reason: "host-ended", by: { id: "hera", name: "Hera" } } },
    });
    expect(host.room.state.screen).toMatchObject({ canStart: true });
    expect([...guest.room.awareness.getStates()]).toEqual([]);

    await host.room.start();
    await untilScreen(host, "joined");
    for (const who of [guest, leaver]) {
      await until("rejoining is offered", () => {
        const { screen } = who.room.state;
        return screen.name === "ended" && screen.canRejoin;
      });
    }
    host.room.doc.getText("text").insert(4, " and more");
    await guest.room.rejoin();
    await until("everything has arrived", () => textOf(guest) === "kept and more" && guest.names.length === 2);
    expect(guest.room.state.screen).toEqual({ name: "joined", run: 2 });
  });

  it("[L5] [U8] a page that was offline at the end shows the ended screen; if a new run has started meanwhile, it joins that", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const ends = await person(setting, "participant", "Ends");
    const sleeps = await person(setting, "participant", "Sleeps");
    await Promise.all([host.room.ready, ends.room.ready, sleeps.room.ready]);
    ends.room.suspend();
    sleeps.room.suspend();
    await host.room.leave();
    setting.clock.advance(ABSENCE_MS);
    await untilScreen(host, "ended");
    ends.room.resume();
    await untilScreen(ends, "ended");
    expect(ends.room.state.screen).toMatchObject({ end: { reason: "host-absent", by: null } });
    await host.room.start();
    sleeps.room.resume();
    await until("it has joined the new run", () => {
      const { screen, connection } = sleeps.room.state;
      return connection === "online" && screen.name === "joined" && screen.run === 2;
    });
    expect(sleeps.states.map(({ screen }) => screen.name)).not.toContain("ended");
  });

  it("[U2] a page opened after the end waits on the ended screen; one opened after the next start joins directly", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    await host.room.end();
    const early = await person(setting, "participant", "Early");
    await untilScreen(early, "ended");
    early.room.awareness.setLocalStateField("cursor", 1);
    await host.room.start();
    const late = await person(setting, "participant", "Late");
    await late.room.ready;
    await until("rejoining is offered", () => {
      const { screen } = early.room.state;
      return screen.name === "ended" && screen.canRejoin;
    });
    await early.room.rejoin();
    await until("the host sees both", () => host.names.length === 3);
  });

  it("a page that keeps its document from an earlier run does not show that run's end", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    await host.room.end();
    await untilScreen(guest, "ended");
    const doc = new Y.Doc();
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(guest.room.doc));
    guest.room.destroy();
    await host.room.start();
    const again = await person(setting, "participant", "Gus", { doc });
    expect(again.screen).toBe("connecting");
    await again.room.ready;
    expect(again.states.map(({ screen }) => screen.name)).not.toContain("ended");
  });
});
