/** What compaction joins, cuts and forgets, and how large documents and pieces are. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Ref } from "../../../sync-server/struct-store/struct-bytes.ts";
import { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import { applyExactly, describeDoc, newDoc } from "./documents.ts";
import { forgeDeletes, forgeStructs } from "./forge.ts";
import type { Forged } from "./forge.ts";
import { compactWhole, piecesOf, reload } from "./world.ts";

const storeOf = (...updates: Uint8Array[]): StructStore => {
  const store = new StructStore();
  for (const update of updates) expect(store.add(update)).toBe(true);
  return store;
};

const fed = (store: StructStore): Y.Doc => {
  const doc = newDoc(7);
  applyExactly(doc, store.encode());
  return doc;
};

/** One update for each edit. */
const record = (doc: Y.Doc): Uint8Array[] => {
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  return updates;
};

/** Typing of one struct for each character, by client 1. */
const typing = (count: number): Forged[] =>
  Array.from({ length: count }, (_, i) => ({
    ...(i === 0 ? {} : { origin: [1, i - 1] as const }),
    content: { text: "x" },
  }));

describe("compaction", () => {
  it("joins what was typed, values, and values of JSON, but not over kinds", () => {
    const doc = newDoc(9);
    const updates = record(doc);
    for (const letter of "typed😀") doc.getText("text").insert(doc.getText("text").length, letter);
    for (let i = 0; i < 3; i++) doc.getArray("array").push([i, { i }]);
    doc.getArray("array").push([new Y.Map()]);
    const store = storeOf(...updates);
    expect(store.structCount).toBe(10);
    compactWhole(store);
    // The text, the values, and the map.
    expect(store.structCount).toBe(3);
    expect(describeDoc(fed(store))).toEqual(describeDoc(doc));
  });

  it("joins not what has another right origin: it stands elsewhere", () => {
    // The second unit was written before Y, which stands behind the first; joined it would come behind Y, as the higher id.
    const low = 5;
    const high = 50;
    const x: Forged = { content: { text: "X" } };
    const z: Forged = { origin: [high, 0], right: [low, 0], content: { text: "Z" } };
    const y: Forged = { origin: [high, 0], content: { text: "Y" } };
    const store = storeOf(
      forgeStructs([
        [high, [x, z]],
        [low, [y]],
      ]),
    );
    const before = fed(store).getText("text").toJSON();
    expect(before).toBe("XZY");
    compactWhole(store);
    expect(fed(store).getText("text").toJSON()).toBe(before);
  });

  it("never joins live values of a map's key", () => {
    const first: Forged = { parent: "map", key: "key", content: { text: "1" } };
    const store = storeOf(forgeStructs([[1, [first, { origin: [1, 0], content: { text: "2" } }]]]));
    compactWhole(store);
    expect(store.structCount).toBe(2);
    store.add(forgeDeletes(1, [[0, 2]]));
    compactWhole(store);
    expect([store.structCount, store.kindOf(1, 0)]).toEqual([1, Ref.deleted]);
  });

  it("makes GC of what stands beside what becomes GC, as Yjs does when it loads that", () => {
    const inDeletedType: Forged = { parent: [1, 0], content: { text: "below" } };
    const mixed: Forged = { origin: [1, 6], right: [1, 1], content: { text: "mixed" } };
    const behind: Forged = { origin: [1, 11], content: { text: "behind" } };
    const store = storeOf(
      forgeStructs([
        [1, [{ parent: "array", content: { isType: true } }, inDeletedType, { content: { text: "t" } }, mixed, behind]],
      ]),
    );
    expect(store.kindOf(1, 12)).toBe(Ref.string);
    store.add(forgeDeletes(1, [[0, 1]]));
    compactWhole(store);
    expect([0, 1, 6, 7, 12].map((clock) => store.kindOf(1, clock))).toEqual([
      Ref.deleted,
      Ref.gc,
      Ref.string,
      Ref.gc,
      Ref.gc,
    ]);
    expect(store.isDeleted(1, 7, 11)).toBe(true);
    // What comes later and stands beside it is GC from the beginning.
    const late: Forged = { origin: [1, 6], right: [1, 1], content: { text: "late" } };
    store.add(forgeStructs([[2, [late]]]));
    expect([store.kindOf(2, 0), store.isDeleted(2, 0, 4)]).toEqual([Ref.gc, true]);
    const loaded = reload(store, 1000);
    expect([...loaded.encodeRows()]).toEqual([...store.encodeRows()]);
    expect(fed(store).getText("text").toJSON()).toBe("t");
  });

  it("cuts what is deleted in part; a surrogate pair becomes two U+FFFD, as in Yjs", () => {
    const doc = newDoc(9);
    doc.getText("text").insert(0, "a😀bcdé漢");
    const store = storeOf(Y.encodeStateAsUpdate(doc));
    const deletes = forgeDeletes(9, [
      [2, 1],
      [4, 2],
    ]);
    store.add(deletes);
    applyExactly(doc, deletes);
    compactWhole(store);
    expect(describeDoc(fed(store))).toEqual(describeDoc(doc));
    expect(doc.getText("text").toJSON()).toBe("a\ufffdbé漢");
    expect([0, 2, 3, 4, 6].map((clock) => store.kindOf(9, clock))).toEqual([4, 1, 4, 1, 4]);
  });

  it("forgets what was overwritten and deleted, and says how large the rest is", () => {
    const doc = newDoc(9);
    const updates = record(doc);
    for (let i = 0; i < 500; i++) doc.getMap("map").set("key", "value ".repeat(10) + i);
    doc.getArray("array").push([Y.Array.from(["x".repeat(5_000)])]);
    doc.getArray("array").delete(0);
    const store = storeOf(...updates);
    const before = store.bytes;
    expect(before).toBeGreaterThanOrEqual(store.encode().length);
    compactWhole(store);
    expect(store.bytes).toBeLessThan(200);
    expect(store.bytes).toBeGreaterThanOrEqual(store.encode().length);
    expect(store.bytes).toBeLessThan(store.encode().length + 30);
    expect(before).toBeGreaterThan(30_000);
  });

  it("counts deletes that came since", () => {
    const store = storeOf(forgeStructs([[1, typing(10_000)]]));
    compactWhole(store);
    for (let i = 0; i < 5_000; i++) store.add(forgeDeletes(1, [[2 * i, 1]]));
    expect(store.bytes).toBeGreaterThanOrEqual(store.encode().length);
    const slices = store.compact(1);
    slices.next();
    store.add(forgeDeletes(1, [[1, 1]]));
    while (slices.next().done !== true);
    expect(store.bytes).toBeGreaterThanOrEqual(store.encode().length);
    const encoded = store.encode().length;
    expect(store.bytes).toBeLessThan(encoded + 40);
  });

  it("takes effect once, when two run at a time", () => {
    const store = storeOf(forgeStructs([[1, typing(100)]]));
    const [one, two] = [store.compact(10), store.compact(10)];
    one.next();
    two.next();
    while (one.next().done !== true);
    store.add(forgeDeletes(1, [[0, 1]]));
    let last = two.next();
    while (last.done !== true) last = two.next();
    expect(last.value).toBe(false);
    expect(store.clockOf(1)).toBe(100);
    expect(fed(store).getText("text").length).toBe(99);
  });

  it("leaves structs small enough for pieces of bounded size", () => {
    const store = storeOf(forgeStructs([[1, typing(200_000)]]));
    compactWhole(store);
    expect(store.structCount).toBeLessThan(10);
    const pieces = piecesOf(store, newDoc(7), 64 * 1024);
    expect(pieces.length).toBeGreaterThan(2);
    for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(64 * 1024);
  });

  it("keeps the deletes that come for an open answer, and none without one", () => {
    const store = storeOf(forgeStructs([[1, typing(3_000)]]));
    const delta = (from: number): number => {
      const before = store.memoryBytes;
      for (let i = from; i < from + 1_000; i += 2) store.add(forgeDeletes(1, [[i, 1]]));
      return store.memoryBytes - before;
    };
    const [first, second] = [store.answer(), store.answer()];
    const withOpen = delta(0);
    first.close();
    first.close();
    const doc = newDoc(7);
    for (let piece = second.next(100); piece !== null; piece = second.next(100)) applyExactly(doc, piece);
    expect(describeDoc(doc)).toEqual(describeDoc(fed(store)));
    expect(delta(1_000)).toBeLessThan(withOpen);
    expect(second.next()).toBe(null);
  });
});
