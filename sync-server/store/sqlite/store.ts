/**
 * The embedded store: Node's own SQLite, one file in the data folder. Its calls are synchronous; a commit takes some ten
 * microseconds, one with fsync as long as the disk needs.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { LifecycleState, StartMode } from "../../../src/session/lifecycle.ts";
import { toStoreError } from "./errors.ts";
import { openDatabase } from "./file.ts";
import type { OpenDatabase } from "./file.ts";
import { isOneRow, Rows } from "./rows.ts";
import type { Place } from "./rows.ts";
import { StoreError } from "../store.ts";
import type { Durability, RoomRecord, Store, StoredRoom, Write } from "../store.ts";

type RoomRow = {
  readonly id: number;
  readonly name: string;
  readonly ledger_id: number;
  readonly ledger: Uint8Array;
  readonly former_ledgers: string;
  readonly recovers_until: number;
  readonly start: StartMode;
  readonly host_absence_ms: number | null;
  readonly state: string;
  readonly content_set_aside: number;
};

/** In WAL mode FULL syncs the log at each commit, NORMAL only before it is copied into the database. */
const SYNCHRONOUS: Readonly<Record<Durability, string>> = { flushed: "FULL", written: "NORMAL" };

/** Writes that are one statement. */
const SINGLE_STATEMENT: ReadonlySet<Write["type"]> = new Set(["put-room", "set-content-aside", "put-meta"]);

/** Whether a write is one statement, which is a transaction by itself. */
const isSingleStatement = (write: Write): boolean => {
  if (write.type === "append-content") return isOneRow(write.update);
  if (write.type === "append-guard") return isOneRow(write.record);
  return SINGLE_STATEMENT.has(write.type);
};

const ROOM_COLUMNS =
  "id, name, ledger_id, ledger, former_ledgers, recovers_until, start, host_absence_ms, state, content_set_aside";
/** Rooms whose places are cached, some 300 bytes each. */
const MAX_PLACES = 4_096;

/** Where the rows of a room are. */
type Places = { readonly content: Place; readonly guard: Place };

const prepareAll = (db: DatabaseSync) => {
  const prepare = (sql: string): StatementSync => db.prepare(sql);
  return {
    begin: prepare("BEGIN IMMEDIATE"),
    commit: prepare("COMMIT"),
    rollback: prepare("ROLLBACK"),
    room: prepare(`SELECT ${ROOM_COLUMNS} FROM room WHERE name = ?`),
    roomId: prepare("SELECT id FROM room WHERE name = ?"),
    live: prepare(
      `SELECT ${ROOM_COLUMNS} FROM room WHERE live = 1 AND ifnull(deadline_at, 0) < ? AND id > ? ORDER BY id LIMIT ?`,
    ),
    due: prepare("SELECT name FROM room WHERE deadline_at <= ? ORDER BY deadline_at, id LIMIT ?"),
    earliest: prepare("SELECT min(deadline_at) AS at FROM room WHERE deadline_at IS NOT NULL"),
    meta: prepare("SELECT value FROM meta WHERE key = ?"),
    // An upsert keeps the id, and with it the content.
    putRoom: prepare(`
      INSERT INTO room
        (name, ledger_id, ledger, former_ledgers, recovers_until, start, host_absence_ms, state, live, deadline_at)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
      ON CONFLICT (name) DO UPDATE SET
        ledger_id = excluded.ledger_id, ledger = excluded.ledger, former_ledgers = excluded.former_ledgers,
        recovers_until = excluded.recovers_until, start = excluded.start,
        host_absence_ms = excluded.host_absence_ms, state = excluded.state,
        live = excluded.live, deadline_at = excluded.deadline_at`),
    setContentAside: prepare("UPDATE room SET content_set_aside = 1 WHERE name = ?"),
    putMeta: prepare(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
    ),
  };
};

const toRecord = (row: RoomRow): RoomRecord => ({
  room: row.name,
  ledgerId: row.ledger_id,
  ledger: row.ledger,
  formerLedgers: JSON.parse(row.former_ledgers) as RoomRecord["formerLedgers"],
  recoversUntil: row.recovers_until,
  start: row.start,
  hostAbsenceMs: row.host_absence_ms,
  state: JSON.parse(row.state) as LifecycleState,
});

export class SqliteStore implements Store {
  readonly #opened: OpenDatabase;
  readonly #db: DatabaseSync;
  readonly #file: string;
  readonly #sql: ReturnType<typeof prepareAll>;
  readonly #content: Rows;
  readonly #guard: Rows;
  /** To what the database is set; `null`: not set yet. */
  #durability: Durability | null = null;
  #isOpen = true;
  /** By room: those that were written to recently. */
  readonly #places = new Map<string, Places>();

  /**
   * Opens the database of this folder, makes both if necessary, and locks them until it is closed.
   *
   * @throws StoreError if the folder cannot be written or is in use, or the file is not a whole database of ours.
   */
  constructor(dataDir: string) {
    this.#opened = openDatabase(dataDir);
    this.#db = this.#opened.db;
    this.#file = this.#opened.file;
    this.#sql = prepareAll(this.#db);
    this.#content = new Rows(this.#db, "content");
    this.#guard = new Rows(this.#db, "guard");
  }

  async readRoom(room: string): Promise<StoredRoom | null> {
    return this.#guarded(() => {
      const row = this.#sql.room.get(room) as RoomRow | undefined;
      if (row === undefined) return null;
      const isContentSetAside = row.content_set_aside !== 0;
      return {
        record: toRecord(row),
        content: isContentSetAside ? [] : this.#content.read(row.id),
        contentCount: this.#content.find(row.id).count,
        isContentSetAside,
        guard: this.#guard.read(row.id),
      };
    });
  }

  async *liveRooms(before: number, batch: number): AsyncGenerator<readonly RoomRecord[]> {
    let lastId = 0;
    for (;;) {
      const rows = this.#guarded(() => this.#sql.live.all(before, lastId, batch) as RoomRow[]);
      if (rows.length === 0) break;
      lastId = rows.at(-1)!.id;
      yield this.#guarded(() => rows.map(toRecord));
    }
    // This and the check of the file have read every room; the cached pages are not needed any more.
    this.#guarded(() => this.#db.exec("PRAGMA shrink_memory"));
  }

  async dueRooms(now: number, limit: number): Promise<readonly string[]> {
    return this.#guarded(() => (this.#sql.due.all(now, limit) as { name: string }[]).map(({ name }) => name));
  }

  async earliestDeadline(): Promise<number | null> {
    return this.#guarded(() => (this.#sql.earliest.get() as { at: number | null }).at);
  }

  async readMeta(key: string): Promise<string | null> {
    return this.#guarded(() => (this.#sql.meta.get(key) as { value: string } | undefined)?.value ?? null);
  }

  async commit(writes: readonly Write[], durability: Durability): Promise<void> {
    this.#guarded(() => {
      this.#setDurability(durability);
      const [only] = writes;
      if (writes.length === 1 && isSingleStatement(only!)) return this.#apply(only!);
      this.#sql.begin.run();
      try {
        for (const write of writes) this.#apply(write);
        this.#sql.commit.run();
      } catch (error) {
        this.#rollBack();
        throw error;
      }
    });
  }

  /** Copies the log into the database and releases the lock; does nothing the second time. */
  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#guarded(() => this.#opened.close());
  }

  #apply(write: Write): void {
    const sql = this.#sql;
    switch (write.type) {
      case "put-room": {
        const { room, ledgerId, ledger, start, hostAbsenceMs, state, recoversUntil } = write.record;
        const former = JSON.stringify(write.record.formerLedgers);
        const deadlineAt = state.status === "live" ? (state.absence?.deadlineAt ?? null) : null;
        const live = state.status === "live" ? 1 : 0;
        const ledgers = [ledgerId, ledger, former, recoversUntil] as const;
        sql.putRoom.run(room, ...ledgers, start, hostAbsenceMs, JSON.stringify(state), live, deadlineAt);
        break;
      }
      case "append-content":
        this.#content.append(this.#placesOf(write.room).content, write.update);
        break;
      case "replace-content":
        this.#content.replace(this.#placesOf(write.room).content, write.updates);
        break;
      case "set-content-aside":
        sql.setContentAside.run(write.room);
        break;
      case "append-guard":
        this.#guard.append(this.#placesOf(write.room).guard, write.record);
        break;
      case "replace-guard":
        this.#guard.replace(this.#placesOf(write.room).guard, [write.record]);
        break;
      case "put-meta":
        sql.putMeta.run(write.key, write.value);
        break;
    }
  }

  #placesOf(room: string): Places {
    const known = this.#places.get(room);
    if (known !== undefined) return known;
    const row = this.#sql.roomId.get(room) as { id: number } | undefined;
    if (row === undefined) throw new StoreError("the store has no record of the room");
    const places = { content: this.#content.find(row.id), guard: this.#guard.find(row.id) };
    if (this.#places.size >= MAX_PLACES) this.#places.clear();
    this.#places.set(room, places);
    return places;
  }

  /** Only between transactions. Not prepared in advance: SQLite executes this pragma when it is prepared. */
  #setDurability(durability: Durability): void {
    if (durability === this.#durability) return;
    this.#db.exec(`PRAGMA synchronous = ${SYNCHRONOUS[durability]}`);
    this.#durability = durability;
  }

  #rollBack(): void {
    // The keys that were handed out meanwhile are free again.
    this.#places.clear();
    try {
      this.#sql.rollback.run();
    } catch {
      // SQLite may have rolled back by itself, for example if the disk is full. The first error is the one to report.
    }
  }

  /** Runs something that uses the file, and turns any error into a StoreError that names the file. */
  #guarded<T>(run: () => T): T {
    try {
      return run();
    } catch (error) {
      throw toStoreError(error, this.#file);
    }
  }
}
