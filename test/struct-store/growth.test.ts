/** Work grows no faster than n log n over inputs made to be dear: counted in steps, not timed. */
import { describe, expect, it } from "vitest";
import { StructStore } from "../../sync-server/struct-store/struct-store.ts";
import { Random } from "../random.ts";
import { forgeDeletes, forgeStructs } from "./forge.ts";
import type { Forged } from "./forge.ts";
import { reload } from "./world.ts";

const SMALL = 12_500;
const LARGE = 100_000;
/** Steps for each unit of n log2 n, at most; measured: below 5. */
const MOST_FACTOR = 8;
const SLICE = 1_000;

const text = (content: string): { text: string } => ({ text: content });
const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Numbers below a bound in random order. */
const shuffled = (count: number): number[] => {
  const random = new Random(1);
  const numbers = times(count, (index) => index);
  for (let i = count - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
  }
  return numbers;
};

const ONE = 1_000;

/** Typing: one struct for each character. */
const typing = (count: number): Forged[] =>
  times(count, (i) => ({ ...(i === 0 ? {} : { origin: [ONE, i - 1] as const }), content: text("x") }));

const INPUTS: Record<string, (size: number) => Uint8Array[]> = {
  "clients that each set one key of one map": (size) => [
    forgeStructs(times(size, (i) => [ONE + i, [{ parent: "map", key: "key", content: text("x") }]])),
  ],
  "clients that each come in an update of their own": (size) =>
    times(size, (i) => forgeStructs([[ONE + i, [{ parent: "map", key: "key", content: text("x") }]]])),
  "clients that each write behind the one before, sections in reverse": (size) => [
    forgeStructs(
      times(size, (i) => [
        ONE + i,
        [{ ...(i === size - 1 ? {} : { origin: [ONE + i + 1, 0] as const }), content: text("x") }],
      ]),
    ),
  ],
  "deletes in random order": (size) => [
    forgeStructs([[ONE, [{ content: text("x".repeat(2 * size)) }]]]),
    forgeDeletes(
      ONE,
      shuffled(size).map((i) => [2 * i, 1]),
    ),
  ],
  "deletes in random order, one in an update, of typing": (size) => [
    forgeStructs([[ONE, typing(size)]]),
    ...shuffled(size).map((i) => forgeDeletes(ONE, [[i, 1]])),
  ],
  "deletes that cut what is no ASCII": (size) => [
    forgeStructs([[ONE, [{ content: text("é".repeat(2 * size)) }]]]),
    forgeDeletes(
      ONE,
      times(size, (i) => [2 * i + 1, 1]),
    ),
  ],
  "types nested as deep as there are": (size) => [
    forgeStructs([
      [ONE, times(size, (i) => ({ parent: i === 0 ? "array" : ([ONE, i - 1] as const), content: { isType: true } }))],
    ]),
    forgeDeletes(ONE, [[0, 1]]),
  ],
  "a long chain of prepends": (size) => [
    forgeStructs([
      [ONE, times(size, (i) => ({ ...(i === 0 ? {} : { right: [ONE, i - 1] as const }), content: text("x") }))],
    ]),
  ],
  "characters by two clients in turns": (size) => [
    forgeStructs([
      [2000, times(size / 2, (i) => ({ ...(i === 0 ? {} : { origin: [ONE, i - 1] as const }), content: text("x") }))],
      [ONE, times(size / 2, (i) => ({ origin: [2000, i] as const, content: text("y") }))],
    ]),
  ],
  "runs by two clients in turns, that can be joined": (size) => [
    ...times(size / 2, (i) => [2000, ONE].map((client) => ({ client, i })))
      .flat()
      .map(({ client, i }) => {
        // Each goes on behind its own last; sections must begin at the clock that is held.
        const bytes = forgeStructs([
          [client, [{ ...(i === 0 ? {} : { origin: [client, i - 1] as const }), content: text("x") }]],
        ]);
        return withClock(bytes, client, i);
      }),
  ],
  typing: (size) => [forgeStructs([[ONE, typing(size)]])],
};

/** The same update of one section, from another clock on. Ids here take two bytes, and the clock that is replaced one. */
const withClock = (bytes: Uint8Array, client: number, clock: number): Uint8Array => {
  const clockAt = 2 + (client < 128 ? 1 : 2);
  const digits: number[] = [];
  for (let rest = clock; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) {
      digits.push(rest);
      break;
    }
    digits.push((rest % 128) | 128);
  }
  return Uint8Array.from([...bytes.subarray(0, clockAt), ...digits, ...bytes.subarray(clockAt + 1)]);
};

type Work = Record<string, number>;

/** Everything that is ever done with a document, and the steps of each. */
const work = (updates: readonly Uint8Array[]): Work => {
  const store = new StructStore();
  const steps = (run: () => void): number => {
    const before = store.steps.count;
    run();
    return store.steps.count - before;
  };
  const readAnswer = (): void => {
    const answer = store.answer();
    while (answer.next(64 * 1024) !== null);
  };
  const readPartialAnswer = (): void => {
    // Of every client something is missing, or nothing of every other one.
    const held = new Map<number, number>();
    for (const [client, clock] of store.stateVector()) held.set(client, Math.ceil(clock / 2));
    const answer = store.answer(held);
    while (answer.next(64 * 1024) !== null);
  };
  let longestSlice = 0;
  const compact = (): void => {
    const slices = store.compact(SLICE);
    for (;;) {
      const before = store.steps.count;
      const { done } = slices.next();
      longestSlice = Math.max(longestSlice, store.steps.count - before);
      if (done === true) break;
    }
  };
  const result: Work = {
    add: steps(() => {
      for (const update of updates) expect(store.add(update)).toBe(true);
    }),
    answer: steps(readAnswer),
    partialAnswer: steps(readPartialAnswer),
    compaction: steps(compact),
    answerAfter: steps(readAnswer),
    partialAnswerAfter: steps(readPartialAnswer),
  };
  result["loading"] = reload(store, 64 * 1024).steps.count;
  // A slice counts structs; each may search for what it refers to.
  expect(longestSlice).toBeLessThan(SLICE * 100);
  return result;
};

describe("the work for", () => {
  for (const [name, make] of Object.entries(INPUTS)) {
    it(`${name} grows as n log n`, () => {
      for (const size of [SMALL, LARGE]) {
        const most = MOST_FACTOR * size * Math.log2(size);
        for (const [what, steps] of Object.entries(work(make(size)))) {
          expect({ what, size, factor: steps / (size * Math.log2(size)), isBounded: steps <= most }).toMatchObject({
            isBounded: true,
          });
        }
      }
    });
  }
});
