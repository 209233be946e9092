/** The room client with a real relay: what is unsaved, what was refused, and the session beside a broken document. */
import { describe, expect, it, vi } from "vitest";
import * as Y from "yjs";
import type { Refusal } from "../../../src/index.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { GatedStore } from "../store/gated-store.ts";
import { startRelay, until } from "../harness.ts";
import { join, person, textOf, untilScreen } from "./room-page.ts";

describe("what is unsaved", () => {
  it("[U10] nothing after joining; what is typed, until it is committed", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    await until("the joins are settled", () => !host.room.state.unsaved);
    store.hold();
    host.room.doc.getText("text").insert(0, "typed");
    expect(host.room.state.unsaved).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(host.room.state.unsaved).toBe(true);
    store.release();
    await until("it is saved", () => !host.room.state.unsaved);
  });

  it("[U10] what was typed offline, until the relay is back and has it", async () => {
    const store = new MemoryStore();
    const setting = await startRelay({ store });
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    const port = Number(new URL(setting.relay.url).port);
    await setting.relay.close();
    await until("it is shown", () => host.room.state.connection === "reconnecting");
    expect(host.room.state.unsaved).toBe(false);
    host.room.doc.getText("text").insert(0, "typed offline");
    expect(host.room.state.unsaved).toBe(true);
    await startRelay({ store, clock: setting.clock, config: { port } });
    await until("it is saved", () => !host.room.state.unsaved);
    const other = await person(setting, "participant", "Gus");
    await until("and there for others", () => textOf(other) === "typed offline");
  });

  it("[U10] a copy that the page brings into a room that waits, until the session starts", async () => {
    const setting = await startRelay();
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "stored");
    const guest = join(setting, await setting.token({ role: "participant" }), { doc });
    await untilScreen(guest, "waiting");
    expect(guest.room.state.unsaved).toBe(true);
    const host = await person(setting, "host", "Hera");
    await until("it is saved", () => !guest.room.state.unsaved);
    await until("and there for others", () => textOf(host) === "stored");
  });

  it("[U10] whoever leaves at once leaves nothing behind", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    guest.room.doc.getText("text").insert(0, "last words");
    await guest.room.leave();
    expect(guest.room.state).toMatchObject({ screen: { name: "left" }, unsaved: false });
    await until("others have it", () => textOf(host) === "last words");
  });
});

describe("refusals", () => {
  it("[W16] [U11] the page of a full document stays in the session and gets what was refused", async () => {
    const setting = await startRelay({ limits: { documentBytes: 1_000 } });
    const host = await person(setting, "host", "Hera");
    await host.room.ready;
    const refusals: Refusal[] = [];
    host.room.onRefused((refusal) => refusals.push(refusal));
    host.room.doc.getText("text").insert(0, "x".repeat(2_000));
    await until("it is refused", () => refusals.length === 1);
    const kept = new Y.Doc();
    Y.applyUpdate(kept, refusals[0]!.update!);
    expect([refusals[0]!.code, kept.getText("text").length]).toEqual(["document-full", 2_000]);
    expect(host.room.state).toMatchObject({ screen: { name: "joined" }, connection: "online", unsaved: false });
    expect(host.room.state.notices).toEqual([{ code: "refused", refusal: "document-full", count: 1 }]);
  });
});

describe("a document that a participant breaks", () => {
  it("[U12] the page still sees that the session has ended, and is told", async () => {
    const setting = await startRelay();
    const host = await person(setting, "host", "Hera");
    const guest = await person(setting, "participant", "Gus");
    await Promise.all([host.room.ready, guest.room.ready]);
    vi.spyOn(console, "error").mockReturnValue();
    // Below the surface of the guest's own page: whatever the relay lets pass, Yjs may fail on something.
    const { doc } = guest.room;
    doc.transact(() => {
      let map = doc.getMap("map");
      for (let depth = 0; depth < 20_000; depth++) {
        const inner = new Y.Map<unknown>();
        map.set("key", inner);
        map = inner;
      }
    });
    expect(() => doc.getMap("map").delete("key")).toThrow(RangeError);
    await host.room.end();
    await untilScreen(guest, "ended");
    await untilScreen(host, "ended");
    expect(guest.room.state.notices).toContainEqual({ code: "document-broken" });
  });
});
