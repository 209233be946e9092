/**
 * A disk that is kept across restarts of the relay: all batches written to it, in order, and how many of
 * them are durable. It answers with a delay, and only while the relay that asked is alive.
 */
import * as Y from "yjs";
import { MemoryStore } from "../../sync-server/store/memory-store.ts";
import { StoreError } from "../../sync-server/store/store.ts";
import type { Durability, RoomRecord, Store, Write } from "../../sync-server/store/store.ts";
import type { Random } from "../random.ts";
import type { Owner, SimTime } from "./time.ts";

/** One room on the disk. */
type OnDisk = {
  record: RoomRecord | null;
  /** The record as it would be after a power cut. */
  durable: RoomRecord | null;
  /** The next clock of the content by client id. */
  stored: Map<number, number>;
};

const roomsOf = (writes: readonly Write[]): ReadonlySet<string> =>
  new Set(
    writes.flatMap((write) => (write.type === "put-room" ? [write.record.room] : "room" in write ? [write.room] : [])),
  );

/** The rooms to whose content something was appended. */
const contentRoomsOf = (batches: readonly (readonly Write[])[]): ReadonlySet<string> =>
  new Set(batches.flat().flatMap((write) => (write.type === "append-content" ? [write.room] : [])));

export class SimDisk {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #onWritten: (room: string) => void;
  #batches: (readonly Write[])[] = [];
  #durableCount = 0;
  #store = new MemoryStore();
  readonly #rooms = new Map<string, OnDisk>();
  /** By room: how many power cuts have cost it content. */
  readonly #losses = new Map<string, number>();
  /** By room and client id: the clock up to which power cuts have cost it content. */
  readonly #lost = new Map<string, Map<number, number>>();
  /** The next commit fails, as on a full disk. */
  isFull = false;
  /** Longest delay of an answer, ms. */
  slowestMs = 5;

  constructor(time: SimTime, random: Random, onWritten: (room: string) => void) {
    this.#time = time;
    this.#random = random;
    this.#onWritten = onWritten;
  }

  room(name: string): OnDisk {
    let room = this.#rooms.get(name);
    if (room === undefined) this.#rooms.set(name, (room = { record: null, durable: null, stored: new Map() }));
    return room;
  }

  /** How many power cuts have cost a room some of its content. */
  lossesOf(name: string): number {
    return this.#losses.get(name) ?? 0;
  }

  /** By client id: the clock up to which power cuts have cost a room content. */
  lostOf(name: string): ReadonlyMap<number, number> {
    return this.#lost.get(name) ?? new Map();
  }

  /** How many batches are not durable. */
  get volatileCount(): number {
    return this.#batches.length - this.#durableCount;
  }

  /** Loses a random number of the last batches that are not durable. */
  async cutPower(): Promise<void> {
    const kept = this.#durableCount + this.#random.below(this.volatileCount + 1);
    const batches = this.#batches.slice(0, kept);
    for (const room of contentRoomsOf(this.#batches.slice(kept))) this.#losses.set(room, this.lossesOf(room) + 1);
    this.#batches = [];
    this.#durableCount = 0;
    this.#store = new MemoryStore();
    const before = new Map([...this.#rooms].map(([name, { stored }]) => [name, new Map(stored)]));
    this.#rooms.clear();
    for (const batch of batches) await this.#write(batch);
    for (const [name, stored] of before) this.#noteLost(name, stored);
    this.#sync();
    for (const name of this.#rooms.keys()) this.#onWritten(name);
  }

  /** The store for one start of the relay. */
  open(owner: Owner): Store {
    const answer = <T>(read: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#time.schedule(this.#random.between(0, this.slowestMs), () => void read().then(resolve, reject), owner);
      });
    return {
      readRoom: (room) => answer(() => this.#store.readRoom(room)),
      liveRooms: (before, batch) => this.#store.liveRooms(before, batch),
      dueRooms: (now, limit) => answer(() => this.#store.dueRooms(now, limit)),
      earliestDeadline: () => answer(() => this.#store.earliestDeadline()),
      readMeta: (key) => answer(() => this.#store.readMeta(key)),
      commit: (writes, durability) => this.#commit(writes, durability, owner),
      close: async () => {},
    };
  }

  /** Writing and answering are two events: the relay may be killed between them. */
  #commit(writes: readonly Write[], durability: Durability, owner: Owner): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#time.schedule(
      this.#random.between(0, this.slowestMs),
      () => {
        if (this.isFull) return reject(new StoreError("the simulated disk is full"));
        void this.#write(writes).then(() => {
          if (durability === "flushed") this.#sync();
          for (const name of roomsOf(writes)) this.#onWritten(name);
          this.#time.schedule(this.#random.between(0, this.slowestMs), resolve, owner);
        }, reject);
      },
      owner,
    );
    return promise;
  }

  #noteLost(name: string, before: ReadonlyMap<number, number>): void {
    const lost = new Map(this.lostOf(name));
    for (const [client, clock] of before) {
      if (clock > (this.room(name).stored.get(client) ?? 0)) lost.set(client, Math.max(lost.get(client) ?? 0, clock));
    }
    this.#lost.set(name, lost);
  }

  #sync(): void {
    this.#durableCount = this.#batches.length;
    for (const room of this.#rooms.values()) room.durable = room.record;
  }

  async #write(batch: readonly Write[]): Promise<void> {
    await this.#store.commit(batch);
    this.#batches.push(batch);
    for (const write of batch) {
      if (write.type === "put-meta") continue;
      const name = write.type === "put-room" ? write.record.room : write.room;
      const room = this.room(name);
      if (write.type === "put-room") room.record = write.record;
      else if (write.type === "append-content") {
        for (const [client, clock] of Y.parseUpdateMeta(write.update).to) {
          room.stored.set(client, Math.max(room.stored.get(client) ?? 0, clock));
        }
      }
    }
  }
}
