/**
 * Content and guard of rooms in SQLite: each is a table of rows that are appended, read in order, and replaced all at
 * once. The key of a row is the room's id times `ROWS_PER_ROOM` plus the row's number in its room, so that an append
 * changes one B-tree in one place. A column for the room with an index and a foreign key takes twice the time and writes
 * twice as many bytes to the log.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";

/** The rows of a room are replaced by one long before. Keys of 2 ** 27 rooms stay below 2 ** 53, where numbers are exact. */
const ROWS_PER_ROOM = 2 ** 26;

export const ROW_TABLES = `
  CREATE TABLE content (key INTEGER PRIMARY KEY, data BLOB NOT NULL);
  CREATE TABLE guard (key INTEGER PRIMARY KEY, data BLOB NOT NULL);
`;

/** Where the rows of a room are in one table. */
export type Place = {
  /** The room's least key. */
  readonly from: number;
  /** The next room's least key. */
  readonly to: number;
  /** The key of the next row. */
  next: number;
};

const OF_ROOM = "key >= ? AND key < ?";

export class Rows {
  readonly #append: StatementSync;
  readonly #drop: StatementSync;
  readonly #read: StatementSync;
  readonly #last: StatementSync;

  constructor(db: DatabaseSync, table: "content" | "guard") {
    this.#append = db.prepare(`INSERT INTO ${table} (key, data) VALUES (?, ?)`);
    this.#drop = db.prepare(`DELETE FROM ${table} WHERE ${OF_ROOM}`);
    this.#read = db.prepare(`SELECT data FROM ${table} WHERE ${OF_ROOM} ORDER BY key`);
    this.#last = db.prepare(`SELECT max(key) AS key FROM ${table} WHERE ${OF_ROOM}`);
  }

  /** Looks up where the rows of a room end. Valid until they are changed through another `Place` or a change is rolled back. */
  find(roomId: number): Place {
    const from = roomId * ROWS_PER_ROOM;
    const to = from + ROWS_PER_ROOM;
    if (!Number.isSafeInteger(to)) throw new StoreError("the store has too many rooms");
    const { key } = this.#last.get(from, to) as { key: number | null };
    return { from, to, next: key === null ? from : key + 1 };
  }

  read(roomId: number): Uint8Array[] {
    const from = roomId * ROWS_PER_ROOM;
    return (this.#read.all(from, from + ROWS_PER_ROOM) as { data: Uint8Array }[]).map(({ data }) => data);
  }

  append(place: Place, data: Uint8Array): void {
    if (place.next >= place.to) throw new StoreError("a room has too many rows");
    // `get`, since `run` makes an object of the outcome, which is a tenth of the cost of an append.
    this.#append.get(place.next, data);
    place.next++;
  }

  /** Replaces all rows of a room by one. */
  replace(place: Place, data: Uint8Array): void {
    this.#drop.get(place.from, place.to);
    place.next = place.from;
    this.append(place, data);
  }
}
