/** The classroom checks others' awareness states before the editor gets them. */
import { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { checkedAwareness, setColour } from "../../examples/classroom/cursors.ts";
import { holds, same } from "./check.ts";

const setUp = () => {
  const doc = new Y.Doc();
  const text = doc.getText("notes");
  text.insert(0, "Hello");
  const awareness = new Awareness(doc);
  const checked = checkedAwareness(awareness, text, "notes");
  /** What the editor sees of another person who claims this state. */
  const seen = (state: Record<string, unknown>) => {
    awareness.states.set(7, state);
    return checked.getStates().get(7)! as { user: Record<string, string>; cursor: { anchor: unknown } | null };
  };
  const at = (index: number, type: Y.Text = text) =>
    JSON.parse(JSON.stringify(Y.createRelativePositionFromTypeIndex(type, index))) as unknown;
  return { doc, text, awareness, seen, at };
};

describe("cursors", () => {
  it("passes honest cursors, colours and names", () => {
    const { seen, at, awareness } = setUp();
    const user = { name: "Ben", color: "oklch(0.55 0.15 90)", colorLight: "oklch(0.55 0.15 90 / 0.25)" };
    const state = seen({ user, cursor: { anchor: at(2), head: at(5) } });
    same(state.user, user);
    holds(state.cursor !== null, "the cursor is there");
    awareness.destroy();
  });

  it("a colour that would add to the style is replaced", () => {
    const { seen, awareness } = setUp();
    for (const color of ["red; position: fixed; inset: 0", "url(//evil)", "#12;}", "oklch(0 0 0);x:y", 7, null]) {
      same(seen({ user: { name: "Eve", color, colorLight: color } }).user, {
        name: "Eve",
        color: "#6b7280",
        colorLight: "#6b728033",
      });
    }
    awareness.destroy();
  });

  it("[P6] a name that is empty or not a text becomes Guest", () => {
    const { seen, awareness } = setUp();
    for (const user of [undefined, null, 5, {}, { name: {} }, { name: " \u202e " }])
      same(seen({ user }).user["name"], "Guest");
    awareness.destroy();
  });

  it("a cursor that is broken or in another type is dropped, and creates no root type", () => {
    const { seen, at, doc, awareness } = setUp();
    const other = doc.getText("other");
    other.insert(0, "x");
    const elsewhere = at(0, other);
    const bad = [
      null,
      5,
      {},
      { anchor: at(1) },
      { anchor: "x", head: "y" },
      { anchor: elsewhere, head: elsewhere },
      { anchor: { tname: "new" }, head: { tname: "new" } },
      { anchor: { item: { client: 1, clock: -1 } }, head: { item: { client: "a", clock: {} } } },
      { anchor: { item: { client: doc.clientID, clock: 1.5 } }, head: { item: { client: doc.clientID, clock: 99 } } },
    ];
    for (const cursor of bad) same(seen({ cursor }).cursor, null);
    same([...doc.share.keys()].toSorted(), ["notes", "other"]);
    awareness.destroy();
  });

  it("the colour is added to the other fields of `user`", () => {
    const { awareness } = setUp();
    awareness.setLocalStateField("user", { name: "Ann", pet: "cat" });
    setColour(awareness, "Ann");
    const first = awareness.getLocalState()!["user"] as Record<string, string>;
    same([first["name"], first["pet"]], ["Ann", "cat"]);
    setColour(awareness, "Anna");
    holds(
      (awareness.getLocalState()!["user"] as Record<string, string>)["color"] !== first["color"],
      "a new name, a new colour",
    );
    awareness.destroy();
  });
});
