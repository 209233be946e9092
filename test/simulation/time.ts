/**
 * The clock of a simulated world: a queue of events in the order of their time, each with an owner. Events
 * of a frozen owner wait until it is unfrozen; events of a dead owner never run.
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

  /** Runs the deferred events now, in their order. */
  unfreeze(time: SimTime): void {
    this.#isFrozen = false;
    for (const run of this.#waiting.splice(0)) time.schedule(0, run, this);
  }

  defer(run: () => void): void {
    this.#waiting.push(run);
  }
}

type Event = { readonly at: number; readonly order: number; run: (() => void) | null; readonly owner: Owner };

/** Owns the events of the network and of the simulation itself. */
export const ENVIRONMENT = new Owner("environment");

const isBefore = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export class SimTime {
  /** ms since the start of the world. */
  now = 0;
  /** Owner of the running event. */
  owner: Owner = ENVIRONMENT;
  /** How many events have run. */
  steps = 0;
  readonly #heap: Event[] = [];
  #order = 0;

  /** Schedules an event; it is owned by the owner of the running event unless another is given. Returns its cancellation. */
  schedule(delayMs: number, run: () => void, owner: Owner = this.owner): () => void {
    const event: Event = { at: this.now + Math.max(delayMs, 0), order: this.#order++, run, owner };
    this.#push(event);
    return () => {
      event.run = null;
    };
  }

  /** Runs the next event if it is due by `untilMs`; returns whether there was one. */
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
        owner.defer(() => event.run?.());
        continue;
      }
      this.now = Math.max(this.now, event.at);
      this.steps++;
      this.owner = owner;
      // Cleared before running: an event that is cancelled while it runs, as by clearInterval, must not run again.
      event.run = null;
      run();
      return true;
    }
  }

  /** Number of pending events of an owner. */
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
