/**
 * What real editors send passes the guard whole: recordings of two pages with undo managers, online and offline
 * (record/main.ts says what was done), are admitted, stored and forwarded, and nobody sees another document for it.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as Y from "yjs";
import { describe, expect, it } from "vitest";
import { Guard } from "../../sync-server/guard/guard.ts";
import { StructStore } from "../../sync-server/struct-store/struct-store.ts";

type RecordedMessage = { readonly page: number; readonly kind: "update" | "sync"; readonly update: string };

const FOLDER = join(import.meta.dirname, "recordings");
/** The root type that each editor writes to, besides those that are found under it. */
const ROOTS: Readonly<Record<string, (doc: Y.Doc) => Y.Text | Y.XmlFragment | Y.Map<unknown>>> = {
  codemirror: (doc) => doc.getText("codemirror"),
  quill: (doc) => doc.getText("quill"),
  prosemirror: (doc) => doc.getXmlFragment("prosemirror"),
  tiptap: (doc) => doc.getXmlFragment("tiptap"),
  whiteboard: (doc) => doc.getMap("shapes"),
  "whiteboard-without-gc": (doc) => doc.getMap("shapes"),
  lexical: (doc) => doc.get("root", Y.XmlText),
};

const readRecording = (name: string): Uint8Array[] => {
  const text = readFileSync(join(FOLDER, `${name}.json`), "utf8");
  const { messages } = JSON.parse(text) as { readonly messages: readonly RecordedMessage[] };
  return messages.map(({ update }) => new Uint8Array(Buffer.from(update, "base64")));
};

/** What a type shows, in plain values: text with its formats, types within it alike. */
const plain = (value: unknown): unknown => {
  if (value instanceof Y.Text) {
    const delta = value.toDelta() as { readonly insert: unknown; readonly attributes?: unknown }[];
    return [value.getAttributes(), delta.map(({ insert, attributes }) => ({ insert: plain(insert), attributes }))];
  }
  if (value instanceof Y.XmlElement) return [value.nodeName, value.getAttributes(), value.toArray().map(plain)];
  if (value instanceof Y.XmlFragment || value instanceof Y.Array) return value.toArray().map(plain);
  if (value instanceof Y.Map) return Object.fromEntries([...value].map(([key, each]) => [key, plain(each)]));
  return value;
};

const contentOf = (doc: Y.Doc, name: string): unknown => plain(ROOTS[name]!(doc));

const runCompaction = (store: StructStore): void => {
  const slices = store.compact();
  while (slices.next().done !== true);
};

describe.each(readdirSync(FOLDER).map((file) => file.replace(/\.json$/, "")))("what %s sends", (name) => {
  it("[G11] is admitted whole, in the order in which it was sent", () => {
    const guard = new Guard(new Map());
    const store = new StructStore();
    const sent = new Y.Doc();
    const received = new Y.Doc();
    for (const update of readRecording(name)) {
      Y.applyUpdate(sent, update);
      const { accepted, waitingStructs, waitingDeletes, forbidden } = guard.admit(update, { content: store });
      expect([waitingStructs.length, waitingDeletes.length, [...forbidden].length]).toEqual([0, 0, 0]);
      if (accepted === null) continue;
      expect(store.add(accepted)).toBe(true);
      Y.applyUpdate(received, accepted);
      expect(contentOf(received, name)).toEqual(contentOf(sent, name));
    }
    expect(Y.encodeStateVector(received)).toEqual(Y.encodeStateVector(sent));

    const loaded = new Y.Doc();
    Y.applyUpdate(loaded, store.encode());
    expect(contentOf(loaded, name)).toEqual(contentOf(sent, name));
    runCompaction(store);
    const compacted = new Y.Doc();
    Y.applyUpdate(compacted, store.encode());
    expect(contentOf(compacted, name)).toEqual(contentOf(sent, name));
  });
});
