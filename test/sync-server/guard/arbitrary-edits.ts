/** Random edits of a real Yjs document: every content type, nesting, deletes, formatting. */
import fc from "fast-check";
import * as Y from "yjs";

const value = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.constant(null),
  fc.array(fc.oneof(fc.string(), fc.integer()), { maxLength: 3 }),
  fc.dictionary(fc.string({ maxLength: 4 }), fc.integer(), { maxKeys: 3, noNullPrototype: true }),
  fc.uint8Array({ maxLength: 4 }),
);

export type Edit =
  | { type: "insert"; at: number; text: string }
  | { type: "delete"; at: number; length: number }
  | { type: "format"; at: number; length: number; bold: boolean | null }
  | { type: "embed"; at: number }
  | { type: "set"; key: string; value: unknown }
  | { type: "unset"; key: string }
  | { type: "nest"; key: string }
  | { type: "push"; values: unknown[] }
  | { type: "splice"; at: number; length: number }
  | { type: "xml"; name: string }
  | { type: "subdoc" };

/** Without surrogate pairs: an edit that cuts one in two parts Yjs' own peers (yjs 13.6, `ContentString.splice`). */
const text = fc.string({ unit: fc.constantFrom("a", "b", " ", "\n", "é", "漢"), minLength: 1, maxLength: 8 });

const key = fc.constantFrom("a", "b", "c", "session");

export const anyEdit: fc.Arbitrary<Edit> = fc.oneof(
  fc.record({ type: fc.constant("insert" as const), at: fc.nat(), text }),
  fc.record({ type: fc.constant("delete" as const), at: fc.nat(), length: fc.nat(6) }),
  fc.record({
    type: fc.constant("format" as const),
    at: fc.nat(),
    length: fc.nat(6),
    bold: fc.constantFrom(true, false, null),
  }),
  fc.record({ type: fc.constant("embed" as const), at: fc.nat() }),
  fc.record({ type: fc.constant("set" as const), key, value }),
  fc.record({ type: fc.constant("unset" as const), key }),
  fc.record({ type: fc.constant("nest" as const), key }),
  fc.record({ type: fc.constant("push" as const), values: fc.array(value, { minLength: 1, maxLength: 4 }) }),
  fc.record({ type: fc.constant("splice" as const), at: fc.nat(), length: fc.nat(4) }),
  fc.record({ type: fc.constant("xml" as const), name: fc.constantFrom("p", "h1") }),
  fc.record({ type: fc.constant("subdoc" as const) }),
);

export const anyEdits = fc.array(anyEdit, { maxLength: 30 });

export const docWithId = (clientId: number): Y.Doc => {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  return doc;
};

/** Does one edit to the content of a document; positions are taken modulo what there is. */
export const applyEdit = (doc: Y.Doc, edit: Edit): void => {
  const text = doc.getText("text");
  const map = doc.getMap<unknown>("map");
  const array = doc.getArray<unknown>("array");
  const range = (at: number, length: number, size: number) => {
    const start = size === 0 ? 0 : at % size;
    return { start, count: Math.min(length, size - start) };
  };
  switch (edit.type) {
    case "insert":
      return text.insert(edit.at % (text.length + 1), edit.text);
    case "delete": {
      const { start, count } = range(edit.at, edit.length, text.length);
      return text.delete(start, count);
    }
    case "format": {
      const { start, count } = range(edit.at, edit.length, text.length);
      return text.format(start, count, { bold: edit.bold });
    }
    case "embed":
      return text.insertEmbed(edit.at % (text.length + 1), { image: "x" });
    case "set":
      return void map.set(edit.key, edit.value);
    case "unset":
      return map.delete(edit.key);
    case "nest":
      return void map.set(edit.key, new Y.Map([["inner", new Y.Text("nested")]]));
    case "push":
      return array.push(edit.values);
    case "splice": {
      const { start, count } = range(edit.at, edit.length, array.length);
      return array.delete(start, count);
    }
    case "xml": {
      const element = new Y.XmlElement(edit.name);
      element.setAttribute("class", "x");
      element.insert(0, [new Y.XmlText("text")]);
      return doc.getXmlFragment("xml").push([element]);
    }
    case "subdoc":
      return void map.set("sub", new Y.Doc());
  }
};
