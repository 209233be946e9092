/**
 * The kinds of updates that have once broken a relay or its clients, each a row of a table, so that one can be left out
 * (`npm run fuzz -- --kinds …`). Frames of the ordinary grammar are in forge-frame.ts.
 */
import * as encoding from "lib0/encoding";
import type { Random } from "../random.ts";
import type { AttackerView } from "./forge-update.ts";
import {
  after,
  awarenessState,
  concurrentInserts,
  deepAny,
  deepEmbed,
  deepJson,
  inParent,
  itemOf,
  keystroke,
  nestedTypes,
  Ref,
  scatteredDeletes,
  subdocument,
  TypeRef,
  updateOf,
  valueInEach,
} from "./hostile-updates.ts";
import type { DeleteRange } from "./hostile-updates.ts";
import type { Id } from "./placement.ts";
import { DEPTH_BOUND } from "./round-trip.ts";

export type HostileKind = {
  readonly name: string;
  /** Why `npm test` leaves the kind out: the relay does not hold it yet. `null`: it holds. */
  readonly notHeld: string | null;
  /** What it forges: an update of the document, or of the awareness. */
  readonly of: "document" | "awareness";
  /** `null` if the kind makes no sense in this episode. */
  readonly forge: (view: AttackerView, random: Random) => Uint8Array | null;
};

const MOST_SAFE = Number.MAX_SAFE_INTEGER;

const aroundBound = (random: Random): number =>
  random.pick([1, 30, DEPTH_BOUND - 2 + random.below(5), DEPTH_BOUND + 1 + random.below(100)]);

const freshId = (random: Random): Id => [random.uint32(), 0];

const anyKey = (random: Random): string => random.pick(["a", "b", "c"]);

const writeValues =
  (count: number) =>
  (encoder: encoding.Encoder): void => {
    encoding.writeVarUint(encoder, count);
    for (let i = 0; i < count; i++) encoding.writeAny(encoder, i);
  };

/** A value of a map's key that is several units long, as undo managers and documents without collection write them. */
const longEntry = (deleted: (length: number, random: Random) => readonly DeleteRange[]): HostileKind["forge"] => {
  return (_view, random) => {
    const [client] = freshId(random);
    const length = 2 + random.below(4);
    const place = inParent(random.pick(["map", "other"]), anyKey(random));
    const ranges = deleted(length, random);
    return updateOf(
      [itemOf([client, 0], Ref.any, place, writeValues(length))],
      ranges.length === 0 ? [] : [{ client, ranges }],
    );
  };
};

const anyGuid = (random: Random): encoding.AnyEncodable =>
  random.pick<encoding.AnyEncodable>([null, undefined, 7, true, "guid", "", [], { guid: "guid" }, Uint8Array.of(1)]);

const hugeClock = (random: Random): number => random.pick([2 ** 52, MOST_SAFE - 1, MOST_SAFE, 2 ** 53, 2 ** 53 + 2]);

/** Clocks, lengths and ids at and beyond the largest safe integer. */
const hugeClocks: HostileKind["forge"] = ({ own }, random) => {
  const client = random.pick([random.pick(own), random.uint32()]);
  const clock = hugeClock(random);
  const text = (encoder: encoding.Encoder): void => encoding.writeVarString(encoder, "xy");
  return random.pick([
    () => updateOf([itemOf([client, clock], Ref.text, inParent("text"), text)]),
    () => updateOf([itemOf([client, 0], Ref.text, after([random.pick(own), clock]), text)]),
    () => updateOf([itemOf([hugeClock(random), 0], Ref.text, inParent("text"), text)]),
    () =>
      updateOf([
        itemOf([client, 0], Ref.deleted, inParent("text"), (encoder) => encoding.writeVarUint(encoder, clock)),
      ]),
    () => updateOf([], [{ client, ranges: [[clock, random.pick([1, clock])]] }]),
  ])();
};

const nestedAroundBound: HostileKind["forge"] = (_view, random) => {
  const [client] = freshId(random);
  const depth = aroundBound(random);
  const type = random.pick([TypeRef.array, TypeRef.map, TypeRef.xmlFragment]);
  const place = inParent(random.pick(["map", "other"]), anyKey(random));
  return nestedTypes(client, depth, place, type);
};

/** Deletes or changes what `nestedAroundBound` has made: the outermost type is a client's first unit. */
const nestedChanged: HostileKind["forge"] = (view, random) => {
  const candidates = [...view.clocks].filter(([client]) => !view.honestClients.includes(client));
  if (candidates.length === 0) return null;
  const [client, clock] = random.pick(candidates);
  if (random.percent(50)) return updateOf([], [{ client, ranges: [[0, 1 + random.below(clock)]] }]);
  // A text below an item that is no type is possible only for dishonest clients.
  if (view.honestDoc !== null) return null;
  return valueInEach(random.uint32(), client, Math.min(clock, 300), random.percent(50) ? "x" : null);
};

const manyDeletesOfNothing: HostileKind["forge"] = (_view, random) =>
  scatteredDeletes(random.uint32(), random.pick([0, 16_384, 2 ** 40]), 1 + random.below(2_000));

/** One range of what is held, again and again. */
const repeatedDeletes: HostileKind["forge"] = ({ clocks }, random) => {
  if (clocks.size === 0) return null;
  const [client, clock] = random.pick([...clocks]);
  const from = random.below(clock);
  const range: DeleteRange = [from, Math.min(clock - from, 1 + random.below(3))];
  return updateOf([], [{ client, ranges: Array.from({ length: 1 + random.below(200) }, () => range) }]);
};

const differentParents: HostileKind["forge"] = ({ honestDoc }, random) => {
  if (honestDoc !== null) return null;
  const [client] = freshId(random);
  const text = (encoder: encoding.Encoder): void => encoding.writeVarString(encoder, "x");
  const roots = random.pick([
    ["text", "other"],
    ["map", "text"],
    ["xml", "array"],
  ] as const);
  return updateOf([
    itemOf([client, 0], Ref.text, inParent(roots[0]), text),
    itemOf([client + 1, 0], Ref.text, inParent(roots[1], random.percent(30) ? anyKey(random) : null), text),
    itemOf([client + 2, 0], Ref.text, { ...after([client, 0]), right: [client + 1, 0] }, text),
  ]);
};

export const HOSTILE_KINDS: readonly HostileKind[] = [
  { name: "long-entry-deleted", of: "document", notHeld: null, forge: longEntry((length) => [[0, length]]) },
  { name: "long-entry-live", of: "document", notHeld: null, forge: longEntry(() => []) },
  {
    name: "long-entry-partly-deleted",
    of: "document",
    notHeld: null,
    forge: longEntry((length, random) => [random.percent(50) ? [0, 1] : [1, length - 1]]),
  },
  {
    name: "client-id-of-53-bits",
    of: "document",
    notHeld: null,
    forge: (_view, random) => keystroke(2 ** 32 + random.uint32() * 2 ** 20 + random.below(2 ** 20), 0),
  },
  {
    name: "subdocument-options",
    of: "document",
    notHeld: null,
    forge: (_view, random) => subdocument(freshId(random), inParent("map", anyKey(random)), anyGuid(random)),
  },
  {
    name: "deep-embed",
    of: "document",
    notHeld: null,
    forge: (_view, random) => deepEmbed(freshId(random), inParent("text"), aroundBound(random)),
  },
  {
    name: "deep-format",
    of: "document",
    notHeld: null,
    forge: (_view, random) =>
      updateOf([
        itemOf(freshId(random), Ref.format, inParent("text"), (encoder) => {
          encoding.writeVarString(encoder, "bold");
          encoding.writeVarString(encoder, deepJson(aroundBound(random), random.pick(["[", '{"a":'])));
        }),
      ]),
  },
  {
    name: "deep-any",
    of: "document",
    notHeld: null,
    forge: (_view, random) => deepAny(freshId(random), inParent("map", anyKey(random)), aroundBound(random)),
  },
  {
    name: "deep-awareness",
    of: "awareness",
    notHeld: null,
    forge: ({ own }, random) => {
      const json = `{"user":{"name":"deep"},"deep":${deepJson(random.percent(20) ? 1_500 : aroundBound(random), random.pick(["[", '{"a":']))}}`;
      return awarenessState(random.pick(own), 1 + random.below(1_000), json);
    },
  },
  {
    name: "nested-types",
    of: "document",
    notHeld: null,
    forge: nestedAroundBound,
  },
  { name: "nested-types-changed", of: "document", notHeld: null, forge: nestedChanged },
  {
    name: "far-too-deep",
    of: "document",
    notHeld: null,
    forge: (_view, random) => {
      const id = freshId(random);
      return random.pick([
        () => deepEmbed(id, inParent("text"), 7_000),
        () => deepAny(id, inParent("map", anyKey(random)), 7_000),
        () => nestedTypes(id[0], 6_000, inParent("map", anyKey(random))),
      ])();
    },
  },
  { name: "deletes-of-nothing", of: "document", notHeld: null, forge: manyDeletesOfNothing },
  { name: "repeated-deletes", of: "document", notHeld: null, forge: repeatedDeletes },
  { name: "different-parents", of: "document", notHeld: null, forge: differentParents },
  { name: "huge-clocks", of: "document", notHeld: null, forge: hugeClocks },
  {
    name: "many-client-ids",
    of: "document",
    notHeld: null,
    forge: (_view, random) =>
      concurrentInserts(
        random.uint32(),
        // Seldom many: each makes every later transaction of every honest client dearer.
        1 + random.below(random.percent(3) ? 200 : 10),
        random.percent(50) ? inParent("text") : inParent("map", anyKey(random)),
      ),
  },
];

/** The kinds that `npm test` sends. */
export const HELD_KINDS: readonly HostileKind[] = HOSTILE_KINDS.filter(({ notHeld }) => notHeld === null);

/** @param names `all`, or names from the table with commas between them. */
export const kindsByName = (names: string): readonly HostileKind[] => {
  if (names === "all") return HOSTILE_KINDS;
  return names
    .split(",")
    .filter(Boolean)
    .map((name) => {
      const kind = HOSTILE_KINDS.find((each) => each.name === name);
      if (kind === undefined) throw new Error(`unknown kind ${name}`);
      return kind;
    });
};
