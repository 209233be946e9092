/**
 * The person's own awareness state. It carries their chosen name, is removed while they are out of the session,
 * and returns with everything that the page had put into it.
 */
import type { Awareness } from "y-protocols/awareness";
import { cleanPersonName } from "../protocol/protocol.ts";
import { fieldsOf } from "../session/session.ts";
import type { AwarenessChange } from "./participants.ts";

type State = Record<string, unknown>;

const userOf = (state: State | null): State => fieldsOf(state?.["user"]);

export class LocalPresence {
  readonly #awareness: Awareness;
  #displayName = "";
  /** The state to show again, while it is hidden. */
  #hiddenState: State | null = null;
  #shownName = "";

  constructor(awareness: Awareness, displayName: string) {
    this.#awareness = awareness;
    this.displayName = displayName;
  }

  /** The chosen name, trimmed and at most 80 characters. */
  get displayName(): string {
    return this.#displayName;
  }

  set displayName(displayName: string) {
    const name = cleanPersonName(displayName);
    if (name === this.#displayName) return;
    this.#displayName = name;
    this.#writeName();
  }

  /** The name that others see unless the token has one: the page may set `user.name` itself. */
  get shownName(): string {
    return this.#shownName;
  }

  hide(): void {
    this.#hiddenState = this.#awareness.getLocalState() ?? this.#hiddenState;
    this.#awareness.setLocalState(null);
  }

  /** Shows the state, or sends it again: the relay may have forgotten it. */
  show(): void {
    const state = this.#awareness.getLocalState() ?? this.#hiddenState ?? {};
    this.#hiddenState = null;
    this.#awareness.setLocalState(state);
    this.#restoreName();
  }

  /** Takes in an awareness change; true if the page itself has renamed the person. */
  handleChange({ added, updated }: AwarenessChange): boolean {
    const { clientID } = this.#awareness;
    if (!added.includes(clientID) && !updated.includes(clientID)) return false;
    this.#restoreName();
    const before = this.#shownName;
    this.#shownName = cleanPersonName(userOf(this.#awareness.getLocalState())["name"]);
    return this.#shownName !== before;
  }

  #writeName(): void {
    const withName = (state: State): State => ({ ...state, user: { ...userOf(state), name: this.#displayName } });
    const state = this.#awareness.getLocalState();
    this.#shownName = this.#displayName;
    if (state !== null) this.#awareness.setLocalState(withName(state));
    else if (this.#hiddenState !== null) this.#hiddenState = withName(this.#hiddenState);
  }

  /** A page that sets `user` to its colours alone would remove the name. */
  #restoreName(): void {
    const state = this.#awareness.getLocalState();
    if (state !== null && this.#displayName !== "" && userOf(state)["name"] === undefined) this.#writeName();
  }
}
