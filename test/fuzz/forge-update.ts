/**
 * Yjs updates (v1) made by grammar rather than by Yjs: any client id, any clock, any reference, every
 * content kind, and deletes of anything. The grammar is in `sync-server/update/scan.ts`.
 */
import * as encoding from "lib0/encoding";
import type * as Y from "yjs";
import { honestPlacement } from "./placement.ts";
import type { Id, Placement } from "./placement.ts";
import type { Random } from "../random.ts";

/** What an attacker knows of a room. */
export type Sight = {
  /** For each client id the clock behind its last struct. */
  readonly clocks: ReadonlyMap<number, number>;
  /** Client ids of innocent people. */
  readonly innocents: readonly number[];
  /** The client id under which the session stands. */
  readonly ledgerId: number;
  /** Client ids that this attacker writes under. */
  readonly own: readonly number[];
  /** The document, if items are to stand only where an honest client could put them; `null`: anywhere. */
  readonly honestly: Y.Doc | null;
};

const PAGE_ROOTS = ["text", "map", "array", "xml", "other", ""];
const ROOTS = [...PAGE_ROOTS, "session", "session"];
const KEYS = ["a", "b", "run", "ended", "startedAt", "", "__proto__", "x".repeat(300)];
const TEXTS = ["a", "word ", "é", "漢字", "😀", "a😀b", "\n", "\u0000", "x".repeat(500)];
const JSONS = [
  "null",
  "true",
  "1",
  '"x"',
  "[]",
  "{}",
  '{"bold":true}',
  '{"__proto__":{"x":1}}',
  "[".repeat(50) + "]".repeat(50),
];

const SKIP = 10;
const LONG = 2 ** 40;

const anyClient = ({ innocents, ledgerId, own, clocks, honestly }: Sight, random: Random): number => {
  const kind = random.below(100);
  // An honest client knows all that it wrote itself; a new one has written nothing.
  if (honestly !== null && (kind < 45 || kind >= 88)) return random.uint32();
  if (kind < 45) return random.pick(own);
  if (kind < 65) return random.pick(innocents);
  if (kind < 75) return random.pick([...clocks.keys(), ledgerId]);
  if (kind < 83) return ledgerId;
  if (kind < 88) return random.pick([ledgerId + 1, 2 ** 32, 2 ** 32 - 1, 2 ** 53 - 1, 0]);
  return random.uint32();
};

const anyClock = ({ clocks }: Sight, client: number, random: Random): number => {
  const held = clocks.get(client) ?? 0;
  const kind = random.below(100);
  if (kind < 60) return held;
  if (kind < 75) return random.below(held + 1);
  if (kind < 95) return held + random.below(5);
  return random.pick([2 ** 31, 2 ** 40, 2 ** 53 - 2]);
};

/** An id to refer to: mostly one that is held, for nothing else is ever accepted. */
const anyReference = (sight: Sight, random: Random): Id => {
  if (random.percent(80) && sight.clocks.size > 0) {
    const [client, clock] = random.pick([...sight.clocks]);
    return [client, random.below(Math.max(clock, 1))];
  }
  const client = anyClient(sight, random);
  return [client, anyClock(sight, client, random)];
};

const writeId = (encoder: encoding.Encoder, [client, clock]: Id): void => {
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
};

const anyValue = (random: Random, depth = 0): encoding.AnyEncodable => {
  switch (random.below(depth > 4 ? 8 : 10)) {
    case 0:
      return undefined;
    case 1:
      return null;
    case 2:
      return random.percent(50);
    case 3:
      return random.uint32() * (random.percent(50) ? -1 : 1);
    case 4:
      return random.uint32() / 7;
    case 5:
      return BigInt(random.uint32());
    case 6:
      return random.pick(TEXTS);
    case 7:
      return random.bytes(random.below(6));
    case 8:
      return Array.from({ length: random.below(4) }, () => anyValue(random, depth + 1));
    default:
      return Object.fromEntries(
        Array.from({ length: random.below(4) }, () => [random.pick(KEYS), anyValue(random, depth + 1)]),
      );
  }
};

/**
 * Writes a content of any kind; answers its length in clock units.
 *
 * @param withPairs whether texts may hold surrogate pairs, since Yjs parts its peers where one is cut in two.
 */
const writeContent = (encoder: encoding.Encoder, ref: number, withPairs: boolean, random: Random): number => {
  switch (ref) {
    case 1: {
      const length = random.percent(95) ? 1 + random.below(5) : random.pick([0, LONG]);
      encoding.writeVarUint(encoder, length);
      return length;
    }
    case 2: {
      const count = random.below(4);
      encoding.writeVarUint(encoder, count);
      for (let i = 0; i < count; i++)
        encoding.writeVarString(encoder, random.pick([...JSONS, "undefined", "nonsense"]));
      return count;
    }
    case 3:
      encoding.writeVarUint8Array(encoder, random.bytes(random.below(20)));
      return 1;
    case 4: {
      const text = random.pick(withPairs ? TEXTS : TEXTS.filter((each) => each.length === [...each].length));
      encoding.writeVarString(encoder, text);
      return text.length;
    }
    case 5:
      encoding.writeVarString(encoder, random.pick(JSONS));
      return 1;
    case 6:
      encoding.writeVarString(encoder, random.pick(KEYS));
      encoding.writeVarString(encoder, random.pick(JSONS));
      return 1;
    case 7: {
      const type = random.below(random.percent(95) ? 7 : 12);
      encoding.writeVarUint(encoder, type);
      if (type === 3 || type === 5) encoding.writeVarString(encoder, random.pick(["p", "script", ""]));
      return 1;
    }
    case 8: {
      const count = random.below(4);
      encoding.writeVarUint(encoder, count);
      for (let i = 0; i < count; i++) encoding.writeAny(encoder, anyValue(random));
      return count;
    }
    default:
      // 9 is a subdocument, with options as Yjs writes them or anything else; above that nothing is known.
      encoding.writeVarString(encoder, random.pick(["guid", ""]));
      encoding.writeAny(encoder, random.percent(50) ? { autoLoad: random.percent(50) } : anyValue(random));
      return 1;
  }
};

/** @param before what stands before it in the same update, if anything. */
const anyPlacement = (sight: Sight, before: Id | null, random: Random): Placement => {
  if (sight.honestly !== null) {
    if (random.percent(10)) return { origin: null, right: null, parent: "session", sub: random.pick(KEYS) };
    return honestPlacement(sight.honestly, PAGE_ROOTS, KEYS, random);
  }
  const near = (): Id => (before !== null && random.percent(45) ? before : anyReference(sight, random));
  return {
    origin: random.percent(50) ? near() : null,
    right: random.percent(35) ? anyReference(sight, random) : null,
    parent: random.percent(50) ? random.pick(ROOTS) : near(),
    sub: random.percent(30) ? random.pick(KEYS) : null,
  };
};

/** Writes a struct; answers its length. */
const writeStruct = (encoder: encoding.Encoder, sight: Sight, before: Id | null, random: Random): number => {
  const kind = random.below(100);
  if (kind < 10) {
    const length = random.percent(90) ? 1 + random.below(5) : random.pick([0, LONG]);
    encoding.writeUint8(encoder, kind < 6 ? 0 : SKIP);
    encoding.writeVarUint(encoder, length);
    return length;
  }
  const ref = random.percent(98) ? random.pick([1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 8, 8, 9]) : 11 + random.below(21);
  const place = anyPlacement(sight, before, random);
  const { origin, right, sub } = place;
  encoding.writeUint8(encoder, ref | (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (sub === null ? 0 : 0x20));
  if (origin) writeId(encoder, origin);
  if (right) writeId(encoder, right);
  if (!origin && !right) {
    const byName = random.percent(98) ? Number(typeof place.parent === "string") : random.uint32();
    encoding.writeVarUint(encoder, byName);
    if (typeof place.parent === "string") encoding.writeVarString(encoder, place.parent);
    else writeId(encoder, place.parent);
    if (sub !== null) encoding.writeVarString(encoder, sub);
  }
  return writeContent(encoder, ref, sight.honestly === null, random);
};

const writeSection = (encoder: encoding.Encoder, sight: Sight, random: Random): void => {
  const client = anyClient(sight, random);
  let clock = anyClock(sight, client, random);
  const most = sight.honestly === null ? 6 : 1;
  const structs = random.percent(97) ? 1 + random.below(most) : 0;
  encoding.writeVarUint(encoder, random.percent(98) ? structs : structs + 1);
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
  let before: Id | null = null;
  for (let i = 0; i < structs; i++) {
    const length = writeStruct(encoder, sight, before, random);
    clock += length;
    if (length > 0) before = [client, clock - 1];
  }
};

const writeDeletes = (encoder: encoding.Encoder, sight: Sight, random: Random): void => {
  const clients = random.percent(60) ? 0 : 1 + random.below(3);
  encoding.writeVarUint(encoder, clients);
  for (let i = 0; i < clients; i++) {
    const client = anyClient(sight, random);
    const ranges = random.below(4);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges);
    for (let j = 0; j < ranges; j++) {
      encoding.writeVarUint(encoder, anyClock(sight, client, random));
      encoding.writeVarUint(encoder, random.percent(95) ? random.below(6) : LONG);
    }
  }
};

export const forgeUpdate = (sight: Sight, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const sections = random.percent(75) ? 1 : random.below(4);
    encoding.writeVarUint(encoder, sections);
    for (let i = 0; i < sections; i++) writeSection(encoder, sight, random);
    writeDeletes(encoder, sight, random);
    if (random.percent(3)) encoding.writeUint8Array(encoder, random.bytes(5));
  });

/**
 * A valid update of small items that refer to the next clock of somebody else: it waits, and is looked at again
 * whenever that person writes.
 */
export const forgeWaitingUpdate = ({ innocents, clocks, own }: Sight, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const victim = random.pick(innocents);
    const client = random.pick(own);
    for (const number of [1, 1, client, clocks.get(client) ?? 0]) encoding.writeVarUint(encoder, number);
    encoding.writeUint8(encoder, 4 | 0x80);
    writeId(encoder, [victim, (clocks.get(victim) ?? 0) + random.below(200)]);
    encoding.writeVarString(encoder, "!");
    encoding.writeVarUint(encoder, 0);
  });
