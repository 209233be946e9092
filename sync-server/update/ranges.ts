/** Sets of id ranges, as Yjs' delete sets are: for each client, disjoint ranges of clocks in order. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

export type Range = { readonly clock: number; readonly length: number };

/** The same ids as sorted ranges that do not overlap. */
export const inOrder = (ranges: readonly Range[]): Range[] => {
  const result: Range[] = [];
  for (const range of ranges.toSorted((a, b) => a.clock - b.clock)) {
    const last = result.at(-1);
    if (last === undefined || range.clock > last.clock + last.length) result.push(range);
    else {
      const end = Math.max(last.clock + last.length, range.clock + range.length);
      result[result.length - 1] = { clock: last.clock, length: end - last.clock };
    }
  }
  return result;
};

/** Index of the first range that ends behind `clock`. */
const firstEndingAfter = (ranges: readonly Range[], clock: number): number => {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const range = ranges[middle]!;
    if (range.clock + range.length > clock) high = middle;
    else low = middle + 1;
  }
  return low;
};

export class RangeSet {
  readonly #clients = new Map<number, Range[]>();

  get isEmpty(): boolean {
    return this.#clients.size === 0;
  }

  has(client: number, clock: number): boolean {
    const ranges = this.#clients.get(client);
    if (ranges === undefined) return false;
    const range = ranges[firstEndingAfter(ranges, clock)];
    return range !== undefined && range.clock <= clock;
  }

  add(client: number, clock: number, length: number): void {
    const ranges = this.#clients.get(client);
    if (ranges === undefined) {
      this.#clients.set(client, [{ clock, length }]);
      return;
    }
    // `clock - 1`: a range that ends just where the new one begins is joined with it.
    const from = firstEndingAfter(ranges, clock - 1);
    let start = clock;
    let end = clock + length;
    let to = from;
    for (let range = ranges[to]; range !== undefined && range.clock <= end; range = ranges[++to]) {
      start = Math.min(start, range.clock);
      end = Math.max(end, range.clock + range.length);
    }
    ranges.splice(from, to - from, { clock: start, length: end - start });
  }

  /** Adds all of another set. */
  addAll(other: RangeSet): void {
    for (const [client, ranges] of other.#clients) {
      for (const { clock, length } of ranges) this.add(client, clock, length);
    }
  }

  /** The parts of a range that are not in the set, in order. */
  without(client: number, clock: number, length: number): Range[] {
    const ranges = this.#clients.get(client);
    if (ranges === undefined) return [{ clock, length }];
    const rest: Range[] = [];
    const end = clock + length;
    let from = clock;
    for (let i = firstEndingAfter(ranges, clock); i < ranges.length && ranges[i]!.clock < end; i++) {
      const range = ranges[i]!;
      if (range.clock > from) rest.push({ clock: from, length: range.clock - from });
      from = range.clock + range.length;
    }
    if (from < end) rest.push({ clock: from, length: end - from });
    return rest;
  }

  write(encoder: encoding.Encoder): void {
    encoding.writeVarUint(encoder, this.#clients.size);
    for (const [client, ranges] of this.#clients) {
      encoding.writeVarUint(encoder, client);
      encoding.writeVarUint(encoder, ranges.length);
      for (const { clock, length } of ranges) {
        encoding.writeVarUint(encoder, clock);
        encoding.writeVarUint(encoder, length);
      }
    }
  }

  /** Adds what `write` wrote. */
  read(decoder: decoding.Decoder): void {
    const clients = decoding.readVarUint(decoder);
    for (let i = 0; i < clients; i++) {
      const client = decoding.readVarUint(decoder);
      const count = decoding.readVarUint(decoder);
      for (let j = 0; j < count; j++) {
        this.add(client, decoding.readVarUint(decoder), decoding.readVarUint(decoder));
      }
    }
  }
}
