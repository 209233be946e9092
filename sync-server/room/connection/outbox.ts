/**
 * What a room has to say, to whom, and when it says it. In a quiet room everything goes out at the end of the
 * turn; in a busy one, what comes within a few ms is gathered, so that each receiver costs one write for
 * all of it. Of each person's awareness only the newest state goes out. Whatever is to be kept is handed
 * to the journal first, and nothing is told before that is committed (docs/SPEC.md, W8).
 *
 * Each thing is told to those who were to hear it when it happened. Who comes later, but before it is
 * committed, gets the whole of what it changes anyway: told first, the part would wait in their documents
 * for what it builds on.
 */
import type { Clock } from "../../../src/clock.ts";
import type { AwarenessClock } from "../presence/awareness-clock.ts";
import type { Connection } from "./connection.ts";
import { deliver } from "./delivery.ts";
import type { Act, Telling } from "./delivery.ts";
import { awarenessFrame, syncStep2Frame, updateFrame } from "./messages.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { Journal } from "../../store/journal.ts";
import { writeEntries } from "../presence/awareness-codec.ts";
import type { Write } from "../../store/store.ts";

/** What content of a busy room may wait for more, in ms. */
const GATHER_MS = 4;
/** Awareness is gathered for longer where many hear of it: so many writes a second it may cost, about, … */
const AWARENESS_WRITES_PER_S = 10_000;
/** … but for no longer than this, in ms. */
const AWARENESS_GATHER_MOST_MS = 60;

/** A message of so many bytes is copied as rarely as can be, not even to go out in one write with others. */
const LARGE_BYTES = 16 * 1024;

/** Somebody's newest state, or "null" if it is gone. */
type Shown = { readonly json: string; readonly owner: Connection };

export type OutboxContext = {
  readonly clock: Pick<Clock, "now" | "gather">;
  readonly journal: Pick<Journal, "write" | "afterwards" | "beforeCommit">;
  readonly awarenessClock: AwarenessClock;
};

export class Outbox {
  readonly #context: OutboxContext;
  readonly #connections: ReadonlySet<Connection>;
  /** Who is here now, and to whom content goes now; `null`: to be listed again. A list is never changed. */
  #all: readonly Connection[] | null = null;
  #subscribers: readonly Connection[] | null = null;
  /** The one who was told something last: what goes to one together is one write. */
  #lastTold: readonly [Connection] | null = null;
  /** The large answer to a SyncStep1 that was given last, in its frame: those who come in at once get the same. */
  #served: { readonly answer: Uint8Array; readonly frame: Frame } | null = null;

  #writes: Write[] = [];
  #items: (Telling | Act)[] = [];
  /** By awareness client id. */
  #shown = new Map<number, Shown>();
  /** When something, and when awareness, went out last, ms since the epoch. */
  #flushedAt = -Infinity;
  #shownAt = -Infinity;
  /** Counts the plans to flush and the flushes: only the last plan is carried out. */
  #round = 0;
  /** When the next flush is planned; -Infinity: at the end of this turn, Infinity: not at all. */
  #plannedAt = Infinity;

  /** @param connections those who are in the room, now and later. */
  constructor(context: OutboxContext, connections: ReadonlySet<Connection>) {
    this.#context = context;
    this.#connections = connections;
  }

  /** Takes note that somebody came or went. */
  audienceChanged(): void {
    this.#all = null;
    this.#subscribers = null;
  }

  /** Lets content and awareness go to a connection from now on, or no more. */
  subscribe(connection: Connection, subscribed: boolean): void {
    if (connection.subscribed === subscribed) return;
    connection.subscribed = subscribed;
    this.#subscribers = null;
  }

  /** Keeps something, before anything is told that comes later. */
  keep(write: Write): void {
    this.#writes.push(write);
    this.#flushBy(this.#flushedAt + GATHER_MS);
  }

  /** Tells one, at the end of this turn, and with it everything that waits. */
  tell(connection: Connection, frame: Frame): void {
    this.#tellNow(this.#listOf(connection), frame);
  }

  /** Tells one what it lacks of the content: the answer to its SyncStep1, and what was written behind that. */
  serve(connection: Connection, [answer, ...later]: readonly [Uint8Array, ...Uint8Array[]]): void {
    const isLarge = answer.byteLength >= LARGE_BYTES;
    const receivers = isLarge ? [connection] : this.#listOf(connection);
    this.#tellNow(receivers, isLarge ? this.#frameOfLarge(answer) : syncStep2Frame(answer));
    for (const update of later) this.#tellNow(receivers, updateFrame(update));
  }

  /** Lets go of what is kept only because somebody may come soon. */
  evictCaches(): void {
    this.#served = null;
  }

  /** The same for all who are here. */
  sendToAll(frame: Frame): void {
    this.#tellNow((this.#all ??= [...this.#connections]), frame);
  }

  /** Tells all to whom content goes, but the sender, soon. @returns the update as it goes out, for whoever keeps it. */
  forward(update: Uint8Array, sender: Connection): Uint8Array {
    const frame = updateFrame(update);
    this.#items.push({ receivers: this.#listSubscribers(), frame, except: sender, instead: null });
    this.#flushBy(this.#flushedAt + GATHER_MS);
    // The update is the end of its message.
    return frame.payload.subarray(frame.payload.byteLength - update.byteLength);
  }

  /** Shows somebody's state to all others, or takes it away (`json` "null"). */
  show(clientId: number, json: string, owner: Connection): void {
    this.#shown.set(clientId, { json, owner });
    const perWriteMs = 1_000 / AWARENESS_WRITES_PER_S;
    const gatherMs = Math.min(this.#listSubscribers().length * perWriteMs, AWARENESS_GATHER_MOST_MS);
    this.#flushBy(this.#shownAt + Math.max(GATHER_MS, gatherMs));
  }

  /** Does something once all before it is committed and told. */
  afterwards(act: Act): void {
    this.#items.push(act);
    this.#flushBy(-Infinity);
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
    if (this.#writes.length === 0 && this.#items.length === 0) return;
    this.#flushedAt = now;
    for (const write of this.#writes) journal.write(write, "written");
    this.#writes = [];
    const items = this.#items;
    this.#items = [];
    this.#lastTold = null;
    if (items.length > 0) journal.afterwards(() => deliver(items));
  }

  #tellNow(receivers: readonly Connection[], frame: Frame): void {
    this.#items.push({ receivers, frame, except: null, instead: null });
    this.#flushBy(-Infinity);
  }

  #flushBy(at: number): void {
    const { clock, journal } = this.#context;
    const waitMs = at - clock.now();
    if (waitMs <= 0) {
      if (this.#plannedAt === -Infinity) return;
      this.#plannedAt = -Infinity;
      journal.beforeCommit(this.#flushLater());
    } else if (at < this.#plannedAt) {
      this.#plannedAt = at;
      clock.gather(waitMs, this.#flushLater());
    }
  }

  #flushLater(): () => void {
    const round = ++this.#round;
    return () => {
      if (round === this.#round) this.flush();
    };
  }

  #tellShown(): void {
    const shown = [...this.#shown].map(([clientId, { json, owner }]) => ({ clientId, json, owner }));
    this.#shown = new Map();
    const all = writeEntries(shown, this.#context.awarenessClock);
    const owners = new Set(shown.map(({ owner }) => owner));
    const receivers = this.#listSubscribers();
    const instead = new Map<Connection, Frame | null>();
    for (const receiver of receivers) {
      const isUnknown = receiver.presence === null;
      if (!isUnknown && !owners.has(receiver)) continue;
      // Nobody is told of their own: a state from outside would overwrite it (y-protocols 1.0). While it is not
      // known which is its own, any of the same person may be, left behind on another line.
      const isOwn = (owner: Connection): boolean =>
        owner === receiver || (isUnknown && owner.identity.id === receiver.identity.id);
      if (!shown.some(({ owner }) => isOwn(owner))) continue;
      const others = all.without((i) => isOwn(shown[i]!.owner));
      instead.set(receiver, others === null ? null : awarenessFrame(others));
    }
    this.#items.push({ receivers, frame: awarenessFrame(all.bytes), except: null, instead });
  }

  #frameOfLarge(answer: Uint8Array): Frame {
    if (this.#served?.answer !== answer) this.#served = { answer, frame: syncStep2Frame(answer) };
    return this.#served.frame;
  }

  #listOf(connection: Connection): readonly [Connection] {
    if (this.#lastTold?.[0] !== connection) this.#lastTold = [connection];
    return this.#lastTold;
  }

  #listSubscribers(): readonly Connection[] {
    return (this.#subscribers ??= [...this.#connections].filter(({ subscribed }) => subscribed));
  }
}
