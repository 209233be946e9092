/** A heap of things by a clock, least first. */

type Entry<T> = { readonly clock: number; readonly value: T };

export class ClockHeap<T> {
  #entries: Entry<T>[] = [];

  get size(): number {
    return this.#entries.length;
  }

  push(clock: number, value: T): void {
    const entries = this.#entries;
    const entry = { clock, value };
    let at = entries.length;
    entries.push(entry);
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (entries[parent]!.clock <= clock) break;
      entries[at] = entries[parent]!;
      at = parent;
    }
    entries[at] = entry;
  }

  /** Removes and returns the least, if its clock is below a bound. */
  popBelow(bound: number): T | undefined {
    const entries = this.#entries;
    const least = entries[0];
    if (least === undefined || least.clock >= bound) return undefined;
    const last = entries.pop()!;
    if (entries.length > 0) this.#sink(last);
    return least.value;
  }

  /** Keeps those that a test accepts. */
  filter(keeps: (value: T) => boolean): void {
    const entries = this.#entries.filter(({ value }) => keeps(value));
    this.#entries = [];
    for (const { clock, value } of entries) this.push(clock, value);
  }

  /** Puts an entry in at the top, which is free. */
  #sink(entry: Entry<T>): void {
    const entries = this.#entries;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= entries.length) break;
      if (child + 1 < entries.length && entries[child + 1]!.clock < entries[child]!.clock) child++;
      if (entries[child]!.clock >= entry.clock) break;
      entries[at] = entries[child]!;
      at = child;
    }
    entries[at] = entry;
  }
}
