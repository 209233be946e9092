/** The visible content of a document as comparable text, whatever attackers have put into it. */
import * as Y from "yjs";

const show = (value: unknown): string => {
  // Not `instanceof Uint8Array`: a forged key `__proto__` can give an object any prototype.
  if (ArrayBuffer.isView(value))
    return `bytes ${Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("hex")}`;
  if (value instanceof Y.Doc) return "subdocument";
  if (value instanceof Y.AbstractType) return `{${dumpType(value)}}`;
  return JSON.stringify(value, (_, each: unknown) => (typeof each === "bigint" ? `${each}n` : each)) ?? "undefined";
};

const showItem = (item: Y.Item): string => {
  const { content } = item;
  // Formats have no length, but change how the text is shown.
  if (content instanceof Y.ContentFormat) return `format ${content.key}=${show(content.value)}`;
  return content.getContent().map(show).join(",");
};

const dumpType = (type: Pick<Y.AbstractType<never>, "_start" | "_map">): string => {
  const parts: string[] = [];
  for (let item = type._start; item !== null; item = item.right) if (!item.deleted) parts.push(showItem(item));
  const keys = [...type._map].filter(([, item]) => !item.deleted).sort(([a], [b]) => (a < b ? -1 : 1));
  for (const [key, item] of keys) parts.push(`${JSON.stringify(key)}:${showItem(item)}`);
  return parts.join(",");
};

/** All roots with visible content, by name. */
export const dumpDocument = (doc: Y.Doc): ReadonlyMap<string, string> =>
  new Map(
    [...doc.share]
      .map(([name, type]) => [name, dumpType(type)] as const)
      .filter(([, text]) => text !== "")
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );

/** Client ids under which the session was written: those of the room's ledger, and of former ones if it was renewed. */
const ledgerIds = (doc: Y.Doc): ReadonlySet<number> => {
  const ids = new Set<number>();
  for (const last of doc.getMap("session")._map.values()) {
    for (let item: Y.Item | null = last; item !== null; item = item.left) ids.add(item.id.client);
  }
  return ids;
};

/**
 * The state vector of the content as text, in order of the client ids. Not that of the ledgers: whoever joined before
 * a renewal, which attackers can cause (S5), holds the former one too.
 */
export const dumpClocks = (doc: Y.Doc): string => {
  const ledgers = ledgerIds(doc);
  return [...Y.decodeStateVector(Y.encodeStateVector(doc))]
    .filter(([client]) => !ledgers.has(client))
    .sort(([a], [b]) => a - b)
    .map(([client, clock]) => `${client}:${clock}`)
    .join(" ");
};

/** Excerpts of both texts at their first difference; `null` if they are equal. */
export const firstDifference = (a: string, b: string): string | null => {
  if (a === b) return null;
  let at = 0;
  while (a[at] === b[at]) at++;
  const excerpt = (text: string): string => text.slice(Math.max(at - 60, 0), at + 60);
  return `${excerpt(a)} | ${excerpt(b)}`;
};
