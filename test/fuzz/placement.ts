/**
 * Where a forged item is put. Yjs promises that peers agree on an order only for items that stand where an
 * honest client could have put them: a right origin that lies left of the origin, say, is placed by one peer
 * here and by another there. Nothing short of the whole document tells, so neither Yjs nor the relay can
 * refuse such items (docs/guard.md). Attackers do both; what everybody reads is compared where they did not.
 */
import * as Y from "yjs";
import type { Random } from "../random.ts";

export type Id = readonly [client: number, clock: number];
export type Placement = {
  readonly origin: Id | null;
  readonly right: Id | null;
  /** Looked at if there is neither origin: a root's name, or the id of a type. */
  readonly parent: string | Id;
  readonly sub: string | null;
};

const idOf = ({ client, clock }: Y.ID): Id => [client, clock];

const lastIdOf = ({ id, length }: Y.Item): Id => [id.client, id.clock + length - 1];

/** Items of a type's list, deleted ones too: they are places like any other. */
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

/** A place at which somebody who holds this document could put an item. */
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
