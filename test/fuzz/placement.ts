/**
 * Where a forged item is inserted. Yjs guarantees that peers agree on the order only for items that an honest
 * client could have inserted: for example, an item whose right origin is left of its origin is placed
 * differently by different peers. Detecting that takes the whole document, so neither Yjs nor the relay can
 * reject such items (docs/guard.md). Attackers do both in alternating episodes; contents are compared only
 * where they insert as honest clients do.
 */
import * as Y from "yjs";
import type { Random } from "../random.ts";

export type Id = readonly [client: number, clock: number];
export type Placement = {
  readonly origin: Id | null;
  readonly right: Id | null;
  /** Used if there is neither origin: a root's name, or the id of a type. */
  readonly parent: string | Id;
  readonly sub: string | null;
};

const idOf = ({ client, clock }: Y.ID): Id => [client, clock];

const lastIdOf = ({ id, length }: Y.Item): Id => [id.client, id.clock + length - 1];

/** The items of a type's list, including deleted ones: an item can be inserted next to those as well. */
const itemsOf = (type: Y.AbstractType<unknown>, most: number): Y.Item[] => {
  const items: Y.Item[] = [];
  for (let item = type._start; item !== null && items.length < most; item = item.right) items.push(item);
  return items;
};

/** A root, or a type below one. */
const pickType = (doc: Y.Doc, roots: readonly string[], random: Random): Y.AbstractType<unknown> => {
  let type: Y.AbstractType<unknown> = doc.get(random.pick(roots));
  while (random.percent(40)) {
    const below = [...itemsOf(type, 500), ...type._map.values()].flatMap(({ content, deleted }) =>
      content instanceof Y.ContentType && !deleted ? [content.type as Y.AbstractType<unknown>] : [],
    );
    if (below.length === 0) break;
    type = random.pick(below);
  }
  return type;
};

/** A position at which a client with this document could insert an item. */
export const honestPlacement = (
  doc: Y.Doc,
  roots: readonly string[],
  keys: readonly string[],
  random: Random,
): Placement => {
  const type = pickType(doc, roots, random);
  const parent = type._item === null ? [...doc.share].find(([, root]) => root === type)![0] : idOf(type._item.id);
  if (random.percent(30)) {
    const sub = random.pick(keys);
    const last = type._map.get(sub);
    return { origin: last === undefined ? null : lastIdOf(last), right: null, parent, sub };
  }
  const items = itemsOf(type, 1_000);
  const at = random.below(items.length + 1) - 1;
  const item = items[at];
  if (item === undefined)
    return { origin: null, right: items[0] === undefined ? null : idOf(items[0].id), parent, sub: null };
  const inside = random.below(item.length);
  const { client, clock } = item.id;
  const after = inside < item.length - 1 ? ([client, clock + inside + 1] as const) : item.right && idOf(item.right.id);
  return { origin: [client, clock + inside], right: after, parent, sub: null };
};
