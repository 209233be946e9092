/**
 * Everyone's cursors. The awareness states of others are text that they chose: the editor puts
 * colours into style attributes and cursors into the document's positions, so it only gets to see
 * states that were checked here.
 */
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import { cleanPersonName } from "../../src/protocol/protocol.ts";

/** A colour, and nothing that could continue a style attribute. */
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

/** The document's text and nothing else: a position elsewhere would make a root type of its name. */
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

/** The awareness as the editor may see it: others' states checked, one's own untouched. */
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
 * Gives the person a colour, beside whatever else stands in `user`. It follows from name and
 * document, since the editor draws a name anew only where the colour is another.
 */
export const setColour = (awareness: Awareness, name: string): void => {
  const seed = `${name} ${awareness.clientID}`;
  const hue = [...seed].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) % 360, 0);
  const user = asObject(awareness.getLocalState()?.["user"]);
  awareness.setLocalStateField("user", {
    ...user,
    color: `oklch(0.55 0.15 ${hue})`,
    colorLight: `oklch(0.55 0.15 ${hue} / 0.25)`,
  });
};
