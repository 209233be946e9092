/**
 * What the struct store costs: memory of a million structs of one character, the time of a typing update, and of
 * answers, compaction and loading for a document of 17 MB, beside Yjs. Run it with `node --expose-gc`.
 */
import * as Y from "yjs";
import { StructStore } from "../sync-server/struct-store/struct-store.ts";

const MILLION = 1_000_000;
const TYPED_AT_ONCE = 1_000;

const show = (name: string, value: number, unit: string): void =>
  void process.stdout.write(`${name.padEnd(70)} ${value.toFixed(value < 10 ? 2 : 0).padStart(8)} ${unit}\n`);

/** CPU time of this process, in ms: other work on the machine does not count. */
const cpuMs = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
};

const time = (name: string, run: () => void): void => {
  const start = cpuMs();
  run();
  show(name, cpuMs() - start, "ms");
};

const usedBytes = (): number => {
  globalThis.gc?.();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
};

/** Updates of one character each, typed one behind the other, in places that change now and then. */
const typeUpdates = (count: number, clientId: number): Uint8Array[] => {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const text = doc.getText("text");
  for (let i = 0; i < count; i++) text.insert(i, "x");
  return updates;
};

const compact = (store: StructStore): number => {
  let longest = 0;
  const slices = store.compact();
  for (let isDone = false; !isDone;) {
    const start = cpuMs();
    isDone = slices.next().done === true;
    longest = Math.max(longest, cpuMs() - start);
  }
  return longest;
};

const benchTyping = (): void => {
  const store = new StructStore();
  let elapsed = 0;
  const before = usedBytes();
  for (let client = 0; client < MILLION / TYPED_AT_ONCE; client++) {
    const updates = typeUpdates(TYPED_AT_ONCE, 2 ** 31 + client);
    const start = cpuMs();
    for (const update of updates) store.add(update);
    elapsed += cpuMs() - start;
  }
  show("typing: add one update", (elapsed / MILLION) * 1_000, "µs");
  show("1,000,000 structs of one character: memory", (usedBytes() - before) / 1e6, "MB");
  show("  of that, by the store's own count", store.memoryBytes / 1e6, "MB");
  show("  bytes written", store.bytes / 1e6, "MB");
  time("  compaction", () => show("    longest slice", compact(store), "ms"));
  show("  structs after", store.structCount, "");
  show("  memory after", (usedBytes() - before) / 1e6, "MB");
};

/** A document of about 17 MB, of which much is deleted: short items in random places. */
const largeDocument = (): Y.Doc => {
  const doc = new Y.Doc();
  const text = doc.getText("text");
  let seed = 1;
  const below = (bound: number): number => (seed = (Math.imul(seed, 1_103_515_245) + 12_345) & 0x7fffffff) % bound;
  for (let part = 0; part < 140; part++) {
    const piece = new Y.Doc();
    piece.clientID = 2 ** 31 + part;
    const own = piece.getArray(`array ${part}`);
    piece.transact(() => {
      for (let i = 0; i < 6_000; i++) own.insert(below(Math.min(own.length + 1, 50)), [`item ${i} x`]);
      for (let i = 0; i < 1_500; i++) own.delete(below(50));
    });
    Y.applyUpdate(doc, Y.encodeStateAsUpdate(piece));
  }
  text.insert(0, "end");
  return doc;
};

const benchAnswers = (): void => {
  const doc = largeDocument();
  const update = Y.encodeStateAsUpdate(doc);
  show("large document", update.length / 1e6, "MB");
  time("Y.encodeStateAsUpdate", () => void Y.encodeStateAsUpdate(doc));
  time("Y.applyUpdate", () => Y.applyUpdate(new Y.Doc(), update));
  const store = new StructStore();
  time("store: add it as one update", () => void store.add(update));
  show("  structs", store.structCount, "");
  show("  memory by its own count", store.memoryBytes / 1e6, "MB");
  time("store: whole answer in pieces", () => {
    const answer = store.answer();
    let pieces = 0;
    let longest = 0;
    for (let isDone = false; !isDone; pieces++) {
      const start = cpuMs();
      isDone = answer.next() === null;
      longest = Math.max(longest, cpuMs() - start);
    }
    show("  longest piece", longest, "ms");
    show("  pieces", pieces - 1, "");
  });
  time("store: whole answer as one update", () => void store.encode());
  const held = new Map(store.stateVector());
  time("store: answer to one who has all but the deletes", () => void store.encode(held));
  time("Y.encodeStateAsUpdate for the same", () => void Y.encodeStateAsUpdate(doc, Y.encodeStateVector(held)));
  time("store: compaction", () => show("  longest slice", compact(store), "ms"));
  const rows: Uint8Array[] = [];
  time("store: rows", () => rows.push(...store.encodeRows()));
  const loaded = new StructStore();
  time("store: load the rows", () => {
    for (const row of rows) loaded.add(row);
  });
};

benchTyping();
benchAnswers();
