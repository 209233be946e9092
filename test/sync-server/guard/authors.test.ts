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

const makeAuthors = (...records: Uint8Array[]) => {
  const calls = { changes: 0, freed: 0 };
  const authors = new Authors<TestWriter>(records, { onChange: () => calls.changes++, onFreed: () => calls.freed++ });
  return { authors, calls };
};

/** What a writer may do under a client id: write at any time, write in a recovery, show a cursor. */
const rightsOf = (authors: Authors<TestWriter>, client: number, writer: TestWriter): string => {
  if (authors.mayWrite(client, writer, false)) return authors.mayShowCursor(client, writer) ? "all" : "write";
  const may = authors.mayShowCursor(client, writer) ? "cursor" : "nothing";
  return authors.mayWrite(client, writer, true) ? `${may}, in a recovery write` : may;
};

describe("the author of a client id", () => {
  it.each([
    ["a known person", ann],
    ["an invited person", invited("i1")],
    ["a stock guest", guest("g1")],
  ])("[G8] is %s who shows a cursor under it, and nobody else writes while that connection is here", (_what, owner) => {
    const { authors } = makeAuthors();
    authors.showCursor(1, owner);
    for (const other of [ben, guest("g2"), invited("i2")]) expect(rightsOf(authors, 1, other)).toBe("nothing");
    expect(rightsOf(authors, 1, owner)).toBe("all");
    expect(authors.otherOwner(1, ben)).toBe(owner);
    expect(authors.otherOwner(1, owner)).toBeNull();
    expect(authors.isOwn(1, owner)).toBe(true);
  });

  it.each([
    ["brings it from an offline copy", false],
    ["brings it from a mesh", true],
  ])("[G8] is not somebody with a cursor of their own who %s", (_what, isEdit) => {
    const { authors } = makeAuthors();
    authors.showCursor(1, ann);
    authors.wrote(2, ann, isEdit);
    expect(authors.isOwn(2, ann)).toBe(false);
    for (const who of [ben, guest("g"), invited("i")]) expect(rightsOf(authors, 2, who)).toBe("all");
    authors.showCursor(2, ben);
    expect(rightsOf(authors, 2, ann)).toBe("nothing");
    authors.release(ann);
    authors.release(ben);
    expect(rightsOf(authors, 2, ben)).toBe("all");
  });

  it("[G8] is, provisionally, a connection without a cursor that edits under it alone", () => {
    const { authors, calls } = makeAuthors();
    authors.wrote(1, ann, false);
    expect(rightsOf(authors, 1, ben)).toBe("all");
    authors.wrote(1, ann, true);
    expect(authors.isOwn(1, ann)).toBe(true);
    expect(rightsOf(authors, 1, ben)).toBe("cursor");
    authors.release(ann);
    expect(rightsOf(authors, 1, ben)).toBe("cursor, in a recovery write");
    expect(rightsOf(authors, 1, person("ann"))).toBe("all");
    authors.showCursor(1, ben);
    expect(rightsOf(authors, 1, ann)).toBe("nothing");
    expect(calls.freed).toBe(0);
  });

  it("[G8] is nobody, once such a connection edits under several, or shows its cursor under another", () => {
    for (const prove of [
      (authors: Authors<TestWriter>) => authors.wrote(2, ann, true),
      (authors: Authors<TestWriter>) => authors.showCursor(2, ann),
    ]) {
      const { authors, calls } = makeAuthors();
      authors.wrote(1, ann, true);
      prove(authors);
      expect(rightsOf(authors, 1, ben)).toBe("all");
      expect(calls.freed).toBe(1);
      authors.release(ann);
      expect(rightsOf(authors, 1, ben)).toBe("all");
    }
  });

  it("[G8] is the one who shows a cursor while somebody else has only written", () => {
    const { authors } = makeAuthors();
    authors.wrote(1, guest("g"), true);
    authors.showCursor(1, ben);
    expect(rightsOf(authors, 1, guest("g"))).toBe("nothing");
    expect(authors.isOwn(1, ben)).toBe(true);
  });
});

describe("an absent author", () => {
  it("[G9] who is a known person is the only one to write, but for a recovery, and to show a cursor at any time", () => {
    const { authors } = makeAuthors();
    authors.showCursor(1, ann);
    expect(authors.release(ann)).toBe(true);
    expect(authors.release(ann)).toBe(false);
    for (const other of [ben, guest("g"), invited("i")]) {
      expect(rightsOf(authors, 1, other)).toBe("nothing, in a recovery write");
    }
    authors.wrote(1, ben, false);
    expect(authors.otherOwner(1, ann)).toBeNull();
    expect(rightsOf(authors, 1, ben)).toBe("nothing, in a recovery write");
    expect(rightsOf(authors, 1, person("ann"))).toBe("all");
    // Not even in a recovery, while the author is here.
    authors.showCursor(1, ann);
    expect(rightsOf(authors, 1, ben)).toBe("nothing");
  });

  it("[G9] who is a guest is continued by anybody, and takes the id back from whoever has it", () => {
    const { authors } = makeAuthors();
    const gus = invited("gus");
    authors.showCursor(1, gus);
    authors.wrote(1, gus, true);
    authors.release(gus);
    for (const other of [ben, guest("g"), invited("i")]) expect(rightsOf(authors, 1, other)).toBe("all");
    authors.wrote(1, ben, true);
    authors.showCursor(1, ben);
    authors.wrote(1, ben, true);
    expect(rightsOf(authors, 1, guest("g"))).toBe("nothing");
    expect(rightsOf(authors, 1, gus)).toBe("all");
    authors.wrote(1, gus, true);
    expect(rightsOf(authors, 1, ben)).toBe("nothing");
    expect(authors.isOwn(1, gus)).toBe(true);
  });

  it("[G9] is kept for a known person's cursors without text, but only for the last 16 of them", () => {
    const { authors } = makeAuthors();
    for (let client = 1; client <= 20; client++) authors.showCursor(client, ann);
    authors.wrote(20, ann, true);
    authors.showCursor(21, ann);
    authors.release(ann);
    const kept = Array.from({ length: 21 }, (_, at) => at + 1).filter(
      (client) => !authors.mayWrite(client, ben, false),
    );
    expect(kept).toEqual(Array.from({ length: 17 }, (_, at) => at + 5));
  });
});

describe("several connections", () => {
  it("[G10] a newer connection of the same person writes at once, and the older one's end does not free the id", () => {
    const { authors } = makeAuthors();
    const newer = person("ann");
    authors.showCursor(1, ann);
    expect(rightsOf(authors, 1, newer)).toBe("all");
    authors.showCursor(1, newer);
    expect(authors.release(ann)).toBe(false);
    expect(authors.otherOwner(1, ben)).toBe(newer);
  });

  it("[G10] a person's second tab that brings what the first wrote does not take its client id", () => {
    const { authors } = makeAuthors();
    const second = person("ann");
    authors.showCursor(1, ann);
    authors.wrote(1, second, true);
    authors.release(second);
    expect(authors.otherOwner(1, ben)).toBe(ann);
  });

  it("[G8] one connection owns no more than 16 client ids", () => {
    const { authors } = makeAuthors();
    for (let client = 1; client <= 20; client++) authors.showCursor(client, guest("g"));
    const gus = guest("gus");
    for (let client = 1; client <= 20; client++) authors.showCursor(client + 100, gus);
    expect(authors.otherOwner(104, ben)).toBeNull();
    expect(authors.otherOwner(105, ben)).toBe(gus);
  });

  it("[G12] what was written as a guest is the person's once it is known that they have their token", () => {
    const { authors } = makeAuthors();
    const writer = guest("g1");
    authors.showCursor(1, writer);
    authors.wrote(1, writer, true);
    writer.authorKey = "person:g1";
    authors.rename(writer);
    authors.release(writer);
    authors.showCursor(1, ben);
    expect(rightsOf(authors, 1, guest("g2"))).toBe("nothing");
    expect(rightsOf(authors, 1, invited("g1"))).toBe("all");
  });
});

describe("whether a client id is the writer's own", () => {
  it("[G8] includes the one under which it wanted to show a cursor in vain, until it shows another", () => {
    const { authors } = makeAuthors();
    authors.showCursor(1, ann);
    expect(authors.isOwn(1, ben)).toBe(false);
    expect(authors.mayShowCursor(1, ben)).toBe(false);
    expect(authors.isOwn(1, ben)).toBe(true);
    authors.showCursor(2, ben);
    expect(authors.isOwn(1, ben)).toBe(false);
  });

  it("[G8] [G9] decides whether the writer is refused for good, unless its own former connection may be in the way", () => {
    const { authors } = makeAuthors();
    const refused = (writer: TestWriter): boolean => {
      authors.mayShowCursor(1, writer);
      return authors.isRefusedForGood(1, writer);
    };
    authors.showCursor(1, guest("g1"));
    expect(authors.isRefusedForGood(1, ben)).toBe(false);
    expect(refused(ben)).toBe(true);
    expect(refused(guest("g2"))).toBe(false);
    const known = makeAuthors().authors;
    known.showCursor(1, ann);
    known.release(ann);
    expect(known.mayShowCursor(1, guest("g2"))).toBe(false);
    expect(known.isRefusedForGood(1, guest("g2"))).toBe(false);
    const late = guest("g3");
    known.mayShowCursor(1, late);
    expect(known.isRefusedForGood(1, late)).toBe(true);
  });
});

describe("the records of authorship", () => {
  it("[G9] give the next relay the same authors, whole or change by change", () => {
    const records: Uint8Array[] = [];
    const { authors, calls } = makeAuthors();
    const store = (): void => {
      const taken = authors.takeChanges();
      if (taken !== null) records.push(taken);
    };
    const [gus, bot, mixed] = [invited("gus"), person("bot"), person("mixed")];
    authors.showCursor(1, ann);
    authors.wrote(5, mixed, true);
    store();
    authors.wrote(1, ann, true);
    store();
    expect(records).toHaveLength(1);
    authors.showCursor(2, gus);
    authors.wrote(2, gus, true);
    authors.wrote(3, bot, true);
    authors.wrote(6, mixed, true);
    store();
    expect(records).toHaveLength(2);
    expect(calls.changes).toBe(5);
    for (const all of [records, [authors.encode()]]) {
      const next = makeAuthors(...all).authors;
      expect(rightsOf(next, 1, ben)).toBe("nothing, in a recovery write");
      expect(rightsOf(next, 2, ben)).toBe("all");
      expect(rightsOf(next, 3, ben)).toBe("cursor, in a recovery write");
      expect(rightsOf(next, 5, ben)).toBe("all");
      next.showCursor(2, ben);
      expect(rightsOf(next, 2, gus)).toBe("all");
      expect(rightsOf(next, 3, bot)).toBe("all");
    }
  });

  it("[G9] of earlier relays are read: guests of a role are guests, all others known", () => {
    // One group each: the key, how many ids, the ids.
    const text = (key: string): number[] => [key.length, ...new TextEncoder().encode(key)];
    const record = Uint8Array.from([2, ...text("guest:host"), 1, 7, ...text("person:ann"), 1, 8]);
    const { authors } = makeAuthors(record);
    expect(rightsOf(authors, 7, ben)).toBe("all");
    expect(rightsOf(authors, 8, ben)).toBe("nothing, in a recovery write");
    expect(rightsOf(authors, 8, ann)).toBe("all");
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
