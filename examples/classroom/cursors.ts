/**
 * Everyone's cursors. Awareness states hold whatever their authors put there, and the editor writes colours into style
 * attributes and resolves cursors in the document, so it gets only states that were checked here.
 */
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { hashText } from "../../src/client/text-hash.ts";
import { cleanPersonName } from "../../src/protocol/protocol.ts";

/** A colour, without anything that could add to a style attribute. */
const COLOUR = /^(#[0-9a-f]{3,8}|oklch\([\d .%/]{1,40}\))$/i;
const GREY = "#6b7280";

type State = Record<string, unknown>;

const asObject = (value: unknown): State => (typeof value === "object" && value !== null ? (value as State) : {});

const position = (value: unknown): Y.RelativePosition | null => {
  try {
    const { type, tname, item, assoc } = asObject(value);
    return Y.createRelativePositionFromJSON({ type, tname, item, assoc });
  } catch {
    return null;
  }
};

/** A cursor in the text itself: resolving a position in another root type would create that type. */
const cursorIn = (cursor: unknown, text: Y.Text, rootName: string): State | null => {
  const { anchor: from, head: to } = asObject(cursor);
  const anchor = position(from);
  const head = position(to);
  if (anchor === null || head === null || text.doc === null) return null;
  try {
    for (const { item, tname } of [anchor, head]) if (item === null && tname !== rootName) return null;
    const isHere = (at: Y.RelativePosition) =>
      Y.createAbsolutePositionFromRelativePosition(at, text.doc!)?.type === text;
    return isHere(anchor) && isHere(head) ? { anchor, head } : null;
  } catch {
    return null;
  }
};

const checked = (state: State, text: Y.Text, rootName: string): State => {
  const user = asObject(state["user"]);
  const colour = (value: unknown, otherwise: string) =>
    typeof value === "string" && COLOUR.test(value) ? value : otherwise;
  const color = colour(user["color"], GREY);
  return {
    user: {
      name: cleanPersonName(user["name"]) || "Guest",
      color,
      colorLight: colour(user["colorLight"], `${GREY}33`),
    },
    cursor: cursorIn(state["cursor"], text, rootName),
  };
};

/** The awareness for the editor: all states checked, the person's own as it is. */
export const checkedAwareness = (awareness: Awareness, text: Y.Text, rootName: string) => ({
  doc: awareness.doc,
  on: awareness.on.bind(awareness),
  off: awareness.off.bind(awareness),
  getLocalState: () => awareness.getLocalState(),
  setLocalStateField: (field: string, value: unknown) => awareness.setLocalStateField(field, value),
  getStates: () =>
    new Map([...awareness.getStates()].map(([id, state]) => [id, checked(state as State, text, rootName)])),
});

/**
 * Gives the person a colour, and keeps the other fields of `user`. The colour depends on the name too, since the
 * editor draws a changed name only if the colour has changed.
 */
export const setColour = (awareness: Awareness, name: string): void => {
  const seed = `${name} ${awareness.clientID}`;
  const hue = hashText(seed) % 360;
  const user = asObject(awareness.getLocalState()?.["user"]);
  awareness.setLocalStateField("user", {
    ...user,
    color: `oklch(0.55 0.15 ${hue})`,
    colorLight: `oklch(0.55 0.15 ${hue} / 0.25)`,
  });
};
