/** The bench counts right, whatever a server does with frames, writes and updates; and it tells no goal met that is not. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Deliveries } from "../../bench/generator/deliveries.ts";
import type { Goal, Load } from "../../bench/loads/load.ts";
import { conclude } from "../../bench/report/outcome.ts";
import { meanInterval, ratioInterval } from "../../bench/report/stats.ts";
import { cursorUpdate, readCursors } from "../../bench/wire/cursors.ts";
import { FrameReader, Opcode } from "../../bench/wire/frame.ts";
import { readStructs } from "../../bench/wire/structs.ts";

const serverFrame = (payload: Buffer): Buffer => {
  const { length } = payload;
  if (length < 126) return Buffer.concat([Buffer.of(0x82, length), payload]);
  const head = Buffer.alloc(length < 65_536 ? 4 : 10);
  head[0] = 0x82;
  head[1] = length < 65_536 ? 126 : 127;
  if (length < 65_536) head.writeUInt16BE(length, 2);
  else head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, payload]);
};

describe("frames", () => {
  const payloads = [0, 1, 125, 126, 300, 65_535, 65_536, 70_000, 2].map((size, i) => Buffer.alloc(size, i + 1));
  const stream = Buffer.concat(payloads.map(serverFrame));

  it.each([1, 2, 3, 7, 1_000, 65_537, stream.length])("are the same when they come %i bytes at a time", (size) => {
    const reader = new FrameReader();
    const read: Buffer[] = [];
    for (let at = 0; at < stream.length; at += size) {
      reader.read(stream.subarray(at, at + size), (opcode, bytes, from, to) => {
        expect(opcode).toBe(Opcode.binary);
        read.push(Buffer.from(bytes.subarray(from, to)));
      });
    }
    expect(read.map((each) => each.length)).toEqual(payloads.map((each) => each.length));
    expect(Buffer.concat(read).equals(Buffer.concat(payloads))).toBe(true);
  });
});

const typed = (clientID: number, characters: number): { doc: Y.Doc; updates: Uint8Array[] } => {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (let i = 0; i < characters; i++) doc.getText("notes").insert(i % 3 === 2 ? 0 : i, "x");
  return { doc, updates };
};

/** Every unit of every client's clock that the update holds, as `client:clock`. */
const unitsOf = (update: Uint8Array): string[] => {
  const units = new Set<string>();
  // As it stands in a frame: with something before and behind.
  const frame = Buffer.concat([Buffer.of(0, 2), update, Buffer.of(99)]);
  readStructs(frame, 2, frame.length - 1, (client, clock, end) => {
    for (let unit = clock; unit < end; unit++) units.add(`${client}:${unit}`);
  });
  return [...units].toSorted();
};
const range = (client: number, from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `${client}:${from + i}`);

describe("the structs of an update", () => {
  const a = typed(10, 9);
  const b = typed(300_000, 9);

  it("are found in a single update", () => {
    expect(unitsOf(a.updates[4]!)).toEqual(range(10, 4, 5));
  });

  it("are found in merged updates of several writers", () => {
    const merged = Y.mergeUpdates([...a.updates.slice(2, 6), ...b.updates.slice(0, 3)]);
    expect(unitsOf(merged)).toEqual([...range(10, 2, 6), ...range(300_000, 0, 3)].toSorted());
  });

  it("leave out what a merge skips", () => {
    const merged = Y.mergeUpdates([a.updates[0]!, a.updates[5]!]);
    expect(unitsOf(merged)).toEqual(["10:0", "10:5"]);
  });

  it("are found in a whole document, with deletes and with other content than text", () => {
    const { doc } = typed(7, 9);
    doc.getText("notes").delete(2, 3);
    doc.getMap("session").set("ended", { at: 1, by: null });
    doc.getMap("session").set("run", 2);
    expect(unitsOf(Y.encodeStateAsUpdate(doc))).toEqual(range(7, 0, 11).toSorted());
  });
});

describe("deliveries", () => {
  it("are complete when the last receiver has all, in any order and twice", () => {
    const deliveries = new Deliveries(50, 2, 3, 4);
    for (let clock = 0; clock < 4; clock++) deliveries.sent(1, clock, 2, 100 + clock);
    deliveries.received(0, 51, 0, 4, 110);
    deliveries.received(0, 51, 0, 4, 111);
    deliveries.received(2, 51, 2, 4, 120);
    deliveries.received(2, 99, 0, 4, 121);
    expect(deliveries.delivered).toBe(4);
    deliveries.received(2, 51, 0, 1, 130);
    expect(deliveries.outstanding).toBe(3);
    deliveries.received(2, 51, 1, 2, 140);
    expect(deliveries.outstanding).toBe(0);
    expect(deliveries.latenciesMs(999)).toEqual([30, 39, 38, 37]);
  });

  it("that never come are told, and make the time longer", () => {
    const deliveries = new Deliveries(50, 1, 2, 2);
    deliveries.sent(0, 0, 2, 0);
    deliveries.received(0, 50, 0, 1, 5);
    expect(deliveries.outstanding).toBe(1);
    expect(deliveries.latenciesMs(1_000)).toEqual([1_000]);
  });

  it("of a warm-up do not count, and what is measured goes on behind them", () => {
    const deliveries = new Deliveries(50, 1, 1, 2);
    deliveries.sent(0, 0, 1, 0);
    deliveries.received(0, 50, 0, 1, 900);
    deliveries.startOver();
    expect(deliveries.delivered).toBe(0);
    deliveries.sent(0, 1, 1, 1_000);
    deliveries.received(0, 50, 0, 2, 1_007);
    expect(deliveries.delivered).toBe(1);
    expect(deliveries.latenciesMs(2_000)).toEqual([7]);
  });
});

describe("cursors", () => {
  it("are found by their number, also when a relay has added to the state", () => {
    const seen: string[] = [];
    const update = Buffer.concat([Buffer.of(1, 120), cursorUpdate(2_000_001, 4, 123, "Ann")]);
    readCursors(update, 2, (client, n) => seen.push(`${client}:${n}`));
    readCursors(Buffer.from([1, 5, 1, 4, ...Buffer.from("null")]), 0, () => seen.push("gone"));
    expect(seen).toEqual(["2000001:123"]);
  });
});

describe("what is concluded", () => {
  it("has the intervals of Student's t", () => {
    const { value, low, high } = meanInterval([1, 2, 3]);
    expect([value, low, high].map((each) => each.toFixed(3))).toEqual(["2.000", "-0.484", "4.484"]);
    const ratio = ratioInterval([2, 8], [1, 4]);
    expect([ratio.value, ratio.low, ratio.high].map((each) => each.toFixed(3))).toEqual(["2.000", "2.000", "2.000"]);
    expect(meanInterval([1]).high).toBe(Infinity);
  });

  const goal: Goal = { text: "", server: "ours", figure: "cpuUs", how: "ratio", against: "best-peer", atMost: 0.5 };
  const load = { id: "people", title: "", figures: ["cpuUs"], compared: ["cpuUs"], goals: [goal] } as unknown as Load;
  const goalOf = (ours: number[]) => {
    const figures = (values: number[]) => values.map((cpuUs) => ({ cpuUs }));
    const rounds = new Map([
      ["y-websocket", figures([9, 9, 9])],
      ["hocuspocus", figures([10, 8, 8])],
      ["ours", figures(ours)],
    ] as const);
    return conclude(load, "", { variant: "raw", on: "", commit: "", machine: "", updates: 1 }, rounds, {}).goals[0]!;
  };

  it("is a goal met when the whole interval lies below, against the better peer", () => {
    expect(goalOf([4.7, 3.8, 3.8])).toMatchObject({ isMet: true, what: "ratio to Hocuspocus 4.7" });
  });

  it("is a goal not met when only the middle lies below", () => {
    const outcome = goalOf([7, 2, 2]);
    expect(outcome.value).toBeLessThan(0.5);
    expect(outcome.isMet).toBe(false);
  });
});
