/**
 * The structs of a document in the order in which they were accepted, in columns: about 28 bytes of memory for each
 * beside its own bytes. A struct's number is its place in that order, in which everything it refers to comes before.
 */
import type * as encoding from "lib0/encoding";
import { writeUint8Array } from "lib0/encoding";
import { ByteChunks } from "./byte-chunks.ts";
import { newFloat64Column, newInt32Column, newUint32Column } from "./column.ts";
import type { Steps } from "./steps.ts";
import { Ref, refOf } from "./struct-bytes.ts";
import { NO_TYPE, TypeTable } from "./type-table.ts";

/** No such struct. */
export const NO_STRUCT = -1;

/**
 * A struct's place: the number of the type it is a child of, times two, plus one if it is the value of a map's key.
 * GC structs have none.
 */
export const NO_PLACE = -1;
export const toPlace = (type: number, isEntry: boolean): number => type * 2 + (isEntry ? 1 : 0);
export const typeAt = (place: number): number => place >>> 1;
export const isEntryAt = (place: number): boolean => place !== NO_PLACE && (place & 1) === 1;

const FIRST_LIST_ENTRIES = 4;

export class Structs {
  readonly types: TypeTable;
  readonly #steps: Steps;
  readonly #bytes = new ByteChunks();
  readonly #clocks = newFloat64Column();
  readonly #addresses = newUint32Column();
  readonly #places = newInt32Column();
  /** Of each struct: which of the clients it belongs to, and which of that client's structs it is. */
  readonly #clientIndexes = newUint32Column();
  readonly #positions = newUint32Column();

  readonly #indexes = new Map<number, number>();
  /** By client index: the id, the clock behind the last struct, how many structs, and their numbers (just the number for a single one). */
  readonly #ids = newFloat64Column();
  readonly #held = newFloat64Column();
  readonly #counts = newUint32Column();
  readonly #lists: (number | Uint32Array)[] = [];

  constructor(steps: Steps) {
    this.#steps = steps;
    this.types = new TypeTable(steps);
  }

  /** How many structs there are. */
  get count(): number {
    return this.#clocks.length;
  }

  get clientCount(): number {
    return this.#ids.length;
  }

  /** Bytes of all structs as they are written. */
  get bytes(): number {
    return this.#bytes.length;
  }

  /** Bytes of memory, all but those of the map of clients, whose entries take about 60 each. */
  get memoryBytes(): number {
    let bytes = this.#bytes.memoryBytes + this.types.memoryBytes;
    for (const column of [this.#clocks, this.#addresses, this.#places, this.#clientIndexes, this.#positions]) {
      bytes += column.memoryBytes;
    }
    for (const column of [this.#ids, this.#held, this.#counts]) bytes += column.memoryBytes;
    for (const list of this.#lists) bytes += typeof list === "number" ? 8 : list.byteLength;
    return bytes;
  }

  /** The clock behind a client's last struct. */
  clockOf(client: number): number {
    const index = this.#indexes.get(client);
    return index === undefined ? 0 : this.#held.at(index);
  }

  /** For each client id, the clock behind its last struct. */
  *stateVector(): Generator<readonly [client: number, clock: number]> {
    for (let index = 0; index < this.#ids.length; index++) yield [this.#ids.at(index), this.#held.at(index)];
  }

  /**
   * Takes a struct in, which begins at the client's held clock.
   *
   * @param source holds its bytes from `from` to `to`; they are copied.
   * @param place NO_PLACE for a GC struct.
   */
  append(client: number, length: number, source: Uint8Array, from: number, to: number, place: number): number {
    const number = this.#clocks.length;
    let index = this.#indexes.get(client);
    if (index === undefined) {
      index = this.#ids.length;
      this.#indexes.set(client, index);
      this.#ids.push(client);
      this.#held.push(0);
      this.#counts.push(0);
      this.#lists.push(number);
    }
    const clock = this.#held.at(index);
    this.#clocks.push(clock);
    this.#addresses.push(this.#bytes.push(source, from, to));
    this.#places.push(place);
    this.#clientIndexes.push(index);
    this.#positions.push(this.#counts.at(index));
    this.#addToList(index, number);
    this.#held.set(index, clock + length);
    if (place !== NO_PLACE && refOf(source[from]!) === Ref.type) this.types.add(number, typeAt(place));
    return number;
  }

  #addToList(index: number, number: number): void {
    const count = this.#counts.at(index);
    this.#counts.set(index, count + 1);
    if (count === 0) {
      this.#lists[index] = number;
      return;
    }
    let list = this.#lists[index]!;
    if (typeof list === "number") {
      const first = list;
      this.#lists[index] = list = new Uint32Array(FIRST_LIST_ENTRIES);
      list[0] = first;
    } else if (count === list.length) {
      const larger = new Uint32Array(count * 2);
      larger.set(list);
      this.#lists[index] = list = larger;
    }
    list[count] = number;
  }

  clientAt(number: number): number {
    return this.#ids.at(this.#clientIndexes.at(number));
  }

  clientIndexAt(number: number): number {
    return this.#clientIndexes.at(number);
  }

  clockAt(number: number): number {
    return this.#clocks.at(number);
  }

  /** The clock behind a struct's last unit. */
  endAt(number: number): number {
    const next = this.nextOfClient(number);
    return next === NO_STRUCT ? this.#held.at(this.#clientIndexes.at(number)) : this.#clocks.at(next);
  }

  placeAt(number: number): number {
    return this.#places.at(number);
  }

  /** What kind of content a struct has (`Ref`). */
  refAt(number: number): number {
    return refOf(this.#bytes.byteAt(this.#addresses.at(number)));
  }

  /** A struct's bytes; a view, not to be changed. */
  bytesAt(number: number): Uint8Array {
    return this.#bytes.view(this.#addresses.at(number), this.#addressBehind(number));
  }

  /** How many bytes a struct takes. */
  sizeAt(number: number): number {
    return this.bytesAt(number).length;
  }

  /** Writes the bytes of consecutive structs. */
  write(encoder: encoding.Encoder, from: number, to: number): void {
    const end = this.#addressBehind(to - 1);
    for (let number = from; number < to;) {
      this.#steps.count++;
      const address = this.#addresses.at(number);
      const view = this.#bytes.view(address, end);
      writeUint8Array(encoder, view);
      number = this.#firstBehind(number, to, address + view.length);
    }
  }

  /** The first struct from `number` up to `to` whose address is at or behind this one. */
  #firstBehind(number: number, to: number, address: number): number {
    let low = number;
    let high = to;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#addresses.at(middle) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #addressBehind(number: number): number {
    return number + 1 < this.#addresses.length ? this.#addresses.at(number + 1) : Infinity;
  }

  /** The struct that follows in the clocks of the same client; NO_STRUCT behind the last. */
  nextOfClient(number: number): number {
    const index = this.#clientIndexes.at(number);
    const position = this.#positions.at(number) + 1;
    return position < this.#counts.at(index) ? this.#listAt(index, position) : NO_STRUCT;
  }

  #listAt(index: number, position: number): number {
    const list = this.#lists[index]!;
    return typeof list === "number" ? list : list[position]!;
  }

  /** The struct that holds an id; NO_STRUCT if none does. */
  find(client: number, clock: number): number {
    const index = this.#indexes.get(client);
    if (index === undefined || clock < 0 || clock >= this.#held.at(index)) return NO_STRUCT;
    let low = 0;
    let high = this.#counts.at(index) - 1;
    // What was written last is asked for most.
    if (this.#clocks.at(this.#listAt(index, high)) <= clock) low = high;
    while (low < high) {
      this.#steps.count++;
      const middle = (low + high + 1) >>> 1;
      if (this.#clocks.at(this.#listAt(index, middle)) <= clock) low = middle;
      else high = middle - 1;
    }
    return this.#listAt(index, low);
  }

  /** The place of children of the type that the struct with this id holds; NO_PLACE if it holds none. */
  placeInside(client: number, clock: number, isEntry: boolean): number {
    const parent = this.find(client, clock);
    const type = parent === NO_STRUCT ? NO_TYPE : this.types.find(parent);
    return type === NO_TYPE ? NO_PLACE : toPlace(type, isEntry);
  }
}
