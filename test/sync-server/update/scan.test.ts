/** The scanner against Yjs itself: it must read what Yjs reads, and refuse what Yjs cannot. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import { scanUpdate, StructKind } from "../../../sync-server/update/scan.ts";
import { finish, UNSLICED } from "../../../sync-server/update/slice.ts";
import { writeScanned } from "../../../sync-server/update/write.ts";
import { anyEdits, applyEdit, docWithId } from "../guard/arbitrary-edits.ts";

const ROOT = new TextEncoder().encode("session");

/** What Yjs reads of an update, in the words of the scanner. */
const decode = (update: Uint8Array) => {
  const { structs, ds } = Y.decodeUpdate(update);
  return {
    structs: structs.map((struct) => `${struct.id.client}:${struct.id.clock}+${struct.length}`),
    // Empty deletes ask for nothing; the scanner leaves them out.
    deletes: [...ds.clients].flatMap(([client, items]) =>
      items.filter(({ len }) => len > 0).map(({ clock, len }) => `${client}:${clock}+${len}`),
    ),
  };
};

const scan = (update: Uint8Array) => {
  const { sections, deletes } = scanUpdate(update, ROOT);
  return {
    structs: sections.flatMap(({ client, structs }) =>
      structs.map(({ clock, length }) => `${client}:${clock}+${length}`),
    ),
    deletes: deletes.map(({ client, clock, length }) => `${client}:${clock}+${length}`),
  };
};

describe("scanUpdate", () => {
  it("[G6] reads every update of a real document as Yjs does", () => {
    fc.assert(
      fc.property(anyEdits, (edits) => {
        const doc = docWithId(7);
        const updates: Uint8Array[] = [];
        doc.on("update", (update: Uint8Array) => updates.push(update));
        for (const edit of edits) applyEdit(doc, edit);
        for (const update of [
          ...updates,
          Y.encodeStateAsUpdate(doc),
          Y.mergeUpdates([...updates, Y.encodeStateAsUpdate(new Y.Doc())]),
        ]) {
          expect(scan(update)).toEqual(decode(update));
          expect(scanUpdate(update, ROOT).exact).toBe(true);
        }
      }),
    );
  });

  it("[G6] reads updates with gaps, as Skip structs", () => {
    const doc = docWithId(7);
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    for (const word of ["one", "two", "three"]) doc.getArray("a").push([word]);
    const gapped = Y.mergeUpdates([updates[0]!, updates[2]!]);
    expect(scanUpdate(gapped, ROOT).sections[0]!.structs.map(({ kind }) => kind)).toContain(StructKind.skip);
    expect(scan(gapped)).toEqual(decode(gapped));
  });

  it("[G6] throws nothing but MalformedError, and reads nothing that Yjs cannot", () => {
    const doc = docWithId(7);
    doc.getText("t").insert(0, "héllo 👋", { bold: true });
    doc.getMap("m").set("key", { deep: [1, -2.5, null, true, "text", new Uint8Array(3)] });
    doc.getXmlFragment("x").insert(0, [new Y.XmlElement("p"), new Y.XmlText("text")]);
    doc.getText("t").delete(1, 2);
    const honest = Y.encodeStateAsUpdate(doc);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(honest.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.nat(honest.length),
        (changes, length) => {
          const bytes = honest.slice(0, length < honest.length / 4 ? length : honest.length);
          for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
          let scanned: ReturnType<typeof scan>;
          try {
            scanned = scan(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedError);
            return;
          }
          expect(scanned).toEqual(decode(bytes));
        },
      ),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["nothing", []],
    ["a number without end", [0x80, 0x80]],
    ["a number too large", [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f]],
    ["a number of a thousand zeros", [...new Array<number>(1000).fill(0x80), 0]],
    ["an empty GC struct", [1, 1, 7, 0, 0, 0, 0]],
    ["unknown content", [1, 1, 7, 0, 11, 1, 1, 97, 0]],
    ["two sections of a client", [2, 1, 7, 0, 0, 1, 1, 7, 1, 0, 1, 0]],
    ["a string that is no UTF-8", [1, 1, 7, 0, 4, 1, 1, 97, 1, 0xff, 0]],
    ["a root's name that is no UTF-8", [1, 1, 7, 0, 4, 1, 1, 0xff, 1, 97, 0]],
    ["an unknown shared type", [1, 1, 7, 0, 7, 1, 1, 97, 9, 0]],
    ["an embed that is no JSON", [1, 1, 7, 0, 5, 1, 1, 97, 1, 123, 0]],
    [
      "a value nested too deeply",
      [1, 1, 7, 0, 8, 1, 1, 97, 1, ...new Array<number>(400).fill(0).flatMap(() => [117, 1]), 126, 0],
    ],
  ])("[G6] refuses %s", (_name, bytes) => {
    expect(() => scanUpdate(Uint8Array.from(bytes), ROOT)).toThrow(MalformedError);
  });

  it("finds the protected root by its exact name only", () => {
    const under = (root: string): boolean => {
      const doc = docWithId(7);
      doc.getMap(root).set("ended", 1);
      return scanUpdate(Y.encodeStateAsUpdate(doc), ROOT).sections[0]!.structs[0]!.underProtectedRoot;
    };
    expect(under("session")).toBe(true);
    for (const name of ["session ", "Session", "sessions", "sessio", "\ufeffsession", ""])
      expect(under(name)).toBe(false);
  });
});

describe("writeScanned", () => {
  it("[G7] cuts a struct just as Yjs does", () => {
    fc.assert(
      fc.property(anyEdits, fc.nat(), (edits, seed) => {
        const doc = docWithId(7);
        for (const edit of edits) applyEdit(doc, edit);
        const whole = scanUpdate(Y.encodeStateAsUpdate(doc), ROOT);
        const section = whole.sections[0];
        if (section === undefined) return;
        const clock = seed % Y.getState(doc.store, 7);
        const structs = section.structs
          .filter((struct) => struct.clock + struct.length > clock)
          .map((struct) => ({ struct, forbidden: false, instead: null }));
        const ours = finish(writeScanned(whole.bytes, [{ client: 7, clock, structs }], new Map(), UNSLICED));
        const theirs = Y.encodeStateAsUpdate(doc, Y.encodeStateVector(new Map([[7, clock]]) as never));
        const strip = (update: Uint8Array) => Y.decodeUpdate(update).structs;
        expect(JSON.stringify(strip(ours))).toBe(JSON.stringify(strip(theirs)));
      }),
    );
  });
});
