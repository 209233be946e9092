/**
 * Columns of numbers that grow at their end: pages of typed arrays, so that growing never copies more than one
 * page and an entry costs only its own bytes.
 */

type Numbers = Float64Array | Int32Array | Uint32Array | Uint8Array;

const PAGE_BITS = 14;
const PAGE_ENTRIES = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ENTRIES - 1;
/** A column that stays short gets no whole page. */
const FIRST_ENTRIES = 8;

export class Column {
  readonly #make: (entries: number) => Numbers;
  readonly #pages: Numbers[];
  #length = 0;

  /** @param make creates a page of so many entries. */
  constructor(make: (entries: number) => Numbers) {
    this.#make = make;
    this.#pages = [make(FIRST_ENTRIES)];
  }

  get length(): number {
    return this.#length;
  }

  push(value: number): void {
    const index = this.#length++;
    let page = this.#pages[index >>> PAGE_BITS];
    if (page === undefined) this.#pages.push((page = this.#make(PAGE_ENTRIES)));
    else if ((index & PAGE_MASK) >= page.length) {
      const larger = this.#make(page.length * 2);
      larger.set(page);
      this.#pages[index >>> PAGE_BITS] = page = larger;
    }
    page[index & PAGE_MASK] = value;
  }

  /** @param index below `length`. */
  at(index: number): number {
    return this.#pages[index >>> PAGE_BITS]![index & PAGE_MASK]!;
  }

  /** @param index below `length`. */
  set(index: number, value: number): void {
    this.#pages[index >>> PAGE_BITS]![index & PAGE_MASK] = value;
  }

  /** Bytes of memory that the entries take. */
  get memoryBytes(): number {
    let bytes = 0;
    for (const page of this.#pages) bytes += page.byteLength;
    return bytes;
  }
}

export const newFloat64Column = (): Column => new Column((entries) => new Float64Array(entries));
export const newInt32Column = (): Column => new Column((entries) => new Int32Array(entries));
export const newUint32Column = (): Column => new Column((entries) => new Uint32Array(entries));
export const newUint8Column = (): Column => new Column((entries) => new Uint8Array(entries));
