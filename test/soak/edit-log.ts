/** The edits of one person that may not have reached the relay yet. */
import type { RecentStalls } from "./stalls.ts";

/** Within this time an edit on an open connection reaches the relay, in real ms. */
const DELIVERED_AFTER_MS = 300;

export class EditLog {
  readonly #stalls: RecentStalls;
  #unconfirmed: { readonly editId: string; readonly at: number }[] = [];

  constructor(stalls: RecentStalls) {
    this.#stalls = stalls;
  }

  get unconfirmedCount(): number {
    return this.#unconfirmed.length;
  }

  add(editId: string): void {
    this.#unconfirmed.push({ editId, at: performance.now() });
  }

  /** Removes and returns the edits that have certainly reached the relay. @param since when the person joined, by `performance.now()`. */
  takeDelivered(since: number): string[] {
    const until = performance.now() - DELIVERED_AFTER_MS - this.#stalls.within(2 * DELIVERED_AFTER_MS);
    return since > until ? [] : this.#take((at) => at <= until);
  }

  /** Removes and returns the edits made since `since`: what was sent arrives before the close of the connection. */
  takeSince(since: number): string[] {
    return this.#take((at) => at >= since);
  }

  #take(isTaken: (at: number) => boolean): string[] {
    const taken = this.#unconfirmed.filter(({ at }) => isTaken(at)).map(({ editId }) => editId);
    this.#unconfirmed = this.#unconfirmed.filter(({ at }) => !isTaken(at));
    return taken;
  }
}
