/**
 * A set of ids as disjoint ranges, in the order of client and clock: what is deleted. It takes ranges in any
 * order: they lie in blocks of bounded size, so that an insertion moves one block's entries and not all.
 */
import type { Steps } from "./steps.ts";

/** Most ranges in a block. */
const BLOCK_RANGES = 256;
const FIRST_BLOCK_RANGES = 4;

/** Entries are in order of client and clock; no block is empty. */
class Block {
  clients: Float64Array;
  starts: Float64Array;
  ends: Float64Array;
  count = 0;

  constructor(capacity: number) {
    this.clients = new Float64Array(capacity);
    this.starts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
  }

  insert(at: number, client: number, start: number, end: number): void {
    if (this.count === this.clients.length) this.#grow();
    if (at < this.count) {
      this.clients.copyWithin(at + 1, at, this.count);
      this.starts.copyWithin(at + 1, at, this.count);
      this.ends.copyWithin(at + 1, at, this.count);
    }
    this.count++;
    this.clients[at] = client;
    this.starts[at] = start;
    this.ends[at] = end;
  }

  remove(from: number, to: number): void {
    this.clients.copyWithin(from, to, this.count);
    this.starts.copyWithin(from, to, this.count);
    this.ends.copyWithin(from, to, this.count);
    this.count -= to - from;
  }

  /** Moves the entries from an index on into a new block. */
  split(at: number): Block {
    const right = new Block(BLOCK_RANGES);
    right.clients.set(this.clients.subarray(at, this.count));
    right.starts.set(this.starts.subarray(at, this.count));
    right.ends.set(this.ends.subarray(at, this.count));
    right.count = this.count - at;
    this.count = at;
    return right;
  }

  #grow(): void {
    const { clients, starts, ends } = this;
    const capacity = clients.length * 2;
    this.clients = new Float64Array(capacity);
    this.starts = new Float64Array(capacity);
    this.ends = new Float64Array(capacity);
    this.clients.set(clients);
    this.starts.set(starts);
    this.ends.set(ends);
  }
}

export class IdRanges {
  readonly #steps: Steps;
  readonly #blocks: Block[] = [new Block(FIRST_BLOCK_RANGES)];
  #count = 0;

  /** Bounds of the range that `find` found. */
  foundStart = 0;
  foundEnd = 0;

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** How many ranges there are. */
  get count(): number {
    return this.#count;
  }

  get memoryBytes(): number {
    let bytes = 0;
    for (const block of this.#blocks) bytes += block.clients.byteLength * 3;
    return bytes;
  }

  /** Whether all ids from a clock up to and without `end` are in the set. */
  covers(client: number, clock: number, end: number): boolean {
    return this.find(client, clock) && this.foundStart <= clock && this.foundEnd >= end;
  }

  /** Finds the client's first range that ends behind `clock`; see `foundStart` and `foundEnd`. @returns whether there is one. */
  find(client: number, clock: number): boolean {
    const position = this.#firstEndingAfter(client, clock);
    const block = this.#blocks[position.block]!;
    if (position.index >= block.count || block.clients[position.index] !== client) return false;
    this.foundStart = block.starts[position.index]!;
    this.foundEnd = block.ends[position.index]!;
    return true;
  }

  /** @returns whether any of the range is new. */
  add(client: number, clock: number, end: number): boolean {
    if (end <= clock) return false;
    // `clock - 1`: a range that ends just where the new one begins is joined with it.
    const position = this.#firstEndingAfter(client, clock - 1);
    const block = this.#blocks[position.block]!;
    const at = position.index;
    const touches = at < block.count && block.clients[at] === client && block.starts[at]! <= end;
    if (!touches) {
      this.#insert(position.block, at, client, clock, end);
      return true;
    }
    if (block.starts[at]! <= clock && block.ends[at]! >= end) return false;
    if (clock < block.starts[at]!) block.starts[at] = clock;
    if (end > block.ends[at]!) block.ends[at] = this.#takeOutUpTo(position.block, at + 1, client, end);
    return true;
  }

  /** Removes the ranges that begin at or before `end`, each of which was added once. @returns where the last of them ends, or `end`. */
  #takeOutUpTo(firstBlock: number, firstIndex: number, client: number, end: number): number {
    let last = end;
    let emptied = 0;
    let index = firstIndex;
    for (let at = firstBlock; at < this.#blocks.length; at++, index = 0) {
      const block = this.#blocks[at]!;
      let to = index;
      while (to < block.count && block.clients[to] === client && block.starts[to]! <= end) {
        this.#steps.count++;
        last = Math.max(last, block.ends[to]!);
        to++;
      }
      const isLast = to < block.count;
      if (to > index) {
        this.#count -= to - index;
        block.remove(index, to);
        if (block.count === 0) emptied++;
      }
      if (isLast) break;
      if (to === index && index === 0) break;
    }
    // The first block keeps the range before `firstIndex`, so the emptied ones follow it.
    if (emptied > 0) this.#blocks.splice(firstBlock + 1, emptied);
    return last;
  }

  #insert(blockIndex: number, at: number, client: number, start: number, end: number): void {
    this.#count++;
    const block = this.#blocks[blockIndex]!;
    if (block.count < BLOCK_RANGES) return block.insert(at, client, start, end);
    // Ranges that come in order leave full blocks behind.
    const middle = at === block.count ? at : block.count >>> 1;
    const right = block.split(middle);
    // One block in 128 insertions or more: what this moves is small beside them.
    this.#blocks.splice(blockIndex + 1, 0, right);
    if (at > middle || middle === BLOCK_RANGES) right.insert(at - middle, client, start, end);
    else block.insert(at, client, start, end);
  }

  /** Where the first range stands that belongs to a later client, or to this one and ends behind `clock`. */
  #firstEndingAfter(client: number, clock: number): { block: number; index: number } {
    const isBehind = (block: Block, index: number): boolean => {
      this.#steps.count++;
      const other = block.clients[index]!;
      return other > client || (other === client && block.ends[index]! > clock);
    };
    let low = 0;
    let high = this.#blocks.length - 1;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const block = this.#blocks[middle]!;
      if (isBehind(block, block.count - 1)) high = middle;
      else low = middle + 1;
    }
    const block = this.#blocks[low]!;
    let from = 0;
    let to = block.count;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (isBehind(block, middle)) to = middle;
      else from = middle + 1;
    }
    return { block: low, index: from };
  }
}
