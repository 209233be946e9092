/** Random documents of all of Yjs' types, written by several clients with undo managers and without garbage collection. */
import * as Y from "yjs";
import type { Random } from "../../random.ts";

const LETTERS = ["a", "bc", "def", "é", "😀", "x😀y", "漢字", "long text of one go "];
const KEYS = ["k", "l", "title"];

export const ROOTS = ["text", "map", "array", "xml"] as const;

/** Roots have their types from the beginning, so that documents that received nothing compare too. */
export const openRoots = (doc: Y.Doc): void => {
  doc.getText("text");
  doc.getMap("map");
  doc.getArray("array");
  doc.getXmlFragment("xml");
};

export const newDoc = (clientId: number, gc = true): Y.Doc => {
  const doc = new Y.Doc({ gc });
  doc.clientID = clientId;
  openRoots(doc);
  return doc;
};

type Type = Y.AbstractType<unknown>;

const childrenOf = (type: Type): unknown[] => {
  if (type instanceof Y.Map) return [...type.values()];
  if (type instanceof Y.XmlElement || type instanceof Y.XmlFragment) return type.toArray();
  if (type instanceof Y.Array) return type.toArray();
  if (type instanceof Y.Text) return (type.toDelta() as { insert: unknown }[]).map(({ insert }) => insert);
  return [];
};

/** All types of a document that are not deleted. */
export const typesOf = (doc: Y.Doc): Type[] => {
  const found = ROOTS.map((name) => doc.share.get(name) as Type);
  for (let i = 0; i < found.length; i++) {
    for (const child of childrenOf(found[i]!)) if (child instanceof Y.AbstractType) found.push(child as Type);
  }
  return found;
};

const randomType = (random: Random): unknown => {
  switch (random.below(5)) {
    case 0:
      return new Y.Text(random.pick(LETTERS));
    case 1:
      return new Y.Map([["inner", random.chance(0.5) ? new Y.Array() : 1]]);
    case 2:
      return Y.Array.from([1, "two"]);
    case 3:
      return randomElement(random);
    default:
      return new Y.XmlText(random.pick(LETTERS));
  }
};

const randomElement = (random: Random): Y.XmlElement => {
  const element = new Y.XmlElement(random.pick(["p", "h1", "img"]));
  if (random.chance(0.5)) element.setAttribute("class", random.pick(LETTERS));
  if (random.chance(0.5)) element.insert(0, [new Y.XmlText(random.pick(LETTERS))]);
  return element;
};

const randomValue = (random: Random): unknown => {
  switch (random.below(8)) {
    case 0:
      return randomType(random);
    case 1:
      return random.below(1000);
    case 2:
      return { deep: [null, true, 1.5] };
    case 3:
      return Uint8Array.of(1, 2, 3);
    case 4:
      return new Y.Doc({ guid: `guid-${random.below(1000)}` });
    default:
      return random.pick(LETTERS);
  }
};

const range = (random: Random, size: number): [at: number, length: number] => {
  const at = random.below(size);
  return [at, Math.min(1 + random.below(4), size - at)];
};

const editText = (text: Y.Text, random: Random): void => {
  const { length } = text;
  // Most typing goes on where the last was, so that there are runs to join.
  const at = random.chance(0.6) ? length : random.below(length + 1);
  switch (random.below(length === 0 ? 3 : 8)) {
    case 0:
      return text.insertEmbed(at, random.chance(0.2) ? new Y.Map([["in", "embed"]]) : { image: "x" });
    case 1:
      return text.insert(at, random.pick(LETTERS), { bold: true });
    case 5:
      return text.format(...range(random, length), {
        bold: random.pick([true, null]),
        color: random.pick(["red", null]),
      });
    case 6:
    case 7:
      return text.delete(...range(random, length));
    default:
      return text.insert(at, random.pick(LETTERS));
  }
};

const editMap = (map: Y.Map<unknown>, random: Random): void => {
  const key = random.pick(KEYS);
  if (random.chance(0.2)) map.delete(key);
  // Several values of one key in one go: with an undo manager they become one struct.
  else for (let times = 1 + random.below(3); times > 0; times--) map.set(key, randomValue(random));
};

const editArray = (array: Y.Array<unknown>, random: Random): void => {
  if (array.length > 0 && random.chance(0.4)) return array.delete(...range(random, array.length));
  const at = random.chance(0.5) ? array.length : random.below(array.length + 1);
  array.insert(
    at,
    Array.from({ length: 1 + random.below(4) }, () => randomValue(random)),
  );
};

const editXml = (xml: Y.XmlFragment, random: Random): void => {
  if (xml.length > 0 && random.chance(0.3)) return xml.delete(...range(random, xml.length));
  if (xml instanceof Y.XmlElement && random.chance(0.5)) {
    if (random.chance(0.2)) return xml.removeAttribute("class");
    return xml.setAttribute(random.pick(["class", "id"]), random.pick(LETTERS));
  }
  xml.insert(random.below(xml.length + 1), [
    random.chance(0.5) ? randomElement(random) : new Y.XmlText(random.pick(LETTERS)),
  ]);
};

/** One edit anywhere in a document. */
export const editSomewhere = (doc: Y.Doc, random: Random): void => {
  const type = random.pick(typesOf(doc));
  if (type instanceof Y.Text) editText(type, random);
  else if (type instanceof Y.Map) editMap(type, random);
  else if (type instanceof Y.XmlFragment) editXml(type, random);
  else if (type instanceof Y.Array) editArray(type, random);
};

/** Deletes the content of all roots. */
export const deleteEverything = (doc: Y.Doc): void =>
  doc.transact(() => {
    const text = doc.getText("text");
    const array = doc.getArray("array");
    const xml = doc.getXmlFragment("xml");
    text.delete(0, text.length);
    array.delete(0, array.length);
    xml.delete(0, xml.length);
    doc.getMap("map").clear();
  });

/** Entries by their keys, whose order in an object depends on which was set first. */
const inOrder = (entries: Iterable<readonly [string, unknown]>): unknown =>
  Object.fromEntries([...entries].toSorted(([a], [b]) => (a < b ? -1 : 1)));

const dumpValue = (value: unknown): unknown => {
  if (value instanceof Y.Doc) return { doc: value.guid };
  if (value instanceof Y.XmlElement) {
    return {
      xml: value.nodeName,
      attributes: inOrder(Object.entries(value.getAttributes())),
      children: value.toArray().map(dumpValue),
    };
  }
  if (value instanceof Y.XmlFragment) return { children: value.toArray().map(dumpValue) };
  if (value instanceof Y.Text) {
    const delta = value.toDelta() as { insert: unknown; attributes?: object }[];
    return {
      delta: delta.map(({ insert, attributes }) => [dumpValue(insert), inOrder(Object.entries(attributes ?? {}))]),
    };
  }
  if (value instanceof Y.Map) {
    return inOrder([...value.entries()].map(([key, each]) => [key, dumpValue(each)] as const));
  }
  if (value instanceof Y.Array) return value.toArray().map(dumpValue);
  return value;
};

/** What a document says: all roots with formats, attributes and what is nested. */
export const dump = (doc: Y.Doc): unknown => ROOTS.map((name) => dumpValue(doc.share.get(name)));

/** For each client the deleted ids as ranges that do not touch. */
export const deletesOf = (doc: Y.Doc): [client: number, ranges: [number, number][]][] => {
  const { clients } = Y.createDeleteSetFromStructStore(doc.store);
  return [...clients]
    .toSorted(([a], [b]) => a - b)
    .map(([client, items]) => [client, items.map(({ clock, len }): [number, number] => [clock, clock + len])]);
};

export const stateOf = (doc: Y.Doc): Map<number, number> => Y.decodeStateVector(Y.encodeStateVector(doc));

/** State vector, deletes and content, to be compared. */
export const describeDoc = (doc: Y.Doc): unknown => ({
  content: dump(doc),
  state: [...stateOf(doc)].toSorted(([a], [b]) => a - b),
  deletes: deletesOf(doc),
  pending: [doc.store.pendingStructs, doc.store.pendingDs],
});

/**
 * Applies an update without what Yjs adds to it: after remote changes it deletes formats that it finds redundant
 * (13.6, `cleanupYTextFormatting`), and which those are depends on how the update is divided.
 */
export const applyExactly = (doc: Y.Doc, update: Uint8Array): void =>
  doc.transact((transaction) => {
    Y.applyUpdate(doc, update);
    transaction.local = true;
  });

/** A document that holds the same, but nothing that waits, and collects garbage or not as the original does. */
export const copyDoc = (doc: Y.Doc): Y.Doc => {
  const copy = newDoc(doc.clientID + 1_000_000, doc.gc);
  applyExactly(copy, Y.encodeStateAsUpdate(doc));
  copy.store.pendingStructs = null;
  copy.store.pendingDs = null;
  return copy;
};
