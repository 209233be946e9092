/**
 * The person's own awareness state: it carries their chosen name, goes away while they are out of
 * the session, and comes back with all that the page had put into it.
 */
import type { Awareness } from "y-protocols/awareness";
import type { AwarenessChange } from "./people.ts";
import { cleanPersonName } from "../protocol/protocol.ts";
import { fieldsOf } from "../session/session.ts";

type State = Record<string, unknown>;

const userOf = (state: State | null): State => fieldsOf(state?.["user"]);

export type LocalPresence = {
  /** The chosen name, trimmed and at most 80 characters. */
  displayName: string;
  /** The name that others see unless the token names the person: the page may set `user.name` itself. */
  readonly name: string;
  hide(): void;
  /** Shows the state, or shows it again: the relay may have forgotten it. */
  show(): void;
  /** Takes a change of the states in; true if the page itself has renamed the person. */
  take(change: AwarenessChange): boolean;
};

export const localPresence = (awareness: Awareness): LocalPresence => {
  let chosen = "";
  /** What was shown when the person went out. */
  let kept: State | null = null;
  let shown = "";

  const rename = (): void => {
    const state = awareness.getLocalState();
    const named = (from: State): State => ({ ...from, user: { ...userOf(from), name: chosen } });
    shown = chosen;
    if (state !== null) awareness.setLocalState(named(state));
    else if (kept !== null) kept = named(kept);
  };

  /** A page that sets `user` to its colours alone would take the name away. */
  const keepName = (): void => {
    const state = awareness.getLocalState();
    if (state !== null && chosen !== "" && userOf(state)["name"] === undefined) rename();
  };

  return {
    get displayName() {
      return chosen;
    },
    set displayName(displayName) {
      const name = cleanPersonName(displayName);
      if (name === chosen) return;
      chosen = name;
      rename();
    },
    get name() {
      return shown;
    },
    hide() {
      kept = awareness.getLocalState() ?? kept;
      awareness.setLocalState(null);
    },
    show() {
      const state = awareness.getLocalState() ?? kept ?? {};
      kept = null;
      awareness.setLocalState(state);
      keepName();
    },
    take({ added, updated }) {
      const { clientID } = awareness;
      if (!added.includes(clientID) && !updated.includes(clientID)) return false;
      keepName();
      const before = shown;
      shown = cleanPersonName(userOf(awareness.getLocalState())["name"]);
      return shown !== before;
    },
  };
};
