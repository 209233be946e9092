/**
 * A disk that outlives relays: the batches that were written to it, in order, and how many of them a
 * power cut cannot take any more. It answers after a while, as disks do, and only to the living.
 */
import * as Y from "yjs";
import { MemoryStore } from "../../sync-server/store/memory-store.ts";
import { StoreError } from "../../sync-server/store/store.ts";
import type { Durability, RoomRecord, Store, Write } from "../../sync-server/store/store.ts";
import type { Random } from "../random.ts";
import type { Owner, SimTime } from "./time.ts";

/** What is on the disk of one room. */
export type OnDisk = {
  record: RoomRecord | null;
  /** What is safe from a power cut. */
  durable: RoomRecord | null;
  /** For each client id the clock behind its last struct. */
  held: Map<number, number>;
};

const roomsOf = (writes: readonly Write[]): ReadonlySet<string> =>
  new Set(
    writes.flatMap((write) => (write.type === "put-room" ? [write.record.room] : "room" in write ? [write.room] : [])),
  );

export class SimDisk {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #onWritten: (room: string) => void;
  #batches: (readonly Write[])[] = [];
  #durableCount = 0;
  #store = new MemoryStore();
  readonly #rooms = new Map<string, OnDisk>();
  /** The next commit fails, as on a full disk. */
  isFull = false;
  /** How long an answer may take, ms. */
  slowestMs = 5;

  constructor(time: SimTime, random: Random, onWritten: (room: string) => void) {
    this.#time = time;
    this.#random = random;
    this.#onWritten = onWritten;
  }

  room(name: string): OnDisk {
    let room = this.#rooms.get(name);
    if (room === undefined) this.#rooms.set(name, (room = { record: null, durable: null, held: new Map() }));
    return room;
  }

  /** How many batches a power cut could take. */
  get unsafeCount(): number {
    return this.#batches.length - this.#durableCount;
  }

  /** Takes some of what was not synced, the last first. */
  async cutPower(): Promise<void> {
    const kept = this.#durableCount + this.#random.below(this.unsafeCount + 1);
    const batches = this.#batches.slice(0, kept);
    this.#batches = [];
    this.#durableCount = 0;
    this.#store = new MemoryStore();
    this.#rooms.clear();
    for (const batch of batches) await this.#write(batch);
    this.#sync();
    for (const name of this.#rooms.keys()) this.#onWritten(name);
  }

  /** The disk as one life of the relay sees it. */
  open(life: Owner): Store {
    const answer = <T>(read: () => Promise<T>): Promise<T> =>
      new Promise((resolve, reject) => {
        this.#time.schedule(this.#random.between(0, this.slowestMs), () => void read().then(resolve, reject), life);
      });
    return {
      readRoom: (room) => answer(() => this.#store.readRoom(room)),
      liveRooms: (before, batch) => this.#store.liveRooms(before, batch),
      dueRooms: (now, limit) => answer(() => this.#store.dueRooms(now, limit)),
      earliestDeadline: () => answer(() => this.#store.earliestDeadline()),
      readMeta: (key) => answer(() => this.#store.readMeta(key)),
      commit: (writes, durability) => this.#commit(writes, durability, life),
      close: async () => {},
    };
  }

  /** A batch lands at one moment and is told of at another: a kill may fall between the two. */
  #commit(writes: readonly Write[], durability: Durability, life: Owner): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#time.schedule(
      this.#random.between(0, this.slowestMs),
      () => {
        if (this.isFull) return reject(new StoreError("the simulated disk is full"));
        void this.#write(writes).then(() => {
          if (durability === "flushed") this.#sync();
          for (const name of roomsOf(writes)) this.#onWritten(name);
          this.#time.schedule(this.#random.between(0, this.slowestMs), resolve, life);
        }, reject);
      },
      life,
    );
    return promise;
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
          room.held.set(client, Math.max(room.held.get(client) ?? 0, clock));
        }
      }
    }
  }
}
