/** A store in memory, for tests and for trying things out: it survives a relay, not the process. */
import type { Durability, RoomRecord, Store, StoredRoom, Write } from "./store.ts";

type Room = { record: RoomRecord; content: Uint8Array[]; guard: Uint8Array | null };

const deadlineOf = ({ state }: RoomRecord): number | null =>
  state.status === "live" && state.absence !== null ? state.absence.deadlineAt : null;

export class MemoryStore implements Store {
  readonly #rooms = new Map<string, Room>();
  readonly #meta = new Map<string, string>();

  async readRoom(room: string): Promise<StoredRoom | null> {
    const stored = this.#rooms.get(room);
    return stored === undefined ? null : { ...stored, content: [...stored.content] };
  }

  async *liveRooms(batch: number): AsyncGenerator<readonly RoomRecord[]> {
    const live = [...this.#rooms.values()].map(({ record }) => record).filter(({ state }) => state.status === "live");
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

  async commit(writes: readonly Write[], _durability: Durability): Promise<void> {
    for (const write of writes) this.#apply(write);
  }

  async close(): Promise<void> {}

  #deadlines(): { room: string; deadlineAt: number }[] {
    return [...this.#rooms.values()]
      .flatMap(({ record }) => {
        const deadlineAt = deadlineOf(record);
        return deadlineAt === null ? [] : [{ room: record.room, deadlineAt }];
      })
      .sort((a, b) => a.deadlineAt - b.deadlineAt);
  }

  #apply(write: Write): void {
    switch (write.type) {
      case "put-room": {
        const { record } = write;
        const stored = this.#rooms.get(record.room);
        if (stored === undefined) this.#rooms.set(record.room, { record, content: [], guard: null });
        else stored.record = record;
        break;
      }
      case "append-content":
        this.#rooms.get(write.room)!.content.push(write.update);
        break;
      case "replace-content":
        this.#rooms.get(write.room)!.content = [write.update];
        break;
      case "put-guard":
        this.#rooms.get(write.room)!.guard = write.guard;
        break;
      case "put-meta":
        this.#meta.set(write.key, write.value);
        break;
    }
  }
}
