/** The set of ranges against a plain set of ids. */
import { describe, expect, it } from "vitest";
import { IdRanges } from "../../../sync-server/struct-store/id-ranges.ts";
import { Steps } from "../../../sync-server/struct-store/steps.ts";
import { Random } from "../../random.ts";

const CLIENTS = [3, 4, 2 ** 40];

const rangesOf = (ranges: IdRanges, client: number): [number, number][] => {
  const found: [number, number][] = [];
  for (let clock = 0; ranges.find(client, clock); clock = ranges.foundEnd) {
    found.push([ranges.foundStart, ranges.foundEnd]);
  }
  return found;
};

const rangesOfSet = (ids: ReadonlySet<number>): [number, number][] => {
  const found: [number, number][] = [];
  for (const id of [...ids].toSorted((a, b) => a - b)) {
    const last = found.at(-1);
    if (last?.[1] === id) last[1] = id + 1;
    else found.push([id, id + 1]);
  }
  return found;
};

describe("IdRanges", () => {
  it.each([
    { span: 400, longest: 4, times: 500 },
    { span: 20_000, longest: 3, times: 6_000 },
    { span: 20_000, longest: 3_000, times: 3_000 },
  ])("holds the same as a set of ids: %o", ({ span, longest, times }) => {
    const random = new Random(span + longest);
    const ranges = new IdRanges(new Steps());
    const sets = new Map(CLIENTS.map((client) => [client, new Set<number>()]));
    for (let i = 0; i < times; i++) {
      const client = random.pick(CLIENTS);
      const clock = random.below(span);
      const end = clock + 1 + random.below(random.chance(0.02) ? longest : Math.min(longest, 3));
      const ids = sets.get(client)!;
      const before = ids.size;
      for (let id = clock; id < end; id++) ids.add(id);
      expect(ranges.covers(client, clock, end)).toBe(ids.size === before);
      expect(ranges.add(client, clock, end)).toBe(ids.size > before);
      expect(ranges.covers(client, clock, end)).toBe(true);
    }
    let count = 0;
    for (const client of CLIENTS) {
      const expected = rangesOfSet(sets.get(client)!);
      expect(rangesOf(ranges, client)).toEqual(expected);
      count += expected.length;
    }
    expect(ranges.count).toBe(count);
    expect(ranges.find(5, 0)).toBe(false);
  });

  it("takes out what one large range covers, over many blocks", () => {
    const ranges = new IdRanges(new Steps());
    for (let i = 0; i < 5_000; i++) ranges.add(3, i * 2, i * 2 + 1);
    ranges.add(2, 0, 1);
    ranges.add(4, 0, 1);
    expect(ranges.add(3, 3, 9_001)).toBe(true);
    expect(rangesOf(ranges, 3).slice(0, 4)).toEqual([
      [0, 1],
      [2, 9_001],
      [9_002, 9_003],
      [9_004, 9_005],
    ]);
    expect(rangesOf(ranges, 2)).toEqual([[0, 1]]);
    expect(rangesOf(ranges, 4)).toEqual([[0, 1]]);
    expect(ranges.add(3, 0, 20_000)).toBe(true);
    expect(rangesOf(ranges, 3)).toEqual([[0, 20_000]]);
    expect(ranges.count).toBe(3);
  });
});
