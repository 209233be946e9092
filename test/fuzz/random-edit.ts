/** Random edits of honest clients. */
import type { Edit } from "../sync-server/guard/arbitrary-edits.ts";
import type { Random } from "../random.ts";

export const WORDS = ["lorem ", "ipsum ", "dolor ", "sit ", "amet ", "é", "漢字 ", "\n"];

export const anyEdit = (random: Random): Edit => {
  const at = random.uint32();
  switch (random.below(12)) {
    case 0:
      return { type: "delete", at, length: random.below(6) };
    case 1:
      return { type: "format", at, length: random.below(8), bold: random.pick([true, false, null]) };
    case 2:
      return { type: "set", key: random.pick(["a", "b", "c"]), value: random.uint32() };
    case 3:
      return { type: "nest", key: random.pick(["a", "b"]) };
    case 4:
      return { type: "push", values: [random.uint32(), "x"] };
    case 5:
      return { type: "splice", at, length: random.below(3) };
    case 6:
      return { type: "xml", name: "p" };
    default:
      return { type: "insert", at, text: random.pick(WORDS) };
  }
};
