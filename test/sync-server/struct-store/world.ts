/**
 * A few clients that write random documents, and a relay of a struct store between them that loses messages; beside it
 * a Y.Doc that gets the same, to compare with.
 */
import * as Y from "yjs";
import { scanUpdate } from "../../../sync-server/update/scan.ts";
import { finish, UNSLICED } from "../../../sync-server/update/slice.ts";
import { arrange } from "../../../sync-server/struct-store/arrange.ts";
import { Steps } from "../../../sync-server/struct-store/steps.ts";
import { StructStore } from "../../../sync-server/struct-store/struct-store.ts";
import type { Random } from "../../random.ts";
import { applyExactly, copyDoc, editSomewhere, newDoc, ROOTS, stateOf } from "./documents.ts";

export type Client = { readonly doc: Y.Doc; readonly undo: Y.UndoManager | null; readonly outbox: Uint8Array[] };

const LOST = 0.15;

/** Whether all of an update refers to what is held or in itself: what the guard lets in as it is. */
const isIntegrable = (update: Uint8Array, store: StructStore): boolean => {
  const { sections, deletes } = scanUpdate(update, new Uint8Array());
  const clocks = new Map<number, number>();
  const clockOf = (client: number): number => clocks.get(client) ?? store.clockOf(client);
  const taker = {
    clockOf,
    take: (client: number, { clock, length }: { clock: number; length: number }) =>
      void clocks.set(client, clock + length),
  };
  if (!finish(arrange(sections, taker, new Steps(), UNSLICED))) return false;
  return deletes.every(({ client, clock, length }) => clock + length <= clockOf(client));
};

export class World {
  store = new StructStore();
  /** Gets everything that the store accepts. */
  readonly reference = newDoc(1);
  readonly clients: Client[];
  readonly #random: Random;
  /** Called with each update that is accepted. */
  onAccept: (update: Uint8Array) => void = () => {};

  constructor(random: Random, clientCount = 4) {
    this.#random = random;
    this.clients = Array.from({ length: clientCount }, (_, index) => {
      // Higher and lower ids than the others', of one to five bytes.
      const doc = newDoc(random.chance(0.3) ? 100 + index : 2 + random.below(2 ** 31), random.chance(0.7));
      const outbox: Uint8Array[] = [];
      doc.on("update", (update: Uint8Array, origin: unknown) => {
        if (origin !== "relay") outbox.push(update);
      });
      const scope = ROOTS.map((name) => doc.share.get(name)!);
      const undo = random.chance(0.5) ? new Y.UndoManager(scope, { captureTimeout: 0 }) : null;
      return { doc, undo, outbox };
    });
  }

  /** Something happens to somebody. */
  step(): void {
    const random = this.#random;
    const client = random.pick(this.clients);
    const { doc, undo, outbox } = client;
    switch (random.below(8)) {
      case 0:
        if (undo !== null) {
          if (random.chance(0.6)) undo.undo();
          else undo.redo();
        }
        return;
      case 1:
        return this.sync(client);
      case 2:
      case 3:
        for (const update of outbox.splice(0)) if (!random.chance(LOST)) this.#receive(update, client);
        return;
      default: {
        const count = 1 + random.below(4);
        // What is written in one transaction or offline comes as one update.
        doc.transact(() => {
          for (let i = 0; i < count; i++) editSomewhere(doc, random);
        });
      }
    }
  }

  /** Steps 1 and 2 of the sync protocol, both ways. */
  sync({ doc, outbox }: Client): void {
    outbox.length = 0;
    this.accept(Y.encodeStateAsUpdate(doc, Y.encodeStateVector(this.reference)));
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(this.reference, Y.encodeStateVector(doc)), "relay");
  }

  syncAll(): void {
    for (const client of this.clients) this.sync(client);
  }

  accept(update: Uint8Array): void {
    if (!this.store.add(update)) throw new Error("the store did not take all of an update");
    applyExactly(this.reference, update);
    this.onAccept(update);
  }

  /** A copy of a client, who may lack much and hold what the relay has not got. */
  copyOfSomebody(): Y.Doc {
    return copyDoc(this.#random.pick(this.clients).doc);
  }

  #receive(update: Uint8Array, sender: Client): void {
    if (!isIntegrable(update, this.store)) return;
    this.accept(update);
    for (const client of this.clients) {
      if (client !== sender && !this.#random.chance(LOST)) Y.applyUpdate(client.doc, update, "relay");
    }
  }
}

/** Runs a compaction to its end. */
export const compactWhole = (store: StructStore): void => {
  const slices = store.compact(50);
  while (slices.next().done !== true);
};

/** All pieces of an answer. */
export const piecesOf = (store: StructStore, doc: Y.Doc, mostBytes: number): Uint8Array[] => {
  const answer = store.answer(stateOf(doc));
  const pieces: Uint8Array[] = [];
  for (let piece = answer.next(mostBytes); piece !== null; piece = answer.next(mostBytes)) {
    if (piece.length > mostBytes && scanUpdate(piece, new Uint8Array()).count > 1)
      throw new Error("a piece is too large");
    pieces.push(piece);
  }
  return pieces;
};

/** Saves a store and loads it again. */
export const reload = (store: StructStore, mostBytes: number): StructStore => {
  const loaded = new StructStore();
  for (const row of store.encodeRows(mostBytes)) {
    if (!loaded.add(row)) throw new Error("a stored row was not taken whole");
  }
  return loaded;
};
