/** The struct store against Yjs: clients fed from it hold the same as those fed by Yjs itself. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Random } from "../../random.ts";
import type { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import { applyExactly, copyDoc, deleteEverything, describeDoc, dump, editSomewhere, newDoc } from "./documents.ts";
import { compactWhole, piecesOf, reload, World } from "./world.ts";

const WORLDS = Number(process.env["STRUCT_STORE_WORLDS"] ?? 150);
const STEPS = 80;
const FIRST_SEED = Number(process.env["STRUCT_STORE_SEED"] ?? 1);

const seeds = Array.from({ length: WORLDS }, (_, index) => FIRST_SEED + index);

const expectNothingPending = ({ store }: Y.Doc): void => {
  expect(store.pendingStructs).toBe(null);
  expect(store.pendingDs).toBe(null);
};

/** Feeds a document from the store; nothing ever waits in it. */
const feed = (doc: Y.Doc, store: StructStore, mostBytes: number): void => {
  for (const piece of piecesOf(store, doc, mostBytes)) {
    applyExactly(doc, piece);
    expectNothingPending(doc);
  }
};

/** What a document becomes that Yjs itself feeds. */
const fedByYjs = (doc: Y.Doc, reference: Y.Doc): Y.Doc => {
  applyExactly(doc, Y.encodeStateAsUpdate(reference, Y.encodeStateVector(doc)));
  return doc;
};

const expectSame = (store: StructStore, reference: Y.Doc, laggards: readonly Y.Doc[], mostBytes: number): void => {
  const fresh = newDoc(7);
  feed(fresh, store, mostBytes);
  expect(describeDoc(fresh)).toEqual(describeDoc(fedByYjs(newDoc(7), reference)));
  for (const laggard of laggards) {
    const fed = copyDoc(laggard);
    feed(fed, store, mostBytes);
    expect(describeDoc(fed)).toEqual(describeDoc(fedByYjs(copyDoc(laggard), reference)));
  }
};

const run = (seed: number): { world: World; random: Random; laggards: Y.Doc[] } => {
  const random = new Random(seed);
  const world = new World(random);
  const laggards: Y.Doc[] = [];
  for (let i = 0; i < STEPS; i++) {
    world.step();
    if (random.chance(0.05)) laggards.push(world.copyOfSomebody());
    if (random.chance(0.03)) compactWhole(world.store);
  }
  return { world, random, laggards };
};

const pieceSizes = [1, 40, 300, 256 * 1024];

describe("clients fed from the store", () => {
  it.each(seeds)("hold what Yjs would give them (seed %i)", (seed) => {
    const { world, random, laggards } = run(seed);
    const { reference } = world;
    expectSame(world.store, reference, laggards, random.pick(pieceSizes));
    const whole = newDoc(7);
    applyExactly(whole, world.store.encode());
    expect(describeDoc(whole)).toEqual(describeDoc(fedByYjs(newDoc(7), reference)));

    compactWhole(world.store);
    expectSame(world.store, reference, laggards, random.pick(pieceSizes));

    const loaded = reload(world.store, random.pick(pieceSizes));
    expectSame(loaded, reference, laggards, random.pick(pieceSizes));
    expect(loaded.bytes).toBeLessThanOrEqual(world.store.bytes);
    compactWhole(loaded);
    expectSame(loaded, reference, laggards, random.pick(pieceSizes));

    world.store = loaded;
    for (let i = 0; i < STEPS / 4; i++) world.step();
    world.syncAll();
    expectSame(world.store, reference, laggards, random.pick(pieceSizes));
  });

  it.each(seeds.slice(0, 50))("can edit, converge and delete everything (seed %i)", (seed) => {
    const { world, random } = run(seed);
    compactWhole(world.store);
    const [a, b] = [newDoc(11), newDoc(12)];
    for (const doc of [a, b])
      for (const piece of piecesOf(world.store, doc, random.pick(pieceSizes))) Y.applyUpdate(doc, piece);
    for (let i = 0; i < 20; i++) {
      editSomewhere(a, random);
      editSomewhere(b, random);
      if (random.chance(0.3)) exchange(a, b);
    }
    // Twice: what Yjs cleans up of formats after a remote change has to be exchanged too.
    exchange(a, b);
    exchange(a, b);
    expect(dumpWithoutPairs(a)).toEqual(dumpWithoutPairs(b));
    world.accept(Y.encodeStateAsUpdate(a));
    expectSame(world.store, world.reference, [], 300);
    deleteEverything(a);
    exchange(a, b);
    exchange(a, b);
    for (const doc of [a, b]) {
      expect(dump(doc)).toEqual(dump(newDoc(13)));
      expectNothingPending(doc);
      let calls = 0;
      doc.getText("text").observe(() => calls++);
      doc.getText("text").insert(0, "x");
      expect(calls).toBe(1);
    }
  });

  it.each(seeds.slice(0, 50))("get what comes while an answer is written, compaction or not (seed %i)", (seed) => {
    const { world, random, laggards } = run(seed);
    for (const start of [newDoc(7), ...laggards.slice(0, 3)]) {
      const doc = copyDoc(start);
      const answer = world.store.answer(Y.decodeStateVector(Y.encodeStateVector(doc)));
      let compaction: Generator<undefined, boolean> | null = null;
      let isDone = false;
      for (let rounds = 0; !isDone; rounds++) {
        const piece = answer.next(random.pick([1, 40, 300]));
        isDone = piece === null;
        if (piece !== null) applyExactly(doc, piece);
        expectNothingPending(doc);
        if (!isDone && rounds < 60) {
          world.step();
          compaction ??= random.chance(0.2) ? world.store.compact(20) : null;
          if (compaction?.next().done === true) compaction = null;
        }
      }
      // From now on, updates are forwarded as they come.
      world.onAccept = (update) => applyExactly(doc, update);
      for (let i = 0; i < 20; i++) world.step();
      world.onAccept = () => {};
      expectNothingPending(doc);
      const expected = fedByYjs(copyDoc(start), world.reference);
      expect(describeDoc(doc)).toEqual(describeDoc(expected));
      expectSame(world.store, world.reference, laggards, 300);
    }
  });
});

/**
 * Without surrogate pairs: to format half of one to what it is already cuts it into two U+FFFD, and says nothing of it
 * to others (yjs 13.6, `YText.format`).
 */
const dumpWithoutPairs = (doc: Y.Doc): string => JSON.stringify(dump(doc)).replaceAll(/😀|\ufffd\ufffd/gu, "?");

const exchange = (a: Y.Doc, b: Y.Doc): void => {
  const fromA = Y.encodeStateAsUpdate(a, Y.encodeStateVector(b));
  Y.applyUpdate(a, Y.encodeStateAsUpdate(b, Y.encodeStateVector(a)));
  Y.applyUpdate(b, fromA);
};
