/**
 * The order of all that a room stores and sends, and when it goes out. In a quiet room that is at the end of the
 * turn; in a busy one, what comes within a few ms is gathered, so that each recipient costs one write for all of
 * it. Nothing is sent before what was stored before it is committed (docs/SPEC.md, W8).
 *
 * The recipients of a message are those at the time when it was handed over. A connection that is added later,
 * but before the commit, gets the whole that the message is a part of anyway: sent first, the part would wait in
 * its document for what it builds on.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { Journal } from "../../store/journal.ts";
import type { RoomRecord, Write } from "../../store/store.ts";
import type { Connection } from "./connection.ts";
import { deliver } from "./delivery.ts";
import type { Action, OnSlow, OutgoingMessage } from "./delivery.ts";
import { updateFrame } from "./messages.ts";

/** How long content of a busy room may wait for more, in ms. */
export const GATHER_MS = 4;

export type OutboxContext = {
  readonly clock: Pick<Clock, "now" | "gather">;
  readonly journal: Pick<Journal, "write" | "afterCommit" | "beforeCommit">;
};

/** What gathers by itself between two flushes; asked at each flush what it has. */
export type OutboxSource = {
  takeWrite?(): Write | null;
  takeMessage?(): OutgoingMessage | null;
};

export class Outbox {
  readonly #context: OutboxContext;
  readonly #connections: ReadonlySet<Connection>;
  readonly #subscribed = new Set<Connection>();
  /** Those that get content and awareness later: they still have to read what came before. */
  readonly #behind = new Set<Connection>();
  readonly #sources: OutboxSource[] = [];
  /** `#connections` and `#subscribed` as lists; `null`: to be listed again. A list is never changed. */
  #all: readonly Connection[] | null = null;
  #subscribers: readonly Connection[] | null = null;
  /** The list of the one recipient of the last message: what goes to one together is one write. */
  #lastRecipient: readonly [Connection] | null = null;

  #writes: Write[] = [];
  #items: (OutgoingMessage | Action)[] = [];
  /** Time of the last flush that had something, ms since the epoch. */
  #flushedAt = -Infinity;
  /** Called with each connection that has much unread after something was sent to it. */
  onSlow: OnSlow = () => {};
  /** Counts the plans to flush and the flushes: only the last plan is carried out. */
  #round = 0;
  /** Time of the next flush; -Infinity: at the end of this turn, Infinity: none is planned. */
  #plannedAt = Infinity;

  /** @param connections the room's connections, now and later; see `connectionsChanged`. */
  constructor(context: OutboxContext, connections: ReadonlySet<Connection>) {
    this.#context = context;
    this.#connections = connections;
  }

  addSource(source: OutboxSource): void {
    this.#sources.push(source);
  }

  connectionsChanged(): void {
    this.#all = null;
  }

  /** Sends content and awareness to a connection from now on, or no more. */
  subscribe(connection: Connection, subscribed: boolean): void {
    if (this.#subscribed.has(connection) === subscribed) return;
    if (subscribed) this.#subscribed.add(connection);
    else this.#subscribed.delete(connection);
    this.#subscribers = null;
  }

  /** Leaves out a subscriber for now, or no more. */
  setBehind(connection: Connection, isBehind: boolean): void {
    if (this.#behind.has(connection) === isBehind) return;
    if (isBehind) this.#behind.add(connection);
    else this.#behind.delete(connection);
    this.#subscribers = null;
  }

  /** The subscribers that are left out for now. */
  get behind(): ReadonlySet<Connection> {
    return this.#behind;
  }

  isSubscribed(connection: Connection): boolean {
    return this.#subscribed.has(connection);
  }

  /** The connections to which content and awareness go now; the list is never changed. */
  get subscribers(): readonly Connection[] {
    return (this.#subscribers ??= [...this.#subscribed].filter((connection) => !this.#behind.has(connection)));
  }

  /** Stores something, soon; nothing that is handed over later is sent before it is committed. */
  store(write: Write): void {
    this.#writes.push(write);
    this.flushSoon();
  }

  /** Stores a room's record now, after all that was stored before it, safe from a power cut once it is committed. */
  storeRecord(record: RoomRecord): void {
    this.flush();
    this.#context.journal.write({ type: "put-room", record }, "flushed");
  }

  /** Sends to one connection, at the end of this turn, and with it everything that waits. */
  send(connection: Connection, frame: Frame): void {
    this.#sendNow(this.#listOf(connection), frame);
  }

  sendToAll(frame: Frame): void {
    this.#sendNow((this.#all ??= [...this.#connections]), frame);
  }

  /** Sends the same to all that speak `session-room.v1`. */
  sendToSessionClients(frame: Frame): void {
    const recipients = [...this.#connections].filter(({ speaksSession }) => speaksSession);
    if (recipients.length > 0) this.#sendNow(recipients, frame);
  }

  /** Sends an update to all subscribers but its sender, soon. @returns the update as a view into what is sent. */
  forward(update: Uint8Array, sender: Connection): Uint8Array {
    const frame = updateFrame(update);
    this.#items.push({ recipients: this.subscribers, frame, except: sender, instead: null });
    this.flushSoon();
    // The update is the end of its message.
    return frame.payload.subarray(frame.payload.byteLength - update.byteLength);
  }

  /** Does something once all before it is committed and sent. */
  afterCommit(action: Action): void {
    this.#items.push(action);
    this.flushBy(-Infinity);
  }

  /** Plans a flush for when the room has been quiet for a moment. */
  flushSoon(): void {
    this.flushBy(this.#flushedAt + GATHER_MS);
  }

  /** Plans a flush for this time (ms since the epoch) at the latest; if that is over, for the end of this turn. */
  flushBy(at: number): void {
    const { clock, journal } = this.#context;
    const waitMs = at - clock.now();
    if (waitMs <= 0) {
      if (this.#plannedAt === -Infinity) return;
      this.#plannedAt = -Infinity;
      journal.beforeCommit(this.#planFlush());
    } else if (at < this.#plannedAt) {
      this.#plannedAt = at;
      clock.gather(waitMs, this.#planFlush());
    }
  }

  /** Hands everything to the journal now. */
  flush(): void {
    this.#round++;
    this.#plannedAt = Infinity;
    for (const source of this.#sources) {
      const write = source.takeWrite?.() ?? null;
      if (write !== null) this.#writes.push(write);
      const message = source.takeMessage?.() ?? null;
      if (message !== null) this.#items.push(message);
    }
    if (this.#writes.length === 0 && this.#items.length === 0) return;
    const { clock, journal } = this.#context;
    this.#flushedAt = clock.now();
    for (const write of this.#writes) journal.write(write, "written");
    this.#writes = [];
    const items = this.#items;
    this.#items = [];
    this.#lastRecipient = null;
    if (items.length > 0) journal.afterCommit(() => deliver(items, this.onSlow));
  }

  #planFlush(): () => void {
    const round = ++this.#round;
    return () => {
      if (round === this.#round) this.flush();
    };
  }

  #sendNow(recipients: readonly Connection[], frame: Frame): void {
    this.#items.push({ recipients, frame, except: null, instead: null });
    this.flushBy(-Infinity);
  }

  #listOf(connection: Connection): readonly [Connection] {
    if (this.#lastRecipient?.[0] !== connection) this.#lastRecipient = [connection];
    return this.#lastRecipient;
  }
}
