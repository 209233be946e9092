/** The reader of the session record: what the contract allows, and nothing else. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { parseSession, readSession, SESSION_ROOT, toRecord } from "../../../src/session/session.ts";
import type { Session } from "../../../src/session/session.ts";

const parse = (record: Record<string, unknown>): Session | null =>
  parseSession((key) => (Object.hasOwn(record, key) ? record[key] : undefined));

const time = fc.double({ noNaN: true, noDefaultInfinity: true });
const person = fc.option(fc.record({ id: fc.string(), name: fc.string() }), { nil: null });
const session: fc.Arbitrary<Session> = fc.oneof(
  fc.constant({ status: "waiting" as const, run: 0 as const }),
  fc.record({ status: fc.constant("live" as const), run: fc.integer({ min: 1 }), startedAt: time }),
  fc.record({
    status: fc.constant("ended" as const),
    run: fc.integer({ min: 1 }),
    startedAt: time,
    ended: fc.record({ at: time, reason: fc.string({ minLength: 1 }), by: person }),
  }),
);

const END = { at: 2, reason: "host-ended", by: { id: "a", name: "A" } };

describe("the session record", () => {
  it("[S2][S3] every session is the same after a round trip through the record", () => {
    fc.assert(
      fc.property(session, (value) => {
        expect(parse(toRecord(value))).toEqual(value);
      }),
    );
  });

  it("[S3] derives the status", () => {
    expect(parse({ run: 0, ended: null })).toEqual({ status: "waiting", run: 0 });
    expect(parse({ run: 2, startedAt: 1, ended: null })).toEqual({ status: "live", run: 2, startedAt: 1 });
    expect(parse({ run: 2, startedAt: 1, ended: END })).toEqual({ status: "ended", run: 2, startedAt: 1, ended: END });
  });

  it("[S3] an empty map is not yet received", () => {
    expect(parse({})).toBeNull();
    expect(readSession(new Y.Doc())).toBeNull();
  });

  it("[S3] startedAt is ignored while run is 0", () => {
    expect(parse({ run: 0, startedAt: "nonsense", ended: null })).toEqual({ status: "waiting", run: 0 });
  });

  it("keeps unknown reasons, and drops unknown keys", () => {
    const record = { run: 1, startedAt: 1, more: true, ended: { ...END, reason: "moved", more: true } };
    expect(parse(record)).toEqual({ status: "ended", run: 1, startedAt: 1, ended: { ...END, reason: "moved" } });
  });

  it.each([
    ["no run", { startedAt: 1, ended: null }],
    ["a negative run", { run: -1, startedAt: 1, ended: null }],
    ["a broken run", { run: 1.5, startedAt: 1, ended: null }],
    ["a run as text", { run: "1", startedAt: 1, ended: null }],
    ["a run above the safe integers", { run: 2 ** 53, startedAt: 1, ended: null }],
    ["no ended", { run: 1, startedAt: 1 }],
    ["an end before the first start", { run: 0, ended: END }],
    ["no start", { run: 1, ended: null }],
    ["a start that is not a number", { run: 1, startedAt: Number.NaN, ended: null }],
    ["an infinite start", { run: 1, startedAt: Number.POSITIVE_INFINITY, ended: null }],
    ["an end that is a flag", { run: 1, startedAt: 1, ended: true }],
    ["an end as text", { run: 1, startedAt: 1, ended: "yes" }],
    ["an end without a time", { run: 1, startedAt: 1, ended: { reason: "admin", by: null } }],
    ["an end without a reason", { run: 1, startedAt: 1, ended: { at: 1, reason: "", by: null } }],
    ["an end without `by`", { run: 1, startedAt: 1, ended: { at: 1, reason: "admin" } }],
    ["an end by a person without a name", { run: 1, startedAt: 1, ended: { ...END, by: { id: "a" } } }],
    [
      "an end by a person whose name is not a text",
      { run: 1, startedAt: 1, ended: { ...END, by: { id: "a", name: 1 } } },
    ],
  ])("[S3] half a session is never shown: %s", (_what, record) => {
    expect(parse(record)).toBeNull();
  });

  it("[S3] the reader never throws and yields only valid sessions, whatever the values are", () => {
    const anything = fc.oneof(fc.anything(), fc.constantFrom(0, 1, null, END), fc.integer());
    fc.assert(
      fc.property(fc.record({ run: anything, startedAt: anything, ended: anything }), (record) => {
        const read = parse(record);
        if (read !== null) expect(parse(toRecord(read))).toEqual(read);
      }),
    );
  });

  it("reads a document, also one whose values are shared types", () => {
    const doc = new Y.Doc();
    const map = doc.getMap<unknown>(SESSION_ROOT);
    for (const [key, value] of Object.entries({ run: 1, startedAt: 1, ended: END })) map.set(key, value);
    expect(readSession(doc)).toMatchObject({ status: "ended", ended: END });
    map.set("ended", new Y.Map());
    expect(readSession(doc)).toBeNull();
  });
});
