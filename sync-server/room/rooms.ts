/** The rooms in memory: loaded when one is needed, created when a valid token names one, dropped when nobody is left. */
import type { EndReason, PersonRef } from "../../src/session/session.ts";
import { Room } from "./room.ts";
import type { RoomContext } from "./room-context.ts";
import type { RoomDescription, RoomService } from "./room-service.ts";
import { createRecord, resumeRecord } from "./session/room-session.ts";
import type { SessionOptions } from "./session/room-session.ts";
import type { RoomRecord, Store } from "../store/store.ts";

const DEFAULT_OPTIONS: SessionOptions = { start: "auto", hostAbsenceMs: null };

const NOTHING_STORED = { content: [], contentCount: 0, isContentSetAside: false, guard: [] };

/**
 * A room in memory, and how many need it there: connections, and calls in progress. `number` only grows, so that it
 * spreads over time what is done with all rooms.
 */
type Entry = { readonly number: number; room: Promise<Room | null>; loaded: Room | null; users: number };

/** Holds a room in memory until it is released, once. */
export type Lease = { readonly room: Room; release(): void };

export class Rooms implements RoomService {
  readonly #entries = new Map<string, Entry>();
  readonly #store: Pick<Store, "readRoom">;
  readonly #context: RoomContext;
  /** How many entries were ever made. */
  #made = 0;

  constructor(store: Pick<Store, "readRoom">, context: RoomContext) {
    this.#store = store;
    this.#context = context;
  }

  /** How many rooms are in memory. */
  get size(): number {
    return this.#entries.size;
  }

  /** The rooms that are in memory now. */
  get loaded(): Room[] {
    return [...this.#entries.values()].flatMap(({ loaded }) => (loaded === null ? [] : [loaded]));
  }

  /** Calls `Room.refreshPresence` for one part of the rooms, by its number from 0 to `parts` - 1. */
  refreshPresence(part: number, parts: number): void {
    for (const { loaded, number } of this.#entries.values()) if (number % parts === part) loaded?.refreshPresence();
  }

  /** Resolves when no room's content is in work. */
  async idle(): Promise<void> {
    await Promise.all(this.loaded.map((room) => new Promise<void>((resolve) => room.whenIdle(resolve))));
  }

  /** Leases a room, creating it if there is none. */
  async enter(name: string): Promise<Lease> {
    const { lease } = await this.#leaseOrMake(name, DEFAULT_OPTIONS);
    await lease.room.load();
    return lease;
  }

  async create(name: string, options: SessionOptions): Promise<RoomDescription | null> {
    const { lease, isNew } = await this.#leaseOrMake(name, options);
    try {
      return isNew ? await this.#committed(lease.room.describe()) : null;
    } finally {
      lease.release();
    }
  }

  async describe(name: string): Promise<RoomDescription | null> {
    return this.#with(name, (room) => {
      room.checkDeadline();
      return room.describe();
    });
  }

  async start(name: string, run: number | undefined): Promise<RoomDescription | "unknown-run" | null> {
    return this.#with(name, (room) => (room.start(run) ? room.describe() : "unknown-run"));
  }

  async end(
    name: string,
    run: number | undefined,
    reason: EndReason,
    by: PersonRef | null,
  ): Promise<RoomDescription | "unknown-run" | null> {
    return this.#with(name, (room) => (room.end(run, reason, by) ? room.describe() : "unknown-run"));
  }

  /** At a start of the relay, before anybody is connected: gives a live room the deadline that it has then. */
  resume(record: RoomRecord, graceMs: number): void {
    const resumed = resumeRecord(record, graceMs, this.#context);
    if (resumed !== null) this.#context.journal.write({ type: "put-room", record: resumed }, "flushed");
  }

  /** Ends the room's run if its deadline has passed. */
  async checkDeadline(name: string): Promise<void> {
    await this.#with(name, (room) => room.checkDeadline());
  }

  /** Does something with a room at once, and resolves when what it changed is committed. */
  async #with<T>(name: string, act: (room: Room) => T): Promise<T | null> {
    const lease = await this.#lease(name);
    if (lease === null) return null;
    try {
      return await this.#committed(act(lease.room));
    } finally {
      lease.release();
    }
  }

  async #committed<T>(value: T): Promise<T> {
    await this.#context.journal.settled();
    return value;
  }

  async #lease(name: string): Promise<Lease | null> {
    const entry = this.#entry(name);
    try {
      const room = await entry.room;
      if (room !== null) return this.#grant(name, entry, room);
    } catch (error) {
      this.#release(name, entry);
      throw error;
    }
    this.#release(name, entry);
    return null;
  }

  async #leaseOrMake(name: string, options: SessionOptions): Promise<{ lease: Lease; isNew: boolean }> {
    const entry = this.#entry(name);
    try {
      for (let isNew = false; ;) {
        const found = entry.room;
        const room = await found;
        if (room !== null) return { lease: this.#grant(name, entry, room), isNew };
        // Of several that found nothing, the first creates the room and the others find it.
        if (entry.room === found) {
          isNew = true;
          entry.room = Promise.resolve(this.#make(name, options));
        }
      }
    } catch (error) {
      this.#release(name, entry);
      throw error;
    }
  }

  #entry(name: string): Entry {
    let entry = this.#entries.get(name);
    if (entry === undefined) {
      entry = { number: this.#made++, room: this.#load(name), loaded: null, users: 0 };
      this.#entries.set(name, entry);
    }
    entry.users++;
    return entry;
  }

  async #load(name: string): Promise<Room | null> {
    // What the room stored before it last left memory must be committed.
    await this.#context.journal.settled();
    const stored = await this.#store.readRoom(name);
    return stored === null ? null : new Room(stored, this.#context);
  }

  #make(name: string, options: SessionOptions): Room {
    const { clock, journal } = this.#context;
    const record = createRecord(name, options, clock.now());
    journal.write({ type: "put-room", record }, "flushed");
    return new Room({ record, ...NOTHING_STORED }, this.#context);
  }

  #grant(name: string, entry: Entry, room: Room): Lease {
    entry.loaded = room;
    let isReleased = false;
    const release = (): void => {
      if (!isReleased) this.#release(name, entry);
      isReleased = true;
    };
    return { room, release };
  }

  #release(name: string, entry: Entry): void {
    entry.users--;
    if (entry.users > 0) return;
    if (entry.loaded === null) return this.#drop(name, entry);
    entry.loaded.whenIdle(() => this.#drop(name, entry));
  }

  #drop(name: string, entry: Entry): void {
    if (entry.users > 0 || this.#entries.get(name) !== entry) return;
    entry.loaded?.prepareUnload();
    this.#entries.delete(name);
  }
}
