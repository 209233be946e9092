/**
 * Updates (Yjs v1) that are valid but expensive, or impossible, for a peer to integrate: the inputs of the attacks that
 * the fuzzer, its regressions and the row `hostile` of the bench share. The sizes are parameters.
 */
import * as encoding from "lib0/encoding";
import type { Id, Placement } from "./placement.ts";

type Write = (encoder: encoding.Encoder) => void;
/** Structs of one client from `clock` on. `write` writes `structs` of them. */
export type Section = {
  readonly client: number;
  readonly clock: number;
  readonly structs: number;
  readonly write: Write;
};
export type DeleteRange = readonly [clock: number, length: number];
export type Deletes = { readonly client: number; readonly ranges: readonly DeleteRange[] };

/** Numbers of the contents in the format of an update (`sync-server/update/scan.ts`). */
export const Ref = { deleted: 1, binary: 3, text: 4, embed: 5, format: 6, type: 7, any: 8, subdocument: 9 } as const;
/** Numbers of the types in a ContentType. */
export const TypeRef = { array: 0, map: 1, text: 2, xmlFragment: 4 } as const;

const writeId = (encoder: encoding.Encoder, [client, clock]: Id): void => {
  encoding.writeVarUint(encoder, client);
  encoding.writeVarUint(encoder, clock);
};

/** An item at a place. @param content writes the content without its number. */
export const writeItem = (
  encoder: encoding.Encoder,
  ref: number,
  { origin, right, parent, sub }: Placement,
  content: Write,
): void => {
  encoding.writeUint8(encoder, ref | (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (sub === null ? 0 : 0x20));
  if (origin) writeId(encoder, origin);
  if (right) writeId(encoder, right);
  if (!origin && !right) {
    encoding.writeVarUint(encoder, Number(typeof parent === "string"));
    if (typeof parent === "string") encoding.writeVarString(encoder, parent);
    else writeId(encoder, parent);
    if (sub !== null) encoding.writeVarString(encoder, sub);
  }
  content(encoder);
};

/** A place without neighbours in a root, or in the type with an id. */
export const inParent = (parent: string | Id, sub: string | null = null): Placement => ({
  origin: null,
  right: null,
  parent,
  sub,
});

/** The place after a unit, whose parent and key it takes. */
export const after = (origin: Id): Placement => ({ origin, right: null, parent: "", sub: null });

export const updateOf = (sections: readonly Section[], deletes: readonly Deletes[] = []): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, sections.length);
    for (const { client, clock, structs, write } of sections) {
      for (const number of [structs, client, clock]) encoding.writeVarUint(encoder, number);
      write(encoder);
    }
    encoding.writeVarUint(encoder, deletes.length);
    for (const { client, ranges } of deletes) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, ranges.length);
      for (const [clock, length] of ranges) {
        encoding.writeVarUint(encoder, clock);
        encoding.writeVarUint(encoder, length);
      }
    }
  });

/** A section of one item. */
export const itemOf = (id: Id, ref: number, place: Placement, content: Write): Section => ({
  client: id[0],
  clock: id[1],
  structs: 1,
  write: (encoder) => writeItem(encoder, ref, place, content),
});

const text =
  (value: string): Write =>
  (encoder) =>
    encoding.writeVarString(encoder, value);

/** Many clients that have not seen each other, each with one struct at the same place: Yjs compares all with all. */
export const concurrentInserts = (firstClient: number, clients: number, place: Placement): Uint8Array =>
  updateOf(Array.from({ length: clients }, (_, i) => itemOf([firstClient + i, 0], Ref.text, place, text("x"))));

/** A subdocument with any value as the option `guid`; Yjs cannot write one that is not a string. */
export const subdocument = (id: Id, place: Placement, guid: encoding.AnyEncodable): Uint8Array =>
  updateOf([
    itemOf(id, Ref.subdocument, place, (encoder) => {
      encoding.writeVarString(encoder, "guid");
      encoding.writeAny(encoder, { guid });
    }),
  ]);

/** JSON that is nested `depth` times. */
export const deepJson = (depth: number, open: "[" | '{"a":' = "["): string =>
  open === "[" ? "[".repeat(depth) + "]".repeat(depth) : `${open.repeat(depth)}1${"}".repeat(depth)}`;

/** Writes an array within an array, `depth` times, in lib0's encoding of any value (117: an array and its length). */
export const writeDeepAny = (encoder: encoding.Encoder, depth: number): void => {
  for (let i = 1; i < depth; i++) encoding.writeUint8Array(encoder, Uint8Array.of(117, 1));
  encoding.writeUint8Array(encoder, Uint8Array.of(117, 0));
};

/** An embed whose JSON is nested `depth` times. */
export const deepEmbed = (id: Id, place: Placement, depth: number): Uint8Array =>
  updateOf([itemOf(id, Ref.embed, place, text(deepJson(depth)))]);

export const deepAny = (id: Id, place: Placement, depth: number): Uint8Array =>
  updateOf([
    itemOf(id, Ref.any, place, (encoder) => {
      encoding.writeVarUint(encoder, 1);
      writeDeepAny(encoder, depth);
    }),
  ]);

/** Deletes of every second unit from `clock` on, so that they cannot be joined. */
export const scatteredDeletes = (client: number, clock: number, count: number): Uint8Array =>
  updateOf([], [{ client, ranges: Array.from({ length: count }, (_, i) => [clock + i * 2, 1] as const) }]);

/** One letter after the letter before it. */
export const keystroke = (client: number, clock: number): Uint8Array =>
  updateOf([itemOf([client, clock], Ref.text, clock === 0 ? inParent("text") : after([client, clock - 1]), text("a"))]);

/** Bytes as one value, which nothing joins or splits. */
export const blob = (client: number, bytes: number): Uint8Array =>
  updateOf([
    itemOf([client, 0], Ref.binary, inParent("files"), (encoder) =>
      encoding.writeVarUint8Array(encoder, new Uint8Array(bytes)),
    ),
  ]);

/** Types, each within the one before it; the outermost is at `place`, the others in a list or under the key "k". */
export const nestedTypes = (
  client: number,
  depth: number,
  place: Placement,
  type: number = TypeRef.map,
  clock = 0,
): Uint8Array =>
  updateOf([
    {
      client,
      clock,
      structs: depth,
      write: (encoder) => {
        for (let i = 0; i < depth; i++) {
          const inside = inParent([client, clock + i - 1], type === TypeRef.map ? "k" : null);
          writeItem(encoder, Ref.type, i === 0 ? place : inside, (each) => encoding.writeVarUint(each, type));
        }
      },
    },
  ]);

/** One value in each of the types of `nestedTypes`. */
export const valueInEach = (client: number, typesOf: number, depth: number, sub: string | null = "x"): Uint8Array =>
  updateOf([
    {
      client,
      clock: 0,
      structs: depth,
      write: (encoder) => {
        for (let i = 0; i < depth; i++) writeItem(encoder, Ref.text, inParent([typesOf, i], sub), text("x"));
      },
    },
  ]);

export const deleteOf = (client: number, clock: number, length = 1): Uint8Array =>
  updateOf([], [{ client, ranges: [[clock, length]] }]);

/** As many structs of one letter as fit into `bytes`. */
export const smallStructs = (client: number, bytes: number): Uint8Array => {
  // Content number, origin (client of 2 bytes, clock of at most 4), and a text of one letter.
  const structs = Math.floor(bytes / 9);
  return updateOf([
    {
      client,
      clock: 0,
      structs,
      write: (encoder) => {
        for (let i = 0; i < structs; i++)
          writeItem(encoder, Ref.text, i === 0 ? inParent("text") : after([client, i - 1]), text("a"));
      },
    },
  ]);
};

/** One awareness state. */
export const awarenessState = (client: number, clock: number, json: string): Uint8Array =>
  encoding.encode((encoder) => {
    for (const number of [1, client, clock]) encoding.writeVarUint(encoder, number);
    encoding.writeVarString(encoder, json);
  });
