/** The state that pages watch: a new object at each change, and no call without one. */
import { jsonEqual } from "./json-equal.ts";
import { NOTHING_KNOWN } from "./room-state.ts";
import type { RoomState } from "./room-state.ts";

export type StateListener = (state: RoomState) => void;

/** Parts that have not changed stay the same objects, so that pages can compare by identity. */
const keepIfEqual = <T>(before: T, after: T): T => (jsonEqual(before, after) ? before : after);

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

  publish(next: RoomState): void {
    const before = this.#current;
    if (jsonEqual(before, next)) return;
    const state: RoomState = {
      screen: keepIfEqual(before.screen, next.screen),
      connection: next.connection,
      me: keepIfEqual(before.me, next.me),
      people: keepIfEqual(before.people, next.people),
      session: keepIfEqual(before.session, next.session),
    };
    this.#current = state;
    for (const listener of [...this.#listeners]) {
      // A listener that changed the state has already sent the newer one to all.
      if (this.#current !== state) return;
      try {
        listener(state);
      } catch (error) {
        // Reported like any other error of the page, without stopping the room.
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  unsubscribeAll(): void {
    this.#listeners.clear();
  }
}
