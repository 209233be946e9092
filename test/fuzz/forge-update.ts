/**
 * Generates Yjs updates (v1) from their grammar rather than with Yjs: any client id, clock, reference and
 * content kind, and deletes of anything. The grammar is in `sync-server/update/scan.ts`.
 */
import * as encoding from "lib0/encoding";
import type * as Y from "yjs";
import { honestPlacement } from "./placement.ts";
import type { Id, Placement } from "./placement.ts";
import type { Random } from "../random.ts";

/** What an attacker knows about a room. */
export type AttackerView = {
  /** The document's next clock by client id. */
  readonly clocks: ReadonlyMap<number, number>;
  /** Client ids of honest clients. */
  readonly honestClients: readonly number[];
  /** The client id of the session's ledger. */
  readonly ledgerId: number;
  /** Client ids that this attacker writes with. */
  readonly own: readonly number[];
  /** The document, if items may be inserted only where an honest client could; `null`: anywhere. */
  readonly honestDoc: Y.Doc | null;
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

const anyClient = ({ honestClients, ledgerId, own, clocks, honestDoc }: AttackerView, random: Random): number => {
  const kind = random.below(100);
  // An honest client knows everything that it has written; a new client id has written nothing.
  if (honestDoc !== null && (kind < 45 || kind >= 88)) return random.uint32();
  if (kind < 45) return random.pick(own);
  if (kind < 65) return random.pick(honestClients);
  if (kind < 75) return random.pick([...clocks.keys(), ledgerId]);
  if (kind < 83) return ledgerId;
  if (kind < 88) return random.pick([ledgerId + 1, 2 ** 32, 2 ** 32 - 1, 2 ** 53 - 1, 0]);
  return random.uint32();
};

const anyClock = ({ clocks }: AttackerView, client: number, random: Random): number => {
  const next = clocks.get(client) ?? 0;
  const kind = random.below(100);
  if (kind < 60) return next;
  if (kind < 75) return random.below(next + 1);
  if (kind < 95) return next + random.below(5);
  return random.pick([2 ** 31, 2 ** 40, 2 ** 53 - 2]);
};

/** An id to refer to: mostly of an existing struct, since others are not accepted. */
const anyReference = (view: AttackerView, random: Random): Id => {
  if (random.percent(80) && view.clocks.size > 0) {
    const [client, clock] = random.pick([...view.clocks]);
    return [client, random.below(Math.max(clock, 1))];
  }
  const client = anyClient(view, random);
  return [client, anyClock(view, client, random)];
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
 * Writes a content of any kind; returns its length in clock units.
 *
 * @param withPairs whether texts may contain surrogate pairs: Yjs peers diverge where one is split.
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
      // 9 is a subdocument, with options as Yjs writes them or anything else; higher numbers are unknown.
      encoding.writeVarString(encoder, random.pick(["guid", ""]));
      encoding.writeAny(encoder, random.percent(50) ? { autoLoad: random.percent(50) } : anyValue(random));
      return 1;
  }
};

/** @param previous the last id of the struct before it in the same update, if any. */
const anyPlacement = (view: AttackerView, previous: Id | null, random: Random): Placement => {
  if (view.honestDoc !== null) {
    if (random.percent(10)) return { origin: null, right: null, parent: "session", sub: random.pick(KEYS) };
    return honestPlacement(view.honestDoc, PAGE_ROOTS, KEYS, random);
  }
  const near = (): Id => (previous !== null && random.percent(45) ? previous : anyReference(view, random));
  return {
    origin: random.percent(50) ? near() : null,
    right: random.percent(35) ? anyReference(view, random) : null,
    parent: random.percent(50) ? random.pick(ROOTS) : near(),
    sub: random.percent(30) ? random.pick(KEYS) : null,
  };
};

/** Writes a struct; returns its length. */
const writeStruct = (encoder: encoding.Encoder, view: AttackerView, previous: Id | null, random: Random): number => {
  const kind = random.below(100);
  if (kind < 10) {
    const length = random.percent(90) ? 1 + random.below(5) : random.pick([0, LONG]);
    encoding.writeUint8(encoder, kind < 6 ? 0 : SKIP);
    encoding.writeVarUint(encoder, length);
    return length;
  }
  const ref = random.percent(98) ? random.pick([1, 2, 3, 4, 4, 4, 5, 6, 7, 7, 8, 8, 9]) : 11 + random.below(21);
  const place = anyPlacement(view, previous, random);
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
  return writeContent(encoder, ref, view.honestDoc === null, random);
};

const writeSection = (encoder: encoding.Encoder, view: AttackerView, random: Random): void => {
  const client = anyClient(view, random);
  let clock = anyClock(view, client, random);
  const most = view.honestDoc === null ? 6 : 1;
  const structs = random.percent(97) ? 1 + random.below(most) : 0;
  encoding.writeVarUint(encoder, random.percent(98) ? structs : structs + 1);
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
  let previous: Id | null = null;
  for (let i = 0; i < structs; i++) {
    const length = writeStruct(encoder, view, previous, random);
    clock += length;
    if (length > 0) previous = [client, clock - 1];
  }
};

const writeDeletes = (encoder: encoding.Encoder, view: AttackerView, random: Random): void => {
  const clients = random.percent(60) ? 0 : 1 + random.below(3);
  encoding.writeVarUint(encoder, clients);
  for (let i = 0; i < clients; i++) {
    const client = anyClient(view, random);
    const ranges = random.below(4);
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, ranges);
    for (let j = 0; j < ranges; j++) {
      encoding.writeVarUint(encoder, anyClock(view, client, random));
      encoding.writeVarUint(encoder, random.percent(95) ? random.below(6) : LONG);
    }
  }
};

export const forgeUpdate = (view: AttackerView, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const sections = random.percent(75) ? 1 : random.below(4);
    encoding.writeVarUint(encoder, sections);
    for (let i = 0; i < sections; i++) writeSection(encoder, view, random);
    writeDeletes(encoder, view, random);
    if (random.percent(3)) encoding.writeUint8Array(encoder, random.bytes(5));
  });

/**
 * A valid update of small items that refer to a future clock of an honest client: it stays pending and is
 * examined again whenever that client writes.
 */
export const forgeWaitingUpdate = ({ honestClients, clocks, own }: AttackerView, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const victim = random.pick(honestClients);
    const client = random.pick(own);
    for (const number of [1, 1, client, clocks.get(client) ?? 0]) encoding.writeVarUint(encoder, number);
    encoding.writeUint8(encoder, 4 | 0x80);
    writeId(encoder, [victim, (clocks.get(victim) ?? 0) + random.below(200)]);
    encoding.writeVarString(encoder, "!");
    encoding.writeVarUint(encoder, 0);
  });
