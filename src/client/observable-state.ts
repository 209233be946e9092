/** The state that pages watch: a new object at each change, and no call without one. */
import type { Timers } from "../clock.ts";
import { jsonEqual } from "./json-equal.ts";
import { callGuarded } from "./report-error.ts";
import { NOTHING_KNOWN } from "./room-state.ts";
import type { RoomState } from "./room-state.ts";

export type StateListener = (state: RoomState) => void;

/** Parts that have not changed stay the same objects, so that pages can compare by identity. */
const keepIfEqual = <T>(before: T, after: T): T => (jsonEqual(before, after) ? before : after);

const KEYS = Object.keys(NOTHING_KNOWN) as (keyof RoomState)[];

export class ObservableState {
  #current = NOTHING_KNOWN;
  readonly #listeners = new Set<StateListener>();

  get current(): RoomState {
    return this.#current;
  }

  /** Calls `listener` at each change; returns a function that ends that. */
  subscribe(listener: StateListener): () => void {
    // A function of its own for each call: a page may subscribe one function twice.
    const ownListener: StateListener = (state) => listener(state);
    this.#listeners.add(ownListener);
    return () => void this.#listeners.delete(ownListener);
  }

  /** Resolves once a state fulfils the condition, at the latest after `timeoutMs`. */
  async until(condition: (state: RoomState) => boolean, timeoutMs: number, clock: Timers): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const unsubscribe = this.subscribe((state) => condition(state) && resolve());
    const cancelTimer = clock.setTimer(timeoutMs, resolve);
    await promise;
    unsubscribe();
    cancelTimer();
  }

  publish(next: RoomState): void {
    const before = this.#current;
    const state: RoomState = {
      screen: keepIfEqual(before.screen, next.screen),
      connection: next.connection,
      me: keepIfEqual(before.me, next.me),
      people: keepIfEqual(before.people, next.people),
      session: keepIfEqual(before.session, next.session),
      unsaved: next.unsaved,
      notices: keepIfEqual(before.notices, next.notices),
    };
    if (KEYS.every((key) => before[key] === state[key])) return;
    this.#current = state;
    for (const listener of [...this.#listeners]) {
      // A listener that changed the state has already sent the newer one to all.
      if (this.#current !== state) return;
      callGuarded(() => listener(state));
    }
  }

  unsubscribeAll(): void {
    this.#listeners.clear();
  }
}
