/**
 * What a room has to say, in order, and when it says it. In a quiet room everything goes out at the end of the
 * turn; in a busy one, what comes within a few ms is gathered, so that each receiver costs one write for
 * all of it. Of each person's awareness only the newest state goes out. Whatever is to be kept is handed
 * to the journal first, and nothing is told before that is committed (docs/SPEC.md, W8).
 */
import type { Clock } from "../src/clock.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import type { Connection } from "./connection.ts";
import { Batch, Frame } from "./frame.ts";
import type { Journal } from "./journal.ts";
import { writeEntries } from "./presence.ts";
import type { Write } from "./store/store.ts";

/** What content of a busy room may wait for more, in ms. */
const GATHER_MS = 4;
/** Awareness is gathered for longer where many hear of it: so many writes a second it may cost, about, … */
const AWARENESS_WRITES_PER_S = 10_000;
/** … but for no longer than this, in ms. */
const AWARENESS_GATHER_MOST_MS = 60;

/** Something to tell, or to do when all before it is told. */
type Telling = {
  readonly act?: () => void;
  readonly receivers: readonly Connection[];
  /** `null`: nothing to those who are not in `instead`. */
  readonly frame: Frame | null;
  /** Who gets nothing: whoever said it. */
  readonly except: Connection | null;
  /** Who gets something else, or nothing (`null`). */
  readonly instead: ReadonlyMap<Connection, Frame | null> | null;
};

/** Somebody's newest state, or that it is gone. */
type Shown = { readonly json: string; readonly owner: Connection | null };

const frameFor = ({ frame, except, instead }: Telling, receiver: Connection): Frame | null => {
  if (receiver === except) return null;
  const own = instead?.get(receiver);
  return own === undefined ? frame : own;
};

export type OutboxContext = {
  readonly clock: Pick<Clock, "now" | "gather">;
  readonly journal: Pick<Journal, "write" | "afterwards" | "beforeCommit">;
  readonly awarenessClock: AwarenessClock;
};

export class Outbox {
  readonly #context: OutboxContext;
  /** To whom content and awareness go now; a list that is not changed. */
  readonly #subscribers: () => readonly Connection[];
  readonly #isHere: (connection: Connection) => boolean;
  #writes: Write[] = [];
  #tellings: Telling[] = [];
  /** By awareness client id. */
  #shown = new Map<number, Shown>();
  /** When something went out last, ms since the epoch. */
  #flushedAt = -Infinity;
  #shownAt = -Infinity;
  /** Counts the flushes, so that one that was planned before another does nothing. */
  #round = 0;
  #plannedAt = Infinity;

  constructor(
    context: OutboxContext,
    room: { readonly subscribers: () => readonly Connection[]; readonly isHere: (connection: Connection) => boolean },
  ) {
    this.#context = context;
    this.#subscribers = room.subscribers;
    this.#isHere = room.isHere;
  }

  /** Keeps something, before anything is told that comes later. */
  keep(write: Write): void {
    this.#writes.push(write);
    this.#flushBy(this.#flushedAt + GATHER_MS);
  }

  /** Tells soon. */
  tellSoon(receivers: readonly Connection[], frame: Frame, except: Connection): void {
    this.#tellings.push({ receivers, frame, except, instead: null });
    this.#flushBy(this.#flushedAt + GATHER_MS);
  }

  /** Tells at the end of this turn, and with it everything that waits. */
  tell(receivers: readonly Connection[], frame: Frame): void {
    this.#tellings.push({ receivers, frame, except: null, instead: null });
    this.#flushBy(-Infinity);
  }

  /** Does something once all before it is committed and told. */
  afterwards(act: () => void): void {
    this.#tellings.push({ act, receivers: [], frame: null, except: null, instead: null });
    this.#flushBy(-Infinity);
  }

  /** Shows a state to all others, or takes it away (`json` "null"). */
  show(clientId: number, json: string, owner: Connection | null): void {
    this.#shown.set(clientId, { json, owner });
    const receivers = this.#subscribers().length;
    const gatherMs = Math.max(
      GATHER_MS,
      Math.min((receivers / AWARENESS_WRITES_PER_S) * 1_000, AWARENESS_GATHER_MOST_MS),
    );
    this.#flushBy(this.#shownAt + gatherMs);
  }

  /** Hands everything over now. */
  flush(): void {
    this.#round++;
    this.#plannedAt = Infinity;
    const { clock, journal } = this.#context;
    const now = clock.now();
    if (this.#shown.size > 0) {
      this.#shownAt = now;
      this.#tellShown();
    }
    if (this.#writes.length === 0 && this.#tellings.length === 0) return;
    this.#flushedAt = now;
    for (const write of this.#writes) journal.write(write, "written");
    this.#writes = [];
    const tellings = this.#tellings;
    this.#tellings = [];
    if (tellings.length > 0) journal.afterwards(() => this.#deliver(tellings));
  }

  #flushBy(at: number): void {
    const { clock, journal } = this.#context;
    const waitMs = at - clock.now();
    if (waitMs <= 0) {
      if (this.#plannedAt === -Infinity) return;
      this.#plannedAt = -Infinity;
      const round = ++this.#round;
      journal.beforeCommit(() => this.#flushRound(round));
    } else if (at < this.#plannedAt) {
      this.#plannedAt = at;
      const round = ++this.#round;
      clock.gather(waitMs, () => this.#flushRound(round));
    }
  }

  #flushRound(round: number): void {
    if (round === this.#round) this.flush();
  }

  #tellShown(): void {
    const shown = [...this.#shown].map(([clientId, { json, owner }]) => ({ clientId, json, owner }));
    this.#shown = new Map();
    const { awarenessClock } = this.#context;
    const all = writeEntries(shown, awarenessClock);
    const instead = new Map<Connection, Frame | null>();
    // Nobody is told of their own: a state from outside would overwrite it (y-protocols 1.0).
    shown.forEach(({ owner }, i) => {
      if (owner === null) return;
      const own = all.without(i);
      instead.set(owner, own === null ? null : Frame.ofAwareness(own));
    });
    const receivers = this.#subscribers();
    for (const receiver of receivers) {
      if (receiver.presence !== null || instead.has(receiver)) continue;
      // Which state is its own is not known yet: any of the same person may be, left behind on another line.
      const others = shown.filter(({ owner }) => owner?.identity.id !== receiver.identity.id);
      if (others.length === shown.length) continue;
      const frame = others.length === 0 ? null : Frame.ofAwareness(writeEntries(others, awarenessClock).bytes);
      instead.set(receiver, frame);
    }
    this.#tellings.push({ receivers, frame: Frame.ofAwareness(all.bytes), except: null, instead });
  }

  #deliver(tellings: readonly Telling[]): void {
    for (let from = 0; from < tellings.length;) {
      // What goes to the same people, one after the other, goes together.
      const { receivers, act } = tellings[from]!;
      let to = from + 1;
      act?.();
      while (to < tellings.length && tellings[to]!.receivers === receivers) to++;
      this.#deliverTogether(receivers, tellings.slice(from, to));
      from = to;
    }
  }

  #deliverTogether(receivers: readonly Connection[], tellings: readonly Telling[]): void {
    const frames = tellings.flatMap(({ frame }) => frame ?? []);
    const shared = frames.length === 0 ? null : new Batch(frames);
    // Most get all of it, in the same bytes.
    const others = new Set<Connection>();
    for (const { except, instead } of tellings) {
      if (except !== null) others.add(except);
      if (instead !== null) for (const receiver of instead.keys()) others.add(receiver);
    }
    for (const receiver of receivers) {
      if (!this.#isHere(receiver)) continue;
      if (!others.has(receiver)) {
        if (shared !== null) receiver.socket.send(shared);
        continue;
      }
      const own = tellings.flatMap((telling) => frameFor(telling, receiver) ?? []);
      if (own.length > 0) receiver.socket.send(new Batch(own));
    }
  }
}
