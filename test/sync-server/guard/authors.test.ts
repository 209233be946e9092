/** Who may write under which client id, without bytes or sockets (docs/SPEC.md, G8 to G10). */
import { describe, expect, it } from "vitest";
import { Authors } from "../../../sync-server/guard/authors.ts";
import type { Writer } from "../../../sync-server/guard/authors.ts";
import { readRecord, writeRecord } from "../../../sync-server/guard/record.ts";

type TestWriter = Writer & { authorKey: string };

const person = (id: string): TestWriter => ({ identity: { id }, authorKey: `person:${id}`, sharedKey: null });
const guest = (id: string): TestWriter => ({
  identity: { id },
  authorKey: "guest:participant",
  sharedKey: "guest:participant",
});
/** An invited person who has a personal token. */
const invited = (id: string): TestWriter => ({ ...guest(id), authorKey: `person:${id}` });

const ann = person("ann");
const ben = person("ben");

describe("authors", () => {
  it("[G8] a client id is its first writer's while that connection is here, and asking changes nothing", () => {
    const authors = new Authors<TestWriter>();
    expect(authors.mayWrite(1, ben, false)).toBe(true);
    expect(authors.mayWrite(1, ann, false)).toBe(true);
    authors.claim(1, ann, false);
    expect(authors.mayWrite(1, ann, false)).toBe(true);
    expect(authors.mayWrite(1, ben, false)).toBe(false);
    expect(authors.otherOwner(1, ben)).toBe(ann);
    expect(authors.otherOwner(1, ann)).toBeNull();
    expect(authors.isForeign(1, ben)).toBe(true);
  });

  it("[G9] it stays the author's when they are gone; in a recovery anybody may bring it, and does not get it", () => {
    const authors = new Authors<TestWriter>();
    authors.claim(1, ann, false);
    expect(authors.release(ann)).toBe(true);
    expect(authors.release(ann)).toBe(false);
    expect(authors.mayWrite(1, ben, false)).toBe(false);
    expect(authors.otherOwner(1, ben)).toBeNull();
    expect(authors.mayWrite(1, ben, true)).toBe(true);
    authors.claim(1, ben, true);
    expect(authors.mayWrite(1, ben, false)).toBe(false);
    authors.claim(2, ben, true);
    expect(authors.mayWrite(2, ann, false)).toBe(true);
    // Not even in a recovery, while the author is here.
    authors.claim(1, ann, false);
    expect(authors.mayWrite(1, ben, true)).toBe(false);
  });

  it("[G10] a newer connection of the same person takes over, and the older one's end does not free the id", () => {
    const authors = new Authors<TestWriter>();
    const newer = person("ann");
    authors.claim(1, ann, false);
    expect(authors.mayWrite(1, newer, false)).toBe(true);
    authors.claim(1, newer, false);
    expect(authors.release(ann)).toBe(false);
    expect(authors.otherOwner(1, ben)).toBe(newer);
  });

  it("[G10] guests of a role share what they left, but not what is somebody's who is here", () => {
    const authors = new Authors<TestWriter>();
    const [first, second] = [guest("g1"), guest("g2")];
    authors.claim(1, first, false);
    expect(authors.mayWrite(1, second, false)).toBe(false);
    authors.release(first);
    expect(authors.mayWrite(1, second, false)).toBe(true);
    expect(authors.mayWrite(1, invited("g3"), false)).toBe(true);
    expect(authors.mayWrite(1, ann, false)).toBe(false);
  });

  it("[G8] a client id is reserved for the cursor under it, unless it is somebody's already", () => {
    const authors = new Authors<TestWriter>();
    authors.reserve(1, ann);
    authors.reserve(1, ben);
    expect(authors.mayWrite(1, ben, false)).toBe(false);
    authors.release(ann);
    authors.reserve(1, ben);
    expect(authors.mayWrite(1, ben, false)).toBe(false);
    expect(authors.isForeign(1, ann)).toBe(false);
  });

  it("[G12] what was written as a guest is the person's once it is known that they have their token", () => {
    const authors = new Authors<TestWriter>();
    const writer = guest("g1");
    authors.claim(1, writer, false);
    writer.authorKey = "person:g1";
    authors.rename(writer);
    authors.release(writer);
    expect(authors.mayWrite(1, guest("g2"), false)).toBe(false);
    expect(authors.mayWrite(1, invited("g1"), false)).toBe(true);
  });

  it("[G9] its records, whole or change by change, give the next relay the same authors", () => {
    const records: Uint8Array[] = [];
    let changes = 0;
    const authors = new Authors<TestWriter>([], () => changes++);
    const keep = (): void => {
      const taken = authors.takeChanges();
      if (taken !== null) records.push(taken);
    };
    authors.claim(1, ann, false);
    keep();
    authors.claim(1, ann, false);
    keep();
    authors.claim(2, ann, false);
    authors.reserve(3, ben);
    keep();
    expect(records).toHaveLength(2);
    expect(changes).toBe(3);
    for (const next of [new Authors<TestWriter>(records), new Authors<TestWriter>([authors.encode()])]) {
      for (const client of [1, 2, 3]) {
        expect(next.mayWrite(client, ann, false)).toBe(client < 3);
        expect(next.mayWrite(client, ben, false)).toBe(client === 3);
      }
    }
  });
});

describe("the record beside the content", () => {
  it("keeps both parts apart, and refuses another version", () => {
    const guard = Uint8Array.of(1, 2);
    const authors = Uint8Array.of(3);
    expect(readRecord(writeRecord({ guard, authors }))).toEqual({ guard, authors });
    expect(readRecord(writeRecord({ guard: null, authors }))).toEqual({ guard: null, authors });
    expect(() => readRecord(Uint8Array.of(1, 0, 0))).toThrow("version 1");
  });
});
