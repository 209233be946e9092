/**
 * The one clock of a simulated world: a queue of events in the order of their time, and who owns each.
 * What a frozen owner should do waits until it is thawed; what a dead one should do is never done.
 */
export class Owner {
  readonly name: string;
  isAlive = true;
  #isFrozen = false;
  readonly #waiting: (() => void)[] = [];

  constructor(name: string) {
    this.name = name;
  }

  get isFrozen(): boolean {
    return this.#isFrozen;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  /** Does what has waited, in its order; all of it is late by now. */
  thaw(time: SimTime): void {
    this.#isFrozen = false;
    for (const run of this.#waiting.splice(0)) time.schedule(0, run, this);
  }

  hold(run: () => void): void {
    this.#waiting.push(run);
  }
}

type Event = { readonly at: number; readonly order: number; run: (() => void) | null; readonly owner: Owner };

/** The owner of what belongs to nobody in the world: the network, the plan of the run. */
export const NATURE = new Owner("nature");

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class SimTime {
  /** ms since the world began. */
  now = 0;
  /** Whose code is running. */
  owner: Owner = NATURE;
  /** How many events there were. */
  steps = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  /** Plans `run` for `delayMs` from now, as a doing of whoever runs now unless an owner is named. */
  schedule(delayMs: number, run: () => void, owner: Owner = this.owner): () => void {
    const event: Event = { at: this.now + Math.max(delayMs, 0), order: this.#order++, run, owner };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Does what comes next, if that is due by `untilMs`; false if nothing is. */
  step(untilMs: number): boolean {
    for (;;) {
      const event = this.#heap[0];
      if (event === undefined || event.at > untilMs) {
        this.now = untilMs;
        return false;
      }
      this.#pop();
      const { run, owner } = event;
      if (run === null || !owner.isAlive) continue;
      if (owner.isFrozen) {
        owner.hold(() => event.run?.());
        continue;
      }
      this.now = Math.max(this.now, event.at);
      this.steps++;
      this.owner = owner;
      // Cancelled from within, as an interval is, it must not run again.
      event.run = null;
      run();
      return true;
    }
  }

  /** Events to come of an owner. */
  pendingOf(owner: Owner): number {
    return this.#heap.filter((event) => event.run !== null && event.owner === owner).length;
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.push(event) - 1;
    while (at > 0) {
      const parent = (at - 1) >>> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = event;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop()!;
    if (heap.length === 0) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
      if (!isBefore(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
}
