/** Nothing is sent before it is committed. */
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MessageType, writeCommand, writeSyncStep1 } from "../../../src/protocol/protocol.ts";
import { exchanged, typingFrame } from "../frames.ts";
import { GatedStore } from "../store/gated-store.ts";
import { host, participant, rawClient, roomState, startRelay, until } from "../harness.ts";
import type { RawClient } from "../harness.ts";
import { EMPTY_STATE_VECTOR, joined, textOf } from "./clients.ts";

describe("the relay's shutdown", () => {
  it("[W4] everybody gets 1012, and what was received last is still stored", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const clients: RawClient[] = [];
    for (let i = 0; i < 12; i++) {
      const room = `room ${i}`;
      const client = await rawClient(setting, await setting.token({ ...host, room }), { room });
      await client.command({ type: "join" });
      for (let edit = 0; edit < 40; edit++) client.send(typingFrame("x"));
      clients.push(client);
    }
    await exchanged(...clients);
    for (const { socket } of clients.slice(0, 6)) socket.terminate();
    // An error here would be uncaught, which vitest reports.
    await setting.relay.close();
    await until("the others have received it", () => clients.slice(6).every(({ closeCode }) => closeCode === 1012));
    for (let i = 0; i < 12; i++) expect((await store.readRoom(`room ${i}`))?.content).toHaveLength(1);
  });
});

describe("committed before sent", () => {
  it("[W8] nobody receives an update before it is committed; content needs no fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const writer = await joined(setting, host);
    const reader = await joined(setting, participant);
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the reader is synced", () => reader.syncSteps.includes(1));
    store.commits.length = 0;
    store.hold();
    writer.send(typingFrame("sent late"));
    await exchanged(writer, reader);
    const late = await rawClient(setting, await setting.token(participant));
    late.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await exchanged(late);
    expect([textOf(reader), textOf(late)]).toEqual(["", ""]);
    store.release();
    await until("both have it", () => textOf(reader) === "sent late" && textOf(late) === "sent late");
    expect(store.commits.map(({ durability }) => durability)).not.toContain("flushed");
  });

  it("[W8] nobody is sent a start or an end before it is committed with fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const client = await rawClient(setting, await setting.token(host));
    const guest = await rawClient(setting, await setting.token(participant));
    await until("both wait", () => client.session && guest.session);
    for (const [command, status] of [
      ["join", "live"],
      ["end", "ended"],
    ] as const) {
      store.commits.length = 0;
      store.hold();
      let answered = false;
      const answer = client.command(command === "join" ? { type: "join" } : { type: "end", run: 1 });
      void answer.then(() => {
        answered = true;
      });
      const state = roomState(setting);
      let described = false;
      void state.then(() => {
        described = true;
      });
      await exchanged(client, guest);
      expect([client.session?.status, guest.session?.status]).not.toContain(status);
      expect([answered, described]).toEqual([false, false]);
      store.release();
      expect(await answer).toMatchObject({ ok: true });
      await until("everybody has received it", () => guest.session?.status === status);
      const write = store.commits.find(({ writes }) => writes.some(({ type }) => type === "put-room"));
      expect(write?.durability).toBe("flushed");
    }
  });

  it("[S6] a client that connects during the commit of a change can always read the whole session", async () => {
    // Found by the simulation, seed 493: the change was sent first, and was pending until the ledger before it arrived.
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const one = await joined(setting, host);
    store.hold();
    const before = store.commits.length;
    const ending = one.command({ type: "end", run: 1 });
    await until("the end is being committed", () => store.commits.length > before);
    const late = await rawClient(setting, await setting.token(participant));
    await until("the late client is connected", () => late.socket.readyState === late.socket.OPEN);
    late.send(writeCommand({ type: "leave", id: 99 }));
    await exchanged(late);
    store.release();
    await ending;
    await until("the late client has received the end", () => late.session?.status === "ended");
    const doc = new Y.Doc();
    for (const frame of late.frames) {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== MessageType.sync || decoding.readVarUint(decoder) === 0) continue;
      Y.applyUpdate(doc, decoding.readVarUint8Array(decoder));
      expect(doc.store.pendingStructs).toBeNull();
    }
  });

  it("[W8] a deadline is stored with fsync", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const client = await joined(setting, host);
    store.commits.length = 0;
    await client.command({ type: "leave" });
    const write = store.commits.find(({ writes }) =>
      writes.some(
        (write) => write.type === "put-room" && write.record.state.status === "live" && write.record.state.absence,
      ),
    );
    expect(write?.durability).toBe("flushed");
  });

  it("[W8] when a commit fails nothing is sent, everybody is disconnected, and the relay reports a fatal error", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const writer = await joined(setting, host);
    const reader = await joined(setting, participant);
    const other = await rawClient(setting, await setting.token({ ...participant, room: "other" }), {
      room: "other",
    });
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the reader is synced", () => reader.syncSteps.includes(1));
    store.fail("no space left on the device");
    writer.send(typingFrame("never sent"));
    await until("all were disconnected", () => [writer, reader, other].every(({ closeCode }) => closeCode === 1013));
    expect(textOf(reader)).toBe("");
    expect(setting.fatal?.message).toBe("no space left on the device");
    expect((await setting.api("GET", "/readyz")).status).toBe(503);
    const late = await rawClient(setting, await setting.token(participant));
    await until("new clients are refused too", () => late.closeCode === 1013);
  });
});
