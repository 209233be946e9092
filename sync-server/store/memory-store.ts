/** A store in memory, for tests and for trying things out. It outlives a relay, but not the process. */
import { StoreError } from "./store.ts";
import type { RoomRecord, Store, StoredRoom, Write } from "./store.ts";

type Room = {
  record: RoomRecord;
  content: Uint8Array[];
  contentCount: number;
  isContentSetAside: boolean;
  guard: Uint8Array[];
};

const deadlineOf = ({ state }: RoomRecord): number | null =>
  state.status === "live" && state.absence !== null ? state.absence.deadlineAt : null;

export class MemoryStore implements Store {
  readonly #rooms = new Map<string, Room>();
  readonly #meta = new Map<string, string>();

  async readRoom(room: string): Promise<StoredRoom | null> {
    const stored = this.#rooms.get(room);
    if (stored === undefined) return null;
    const content = stored.isContentSetAside ? [] : [...stored.content];
    return { ...stored, content, guard: [...stored.guard] };
  }

  async *liveRooms(before: number, batch: number): AsyncGenerator<readonly RoomRecord[]> {
    const live = [...this.#rooms.values()]
      .map(({ record }) => record)
      .filter((record) => record.state.status === "live" && (deadlineOf(record) ?? 0) < before);
    for (let i = 0; i < live.length; i += batch) yield live.slice(i, i + batch);
  }

  async dueRooms(now: number, limit: number): Promise<readonly string[]> {
    return this.#deadlines()
      .filter(({ deadlineAt }) => deadlineAt <= now)
      .slice(0, limit)
      .map(({ room }) => room);
  }

  async earliestDeadline(): Promise<number | null> {
    return this.#deadlines()[0]?.deadlineAt ?? null;
  }

  async readMeta(key: string): Promise<string | null> {
    return this.#meta.get(key) ?? null;
  }

  async commit(writes: readonly Write[]): Promise<void> {
    this.#checkRooms(writes);
    for (const write of writes) this.#apply(write);
  }

  /** Keeps everything, for another relay in the same process. */
  async close(): Promise<void> {}

  #deadlines(): { room: string; deadlineAt: number }[] {
    return [...this.#rooms.values()]
      .flatMap(({ record }) => {
        const deadlineAt = deadlineOf(record);
        return deadlineAt === null ? [] : [{ room: record.room, deadlineAt }];
      })
      .sort((a, b) => a.deadlineAt - b.deadlineAt);
  }

  /** The only way in which a write can fail. Checked before the first one is applied, so that all are, or none. */
  #checkRooms(writes: readonly Write[]): void {
    const made = new Set<string>();
    for (const write of writes) {
      if (write.type === "put-meta") continue;
      if (write.type === "put-room") made.add(write.record.room);
      else if (!made.has(write.room) && !this.#rooms.has(write.room)) {
        throw new StoreError(`${write.type}: the store has no record of the room`);
      }
    }
  }

  /** Stores copies: the bytes may be a view of a larger frame. */
  #apply(write: Write): void {
    switch (write.type) {
      case "put-room": {
        const record = { ...write.record, ledger: write.record.ledger.slice() };
        const stored = this.#rooms.get(record.room);
        if (stored !== undefined) stored.record = record;
        else {
          const none = { content: [], contentCount: 0, isContentSetAside: false, guard: [] };
          this.#rooms.set(record.room, { record, ...none });
        }
        break;
      }
      case "append-content": {
        const stored = this.#rooms.get(write.room)!;
        stored.content.push(write.update.slice());
        stored.contentCount++;
        break;
      }
      case "replace-content":
        this.#rooms.get(write.room)!.content = write.updates.map((update) => update.slice());
        break;
      case "set-content-aside":
        this.#rooms.get(write.room)!.isContentSetAside = true;
        break;
      case "append-guard":
        this.#rooms.get(write.room)!.guard.push(write.record.slice());
        break;
      case "replace-guard":
        this.#rooms.get(write.room)!.guard = [write.record.slice()];
        break;
      case "put-meta":
        this.#meta.set(write.key, write.value);
        break;
    }
  }
}
