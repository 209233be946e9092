/** Whatever the guard lets in, of updates made by grammar: the store takes it, and clients integrate its answers at once. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import { Guard } from "../../../sync-server/guard/guard.ts";
import { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import { forgeUpdate } from "../../fuzz/forge-update.ts";
import { Random } from "../../random.ts";
import { applyExactly, newDoc, stateOf } from "./documents.ts";
import { compactWhole, piecesOf, reload } from "./world.ts";

const WORLDS = Number(process.env["STRUCT_STORE_WORLDS"] ?? 60);
const FIRST_SEED = Number(process.env["STRUCT_STORE_SEED"] ?? 1);
const UPDATES = 120;
const OWN = [3, 4, 5, 6];
const LEDGER = 2 ** 32 + 5;

const expectFed = (doc: Y.Doc, store: StructStore, mostBytes: number): void => {
  for (const piece of piecesOf(store, doc, mostBytes)) {
    applyExactly(doc, piece);
    expect(doc.store.pendingStructs).toBe(null);
    expect(doc.store.pendingDs).toBe(null);
  }
  for (const [client, clock] of store.stateVector())
    expect([client, Y.getState(doc.store, client)]).toEqual([client, clock]);
};

/** What the guard lets in of an update made by grammar; it may not be readable at all. */
const admitAny = (guard: Guard, store: StructStore, random: Random): Uint8Array | null => {
  const sight = { clocks: guard.held, honestClients: [100], ledgerId: LEDGER, own: OWN, honestDoc: null };
  try {
    return guard.admit(forgeUpdate(sight, random), { content: store }).accepted;
  } catch (error) {
    if (error instanceof MalformedError) return null;
    throw error;
  }
};

describe("what the guard lets in", () => {
  it.each(Array.from({ length: WORLDS }, (_, index) => FIRST_SEED + index))("is taken whole (seed %i)", (seed) => {
    const random = new Random(seed);
    let store = new StructStore();
    const guard = new Guard(new Map());
    const laggards: Y.Doc[] = [newDoc(7)];
    let compaction: Generator<undefined, boolean> | null = null;
    for (let i = 0; i < UPDATES; i++) {
      const accepted = admitAny(guard, store, random);
      if (accepted !== null) expect(store.add(accepted)).toBe(true);
      expect(new Map(store.stateVector())).toEqual(guard.held);
      compaction ??= random.percent(10) ? store.compact(3) : null;
      if (compaction?.next().done === true) compaction = null;
      if (random.percent(3)) {
        const laggard = newDoc(7);
        expectFed(laggard, store, 50);
        laggards.push(laggard);
      }
    }
    for (let round = 0; round < 3; round++) {
      for (const laggard of laggards) expectFed(laggard, store, random.pick([1, 50, 1000]));
      compactWhole(store);
      const sizeBefore = store.bytes;
      store = reload(store, random.pick([1, 50, 1000]));
      expect(new Map(store.stateVector())).toEqual(guard.held);
      compactWhole(store);
      expect(store.bytes).toBeLessThanOrEqual(sizeBefore);
      const fresh = newDoc(7);
      expectFed(fresh, store, 50);
      expect(stateOf(fresh)).toEqual(new Map(store.stateVector()));
    }
  });
});
