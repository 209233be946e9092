/**
 * Content and guard of rooms in SQLite: each is a table of rows that are appended, read in order, and replaced all at
 * once. What is appended is cut into rows of bounded size, since SQLite is slow with large ones. The key of a row is the room's id times `ROWS_PER_ROOM` plus the row's number in its room, so that an append
 * changes one B-tree in one place. A column for the room with an index and a foreign key takes twice the time and writes
 * twice as many bytes to the log.
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { StoreError } from "../store.ts";

/** How large a row becomes at most. */
const ROW_BYTES = 1024 * 1024;

/** The rows of a room are replaced by few long before. Keys of 2 ** 27 rooms stay below 2 ** 53, where numbers are exact. */
const ROWS_PER_ROOM = 2 ** 26;

export const ROW_TABLES = `
  CREATE TABLE content (key INTEGER PRIMARY KEY, data BLOB NOT NULL, mark INTEGER NOT NULL DEFAULT 0);
  CREATE TABLE guard (key INTEGER PRIMARY KEY, data BLOB NOT NULL, mark INTEGER NOT NULL DEFAULT 0);
`;

/**
 * The column `mark`: how much had been appended since the room was made, times two, plus one if what the row holds goes
 * on in the next one. In the row itself, since a counter elsewhere would double the cost of an append.
 */
const toMark = (count: number, goesOn: boolean): number => count * 2 + (goesOn ? 1 : 0);
const countOf = (mark: number): number => Math.floor(mark / 2);
const goesOnAt = (mark: number): boolean => mark % 2 === 1;

/** Whether something takes one row. */
export const isOneRow = (data: Uint8Array): boolean => data.byteLength <= ROW_BYTES;

/** Where the rows of a room are in one table. */
export type Place = {
  /** The room's least key. */
  readonly from: number;
  /** The next room's least key. */
  readonly to: number;
  /** The key of the next row. */
  next: number;
  /** How much was appended since the room was made. */
  count: number;
};

const OF_ROOM = "key >= ? AND key < ?";

export class Rows {
  readonly #append: StatementSync;
  readonly #drop: StatementSync;
  readonly #read: StatementSync;
  readonly #last: StatementSync;

  constructor(db: DatabaseSync, table: "content" | "guard") {
    this.#append = db.prepare(`INSERT INTO ${table} (key, data, mark) VALUES (?, ?, ?)`);
    this.#drop = db.prepare(`DELETE FROM ${table} WHERE ${OF_ROOM}`);
    this.#read = db.prepare(`SELECT data, mark FROM ${table} WHERE ${OF_ROOM} ORDER BY key`);
    this.#last = db.prepare(`SELECT key, mark FROM ${table} WHERE ${OF_ROOM} ORDER BY key DESC LIMIT 1`);
  }

  /** Looks up where the rows of a room end. Valid until they are changed through another `Place` or a change is rolled back. */
  find(roomId: number): Place {
    const from = roomId * ROWS_PER_ROOM;
    const to = from + ROWS_PER_ROOM;
    if (!Number.isSafeInteger(to)) throw new StoreError("the store has too many rooms");
    const last = this.#last.get(from, to) as { key: number; mark: number } | undefined;
    return { from, to, next: last === undefined ? from : last.key + 1, count: countOf(last?.mark ?? 0) };
  }

  /** What was appended, in order. */
  read(roomId: number): Uint8Array[] {
    const from = roomId * ROWS_PER_ROOM;
    const rows = this.#read.all(from, from + ROWS_PER_ROOM) as { data: Uint8Array; mark: number }[];
    const result: Uint8Array[] = [];
    let parts: Uint8Array[] = [];
    for (const { data, mark } of rows) {
      parts.push(data);
      if (goesOnAt(mark)) continue;
      result.push(parts.length === 1 ? data : Buffer.concat(parts));
      parts = [];
    }
    return result;
  }

  /** Appends something, and counts it. Several statements unless `isOneRow`. */
  append(place: Place, data: Uint8Array): void {
    place.count++;
    this.#insert(place, data);
  }

  /** Replaces all rows of a room; the count stays. */
  replace(place: Place, all: readonly Uint8Array[]): void {
    this.#drop.get(place.from, place.to);
    place.next = place.from;
    for (const data of all) this.#insert(place, data);
  }

  #insert(place: Place, data: Uint8Array): void {
    let from = 0;
    do {
      if (place.next >= place.to) throw new StoreError("a room has too many rows");
      const to = from + ROW_BYTES;
      const part = isOneRow(data) ? data : data.subarray(from, to);
      // `get`, since `run` makes an object of the outcome, which is a tenth of the cost of an append.
      this.#append.get(place.next, part, toMark(place.count, to < data.byteLength));
      place.next++;
      from = to;
    } while (from < data.byteLength);
  }
}
