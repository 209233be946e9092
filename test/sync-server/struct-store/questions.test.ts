/** What the guard asks of the struct store, held against a Y.Doc; and what stored updates become. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { NONE, scanUpdate } from "../../../sync-server/update/scan.ts";
import { finish, UNSLICED } from "../../../sync-server/update/slice.ts";
import { writeScanned } from "../../../sync-server/update/write.ts";
import { asDeleted, cutStruct, Ref } from "../../../sync-server/struct-store/struct-bytes.ts";
import { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import { Random } from "../../random.ts";
import { applyExactly, describeDoc, newDoc, stateOf } from "./documents.ts";
import { compactWhole, reload, World } from "./world.ts";

const seeds = Array.from({ length: 40 }, (_, index) => 500 + index);

const depthIn = (item: Y.Item): number => {
  let depth = 0;
  for (let type = item.parent as Y.AbstractType<unknown>; type._item !== null; depth++) {
    type = type._item.parent as Y.AbstractType<unknown>;
  }
  return depth;
};

/** Whether an item lies in a type that is deleted, so that only a compaction learns that it is too. */
const liesInDeleted = (item: Y.Item): boolean => {
  for (let type = item.parent as Y.AbstractType<unknown>; type._item !== null;) {
    if (type._item.deleted) return true;
    type = type._item.parent as Y.AbstractType<unknown>;
  }
  return false;
};

/** Whether Yjs deletes an item, or what it lies in, because another value of the same key stands behind it. */
const isLoser = (item: Y.Item): boolean => {
  for (let at: Y.Item | null = item; at !== null; at = (at.parent as Y.AbstractType<unknown>)._item) {
    if (at.parentSub !== null && at.right !== null) return true;
  }
  return false;
};

describe("questions of the guard", () => {
  it.each(seeds)("are answered as a Y.Doc without garbage collection would (seed %i)", (seed) => {
    const random = new Random(seed);
    const world = new World(random);
    const doc = newDoc(7, false);
    world.onAccept = (update) => applyExactly(doc, update);
    for (let i = 0; i < 80; i++) world.step();
    const { store } = world;
    expect(new Map(store.stateVector())).toEqual(stateOf(doc));
    for (const [client, structs] of doc.store.clients) {
      expect(store.clockOf(client)).toBe(Y.getState(doc.store, client));
      expect(store.holds(client, Y.getState(doc.store, client) - 1)).toBe(true);
      expect(store.holds(client, Y.getState(doc.store, client))).toBe(false);
      for (const struct of structs) {
        const { clock } = struct.id;
        if (!(struct instanceof Y.Item)) {
          expect(store.depthOf(client, clock)).toBe(NONE);
          continue;
        }
        const kind = store.kindOf(client, clock);
        expect(kind).toBe(kind === Ref.gc ? Ref.gc : struct.content.getRef());
        if (kind === Ref.gc) {
          expect(struct.deleted).toBe(true);
          continue;
        }
        expect(store.isEntry(client, clock)).toBe(struct.parentSub !== null);
        expect(store.depthOf(client, clock)).toBe(depthIn(struct));
        const isDeleted = store.isDeleted(client, clock, struct.length);
        if (!liesInDeleted(struct) && !isLoser(struct)) expect(isDeleted).toBe(struct.deleted);
        if (isDeleted) expect(struct.deleted).toBe(true);
      }
    }
    compactWhole(store);
    for (const [client, structs] of doc.store.clients) {
      for (const struct of structs) {
        const { clock } = struct.id;
        const isDeleted = store.isDeleted(client, clock, struct.length);
        if (struct instanceof Y.Item && !isLoser(struct)) expect(isDeleted).toBe(struct.deleted);
        if (struct instanceof Y.Item && !struct.deleted) {
          expect(store.isEntry(client, clock)).toBe(struct.parentSub !== null);
          expect(store.depthOf(client, clock)).toBe(depthIn(struct));
        }
      }
    }
  });

  it("know nothing of what is not held", () => {
    const store = new StructStore();
    expect(store.clockOf(5)).toBe(0);
    expect(store.holds(5, 0)).toBe(false);
    expect(store.isDeleted(5, 0, 1)).toBe(false);
    expect(store.isEntry(5, 0)).toBe(false);
    expect(store.depthOf(5, 0)).toBe(NONE);
    expect(store.kindOf(5, 0)).toBe(NONE);
    expect(store.encode()).toEqual(Uint8Array.of(0, 0));
    expect([...store.encodeRows()]).toEqual([]);
    compactWhole(store);
    expect(store.bytes).toBe(0);
  });
});

describe("loading", () => {
  it.each(seeds)("takes one large update of Yjs, whatever the order of its sections (seed %i)", (seed) => {
    const random = new Random(seed);
    const world = new World(random);
    for (let i = 0; i < 80; i++) world.step();
    const update = Y.encodeStateAsUpdate(world.reference);
    const { bytes, sections, deletes } = scanUpdate(update, new Uint8Array());
    const shuffled = sections.toSorted(() => (random.chance(0.5) ? 1 : -1));
    const byClient = Map.groupBy(deletes, ({ client }) => client);
    const store = new StructStore();
    const outSections = shuffled.map(({ client, structs }) => ({
      client,
      clock: 0,
      structs: structs.map((struct) => ({ struct, forbidden: false, instead: null })),
    }));
    expect(store.add(finish(writeScanned(bytes, outSections, byClient, UNSLICED)))).toBe(true);
    compactWhole(store);
    const doc = newDoc(7);
    for (const row of reload(store, 100).encodeRows(100)) applyExactly(doc, row);
    const expected = newDoc(7);
    applyExactly(expected, update);
    expect(describeDoc(doc)).toEqual(describeDoc(expected));
    // Yjs has joined and forgotten as much as it can; the store may not do worse, but for the heads of sections.
    expect(store.encode().length).toBeLessThanOrEqual(update.length + world.clients.length * 4);
  });

  it("leaves out what does not fit, and takes it when it does", () => {
    const author = newDoc(9);
    const updates: Uint8Array[] = [];
    author.on("update", (update: Uint8Array) => updates.push(update));
    author.getText("text").insert(0, "one");
    author.getText("text").insert(3, "two");
    const store = new StructStore();
    expect(store.add(updates[1]!)).toBe(false);
    expect(store.clockOf(9)).toBe(0);
    expect(store.add(updates[0]!)).toBe(true);
    expect(store.add(updates[1]!)).toBe(true);
    expect(store.add(Y.encodeStateAsUpdate(author))).toBe(true);
    expect(store.clockOf(9)).toBe(6);
    expect(store.structCount).toBe(2);
    // Deletes of what is not held yet are not remembered.
    store.add(Uint8Array.of(0, 1, 9, 1, 4, 100));
    expect([store.isDeleted(9, 4, 2), store.isDeleted(9, 6, 1)]).toEqual([true, false]);
  });

  it("cuts what is held in part", () => {
    const author = newDoc(9);
    author.getText("text").insert(0, "a😀b");
    const store = new StructStore();
    store.add(Y.encodeStateAsUpdate(author));
    author.getText("text").insert(4, "cd");
    expect(store.add(Y.encodeStateAsUpdate(author))).toBe(true);
    const doc = newDoc(7);
    applyExactly(doc, store.encode());
    expect(doc.getText("text").toJSON()).toBe("a😀bcd");
  });
});

describe("single structs", () => {
  it("are cut as Yjs cuts them", () => {
    const author = newDoc(9);
    author.getText("text").insert(0, "h😀llo");
    author.getArray("array").insert(0, [1, "two", { three: 3 }, null]);
    author.getText("text").delete(3, 2);
    const update = Y.encodeStateAsUpdate(author);
    const { bytes, sections } = scanUpdate(update, new Uint8Array());
    const { client, structs } = sections[0]!;
    let cuts = 0;
    for (const { clock, length, start, end } of structs) {
      for (let from = clock + 1; from < clock + length; from++) {
        const cut = cutStruct(bytes.subarray(start, end), client, clock, length, from);
        const since = Y.diffUpdate(update, Y.encodeStateVector(docWithClock(client, from)));
        const expected = scanUpdate(since, new Uint8Array()).sections[0]!.structs[0]!;
        expect(Buffer.from(cut)).toEqual(Buffer.from(since.subarray(expected.start, expected.end)));
        cuts++;
      }
    }
    expect(cuts).toBeGreaterThan(5);
  });

  it("become ContentDeleted of equal length: values of one key that an undo manager keeps", () => {
    const author = newDoc(9, false);
    const map = author.getMap("map");
    author.transact(() => {
      for (let i = 0; i < 4; i++) map.set("key", i);
    });
    const update = Y.encodeStateAsUpdate(author);
    const scanned = scanUpdate(update, new Uint8Array());
    const { client, structs } = scanned.sections[0]!;
    const [long, live] = structs;
    expect([long!.length, live!.length, structs.length]).toEqual([3, 1, 2]);
    const deleted = asDeleted(update.subarray(long!.start, long!.end), client, long!.clock, long!.length);
    const rest = asDeleted(update.subarray(long!.start, long!.end), client, long!.clock, long!.length, 2);
    expect(rest.at(-1)).toBe(1);
    const rewritten = Uint8Array.from([...update.subarray(0, long!.start), ...deleted, ...update.subarray(long!.end)]);
    const doc = newDoc(7);
    Y.applyUpdate(doc, rewritten);
    const expected = newDoc(7);
    Y.applyUpdate(expected, update);
    expect(describeDoc(doc)).toEqual(describeDoc(expected));
    expect(doc.getMap("map").get("key")).toBe(3);
  });
});

/** A document whose state vector says that it holds so much of a client. */
const docWithClock = (client: number, clock: number): Y.Doc => {
  const doc = new Y.Doc();
  // One section of one GC struct; no deletes.
  Y.applyUpdate(doc, Uint8Array.of(1, 1, client, 0, 0, clock, 0));
  return doc;
};
