/**
 * The person's own awareness state: it carries their chosen name, goes away while they are out of
 * the session, and comes back with all that the page had put into it.
 */
import type { Awareness } from "y-protocols/awareness";
import type { AwarenessChange } from "./people.ts";
import { cleanPersonName } from "./protocol.ts";
import { fieldsOf } from "./session.ts";

type State = Record<string, unknown>;

const userOf = (state: State | null): State => fieldsOf(state?.["user"]);

export class LocalPresence {
  readonly #awareness: Awareness;
  #displayName = "";
  /** What was shown when the person went out. */
  #kept: State | null = null;
  #name = "";

  constructor(awareness: Awareness, displayName: string) {
    this.#awareness = awareness;
    this.displayName = displayName;
  }

  get displayName(): string {
    return this.#displayName;
  }

  set displayName(displayName: string) {
    const name = cleanPersonName(displayName);
    if (name === this.#displayName) return;
    this.#displayName = name;
    this.#rename();
  }

  /** The name that others see unless the token names the person: the page may set `user.name` itself. */
  get name(): string {
    return this.#name;
  }

  hide(): void {
    this.#kept = this.#awareness.getLocalState() ?? this.#kept;
    this.#awareness.setLocalState(null);
  }

  /** Shows the state, or shows it again: the relay may have forgotten it. */
  show(): void {
    const state = this.#awareness.getLocalState() ?? this.#kept ?? {};
    this.#kept = null;
    this.#awareness.setLocalState(state);
    this.#keepName();
  }

  /** Takes a change of the states in; true if the page itself has renamed the person. */
  take({ added, updated }: AwarenessChange): boolean {
    const { clientID } = this.#awareness;
    if (!added.includes(clientID) && !updated.includes(clientID)) return false;
    this.#keepName();
    const before = this.#name;
    this.#name = cleanPersonName(userOf(this.#awareness.getLocalState())["name"]);
    return this.#name !== before;
  }

  /** A page that sets `user` to its colours alone would take the name away. */
  #keepName(): void {
    const state = this.#awareness.getLocalState();
    if (state !== null && this.#displayName !== "" && userOf(state)["name"] === undefined) this.#rename();
  }

  #rename(): void {
    const state = this.#awareness.getLocalState();
    const named = (from: State): State => ({ ...from, user: { ...userOf(from), name: this.#displayName } });
    this.#name = this.#displayName;
    if (state !== null) this.#awareness.setLocalState(named(state));
    else if (this.#kept !== null) this.#kept = named(this.#kept);
  }
}
