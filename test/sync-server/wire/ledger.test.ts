/** The session in the document: keys, client ids, restarts, and lost or older stores. */
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { manualClock } from "../../manual-clock.ts";
import { MessageType, writeSyncStep1 } from "../../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { exchanged } from "../frames.ts";
import { GatedStore } from "../store/gated-store.ts";
import { host, participant, rawClient, roomState, startRelay, stockClient, until } from "../harness.ts";
import type { RawClient } from "../harness.ts";
import { EMPTY_STATE_VECTOR, liveHost, textOf, textInRoom, joinThenEnd } from "./clients.ts";

/** The items of a sequence, in order. */
function itemsOf(type: { readonly _start: Y.Item | null }): Y.Item[] {
  const items: Y.Item[] = [];
  for (let item = type._start; item !== null; item = item.right) items.push(item);
  return items;
}

describe("the ledger", () => {
  /** All structs in the sync frames that a client has received. */
  const structsOf = (client: RawClient) =>
    client.frames.flatMap((frame) => {
      const decoder = decoding.createDecoder(frame);
      if (decoding.readVarUint(decoder) !== MessageType.sync || decoding.readVarUint(decoder) === 0) return [];
      return Y.decodeUpdate(decoding.readVarUint8Array(decoder)).structs;
    });

  it("[S1] [S4] the whole ledger has one client id of at least 2^32, and no content has it, across runs and restarts", async () => {
    const clock = manualClock(Date.now());
    const store = new GatedStore();
    const before = await startRelay({ clock, store });
    await joinThenEnd(before, "content");
    await before.relay.close();
    clock.advance(60_000);
    const after = await startRelay({ clock, store });
    const client = await rawClient(after, await after.token(host));
    await client.command({ type: "start", run: 1 });
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the content has arrived", () => textOf(client) === "content");
    const structs = structsOf(client);
    const reserved = new Set(structs.map(({ id }) => id.client).filter((id) => id >= 2 ** 32));
    expect([...reserved]).toHaveLength(1);
    const [ledgerId] = reserved;
    for (const [name, type] of client.doc.share) {
      const ids = name === SESSION_ROOT ? [...type._map.values()] : itemsOf(type);
      for (const { id } of ids) expect(id.client === ledgerId).toBe(name === SESSION_ROOT);
    }
    expect(client.session).toMatchObject({ status: "live", run: 2 });
  });

  it("[S2] [S3] [S6] [S7] each change of state is one transaction of exactly these keys", async () => {
    const setting = await startRelay();
    await setting.api("POST", "/v1/rooms", { room: "room", start: "manual" });
    const client = await rawClient(setting, await setting.token(host));
    await until("it waits", () => client.session?.status === "waiting");
    const map = client.doc.getMap(SESSION_ROOT);
    expect(map.toJSON()).toEqual({ run: 0, ended: null });
    const changes: string[][] = [];
    map.observe(({ keysChanged }) => void changes.push([...keysChanged].map(String).sort()));
    await client.command({ type: "start", run: 0 });
    await client.command({ type: "leave" });
    await client.command({ type: "join" });
    setting.clock.advance(1_000);
    await client.command({ type: "end", run: 1 });
    await client.command({ type: "start", run: 1 });
    await exchanged(client);
    expect(changes).toEqual([["run", "startedAt"], ["ended"], ["ended", "run", "startedAt"]]);
    expect(map.toJSON()).toEqual({ run: 2, startedAt: setting.clock.now(), ended: null });
  });

  it("[S1] a restart with the same store keeps run, ledger and content", async () => {
    const clock = manualClock(Date.now());
    const store = new GatedStore();
    const before = await startRelay({ clock, store });
    const writer = await liveHost(before);
    writer.text.insert(0, "kept");
    await exchanged(writer);
    const port = Number(new URL(before.relay.url).port);
    await before.relay.close();
    clock.advance(1_000);
    const after = await startRelay({ clock, store, config: { port } });
    await until("the provider has reconnected by itself", async () => (await roomState(after))["hosts"] === 1);
    const reader = await stockClient(after, participant);
    await until("the content has arrived", () => reader.text.toString() === "kept");
    expect(reader.session).toEqual(writer.session);
    expect(await roomState(after)).toMatchObject({ status: "live", run: 1, hosts: 1, endsAt: null });
  });

  it("[S5] with an empty store the content is restored by its authors, and the new relay's session replaces the old one", async () => {
    const clock = manualClock(Date.now());
    const before = await startRelay({ clock });
    const writer = await liveHost(before);
    const other = await stockClient(before, participant);
    await until("both have joined", () => other.provider.synced);
    writer.text.insert(0, "held by ");
    await until("the other has it", () => other.text.length === 8);
    other.text.insert(8, "clients");
    await until("the first has it", () => writer.text.toString() === "held by clients");
    await before.api("POST", "/v1/rooms/room/end", {});
    await until("both were disconnected", () => writer.closed === 4410 && other.closed === 4410);
    const port = Number(new URL(before.relay.url).port);
    await before.relay.close();
    clock.advance(1_000);
    const after = await startRelay({ clock, config: { port } });
    writer.provider.connect();
    await until("the new session has arrived", () => writer.session?.status === "live");
    expect(writer.session).toEqual({ status: "live", run: 1, startedAt: clock.now() });
    await until(
      "the content of both is restored",
      async () => (await textInRoom(after, participant)) === "held by clients",
    );
    other.provider.connect();
    await until("the other reads the same", () => other.session?.status === "live" && other.provider.synced);
    other.text.insert(other.text.length, "!");
    await until("the returning client can continue to edit", () => writer.text.toString() === "held by clients!");
  });

  it.each([
    ["has more of the same ledger", 0],
    ["has a later ledger", 1],
  ])(
    "[S5] with an older copy of the store, a client that %s gets all keys with a greater client id",
    async (_what, renewals) => {
      const clock = manualClock(Date.now());
      const store = new GatedStore();
      let setting = await startRelay({ clock, store });
      const port = Number(new URL(setting.relay.url).port);
      const first = await liveHost(setting);
      first.provider.destroy();
      await until("the host is gone", async () => (await roomState(setting))["hosts"] === 0);
      await setting.relay.close();
      const { record } = (await store.readRoom("room"))!;
      // The session continues with the store that will be lost, and a client receives that.
      setting = await startRelay({ clock, store, config: { port } });
      let client = await stockClient(setting, participant);
      await until("the client has joined", () => client.provider.synced);
      await setting.api("POST", "/v1/rooms/room/end", {});
      await until("it reads the end", () => client.closed === 4410 && client.session?.status === "ended");
      const ids = () => {
        const map = client.doc.getMap(SESSION_ROOT);
        return new Set(["run", "startedAt", "ended"].map((key) => map._map.get(key)!.id.client));
      };
      for (let i = 0; i <= renewals; i++) {
        const [idBefore] = ids();
        await setting.relay.close();
        clock.advance(1_000);
        const older = new GatedStore();
        await older.commit([{ type: "put-room", record }], "flushed");
        setting = await startRelay({ clock, store: older, config: { port } });
        client.provider.connect();
        await until("it reads the session of the copy", () => client.session?.status === "live");
        expect(client.session).toMatchObject({
          run: 1,
          startedAt: first.session!.status === "live" && first.session!.startedAt,
        });
        expect([...ids()]).toEqual([expect.any(Number)]);
        expect([...ids()][0]).toBeGreaterThan(idBefore!);
        // A client that connects now only knows the new ledger.
        const late = await stockClient(setting, { ...participant, sub: "late" });
        await until("the late client has joined", () => late.provider.synced);
        const { body } = await setting.api("POST", "/v1/rooms/room/end", {});
        await until("they follow what happens next", () =>
          [client, late].every(({ session, provider }) => session?.status === "ended" && provider.ws === null),
        );
        expect(client.session).toMatchObject({ ended: body["ended"] });
        client = late;
      }
    },
  );
});
