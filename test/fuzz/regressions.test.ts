/** Inputs with which the fuzzer once found a bug. */
import { describe, expect, it } from "vitest";
import * as encoding from "lib0/encoding";
import * as Y from "yjs";
import { MalformedError } from "../../src/protocol/protocol.ts";
import { Content } from "../../sync-server/room/content/content.ts";
import { Guard } from "../../sync-server/guard/guard.ts";
import { docWithId } from "../sync-server/guard/arbitrary-edits.ts";
import { startRelay, stockClient, until, rawClient } from "../sync-server/harness.ts";
import { writeUpdate } from "../../src/protocol/protocol.ts";
import { readContent } from "../sync-server/read-content.ts";

const updatesOf = (doc: Y.Doc): Uint8Array[] => {
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  return updates;
};

describe("found by the fuzzer", () => {
  it("[G5] a pending update that also deletes existing content does not put the relay into an endless loop", async () => {
    const setting = await startRelay();
    const host = await stockClient(setting, { role: "host", sub: "h1" });
    await until("the run is live", () => host.session?.status === "live" && host.provider.synced);
    host.text.insert(0, "held");
    const doc = docWithId(4711);
    const updates = updatesOf(doc);
    doc.getText("text").insert(0, "missing");
    doc.transact(() => {
      doc.getText("text").insert(7, "waits");
      doc.getText("text").delete(0, 1);
    });
    const client = await rawClient(setting, "", {
      path: `/room?token=${await setting.token({ role: "participant", sub: "p1" })}`,
      protocols: [],
    });
    client.send(writeUpdate(updates[1]!));
    host.text.insert(4, " and alive");
    client.send(writeUpdate(updates[0]!));
    await until("all edits have arrived", () => host.text.toString().includes("issingwaits"));
    expect(host.text.toString()).toContain("held and alive");
  });

  it("[G6] a subdocument without options, which makes every peer throw, is rejected", () => {
    // One section of client 7 with one ContentDoc in the root "a": a guid, then `undefined` as its options.
    const update = Uint8Array.from([1, 1, 7, 0, 9, 1, 1, 97, 1, 103, 127, 0]);
    expect(() => new Guard(new Map()).admit(update)).toThrow(MalformedError);
  });

  it("[G6] a value with the key __proto__, which peers cannot decode again, is rejected", () => {
    const key = [...new TextEncoder().encode("__proto__")];
    const update = Uint8Array.from([1, 1, 7, 0, 8, 1, 1, 97, 1, 118, 1, key.length, ...key, 126, 0]);
    expect(() => new Guard(new Map()).admit(update)).toThrow(MalformedError);
  });

  it("[G7] the relay does not remove redundant formats by itself: peers would not be informed, and would diverge", () => {
    const ann = docWithId(1);
    const ben = docWithId(2);
    const content = new Content([]);
    for (const doc of [ann, ben]) doc.on("update", (update: Uint8Array) => content.add(update));
    ann.getMap("map").set("text", new Y.Text("hello"));
    Y.applyUpdate(ben, Y.encodeStateAsUpdate(ann));
    readContent(content);
    // Concurrently: one of the two formats is redundant.
    for (const doc of [ann, ben]) (doc.getMap("map").get("text") as Y.Text).format(0, 5, { bold: true });
    const { ds } = Y.decodeUpdate(readContent(content)[0]!);
    expect([...ds.clients]).toEqual([]);
  });

  it("[G5] structs that wait for each other in the worst order are accepted at once", () => {
    // Each of many clients waits for the next struct of one that waits for each of them in turn.
    const clients = 20_000;
    const first = 100;
    const hub = 7;
    const writeItem = (encoder: encoding.Encoder, origin: [client: number, clock: number] | null): void => {
      encoding.writeUint8(encoder, 5 | (origin === null ? 0 : 0x80));
      if (origin === null) {
        encoding.writeVarUint(encoder, 1);
        encoding.writeVarString(encoder, "a");
      } else for (const number of origin) encoding.writeVarUint(encoder, number);
      encoding.writeVarString(encoder, "1");
    };
    const update = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, clients + 1);
      for (let i = 0; i < clients; i++) {
        for (const number of [1, first + i, 0]) encoding.writeVarUint(encoder, number);
        writeItem(encoder, [hub, i]);
      }
      for (const number of [clients, hub, 0]) encoding.writeVarUint(encoder, number);
      for (let i = 0; i < clients; i++) writeItem(encoder, i === 0 ? null : [first + i - 1, 0]);
      encoding.writeVarUint(encoder, 0);
    });
    const before = process.cpuUsage();
    expect(new Guard(new Map()).admit(update).accepted).toEqual(update);
    // A tenth of a second; it was ten seconds when each accepted struct caused a scan of all pending ones.
    expect(process.cpuUsage(before).user / 1e6).toBeLessThan(3);
  });

  it("[G11] a map entry with several units, which makes peers throw once the map is deleted, is rejected", () => {
    const content = new Content([]);
    const guard = new Guard(new Map());
    const peer = new Y.Doc();
    peer.getMap("map");
    const offer = (update: Uint8Array): void => {
      const { accepted } = guard.admit(update, { content });
      if (accepted === null) return;
      content.add(accepted);
      Y.applyUpdate(peer, accepted);
    };
    const map = [1, 1, 7, 0, 7 | 0x20, 1, 3, 109, 97, 112, 1, 116, 1, 0];
    // Two values in one item with the key "k" of the map; then one whose origin is the first of the two.
    const long = [1, 1, 7, 1, 8 | 0x20, 0, 7, 0, 1, 107, 2, 126, 126, 0];
    const after = (client: number, clock: number): number[] => [1, 1, client, 0, 8 | 0x80, 7, clock, 1, 126, 0];
    const longAfter = [1, 1, 9, 0, 8 | 0x80, 7, 3, 2, 126, 126, 0];
    const short = [1, 1, 7, 3, 8 | 0x20, 0, 7, 0, 1, 107, 1, 126, 0];
    for (const update of [map, long, after(8, 1), short, longAfter, after(10, 3)]) offer(Uint8Array.from(update));
    const deleteMap = [0, 1, 7, 1, 0, 1];
    expect(() => offer(Uint8Array.from(deleteMap))).not.toThrow();
    expect(peer.getMap("map").size).toBe(0);
    expect(readContent(content)[0]!.byteLength).toBeGreaterThan(0);
  });

  it("[G11] so is one in the same update as its origin", () => {
    const guard = new Guard(new Map());
    // Client 7: a value with the key "k" of the root "map", a second after it, and two more after that in one item.
    const update = [
      1,
      3,
      7,
      0,
      8 | 0x20,
      1,
      3,
      109,
      97,
      112,
      1,
      107,
      1,
      126,
      8 | 0x80,
      7,
      0,
      1,
      126,
      8 | 0x80,
      7,
      1,
      2,
      126,
      126,
      0,
    ];
    const { accepted } = guard.admit(Uint8Array.from(update));
    const kinds = Y.decodeUpdate(accepted!).structs.map((struct) => struct.constructor.name);
    expect(kinds).toEqual(["Item", "Item", "GC"]);
  });

  it("[G5] deletes are sorted and merged, since Yjs corrupts pending deletes that are out of order", () => {
    const guard = new Guard(new Map([[7, 100]]));
    // Client 7, twice: 50 to 54, 10 to 11 and 52 to 59; then 0 to 4.
    const update = [0, 2, 7, 3, 50, 5, 10, 2, 52, 8, 7, 1, 0, 5];
    const { accepted } = guard.admit(Uint8Array.from(update));
    expect(accepted).toEqual(Uint8Array.from([0, 1, 7, 3, 0, 5, 10, 2, 50, 10]));
    const waiting = new Y.Doc();
    Y.applyUpdate(waiting, accepted!);
    const ranges = Y.decodeUpdateV2(waiting.store.pendingDs!).ds.clients.get(7)!;
    expect(ranges.map(({ clock, len }) => [clock, len])).toEqual([
      [0, 5],
      [10, 2],
      [50, 10],
    ]);
  });
});
