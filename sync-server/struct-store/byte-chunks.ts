/**
 * Bytes of many structs, one after the other, in a few large chunks. Each struct lies in one chunk; its address
 * counts over all chunks, below 4 GiB, so that it fits into 32 bits.
 */

const FIRST_CHUNK_BYTES = 256;
const MOST_CHUNK_BYTES = 1024 * 1024;

type Chunk = { readonly bytes: Uint8Array; readonly start: number; used: number };

export class ByteChunks {
  readonly #chunks: Chunk[] = [];
  #length = 0;

  /** Bytes that are stored. */
  get length(): number {
    return this.#length;
  }

  get memoryBytes(): number {
    const last = this.#chunks.at(-1);
    return last === undefined ? 0 : last.start + last.bytes.length;
  }

  /** Copies bytes in. @returns their address. */
  push(source: Uint8Array, from = 0, to: number = source.length): number {
    const size = to - from;
    let chunk = this.#chunks.at(-1);
    if (chunk === undefined || chunk.used + size > chunk.bytes.length) {
      const start = this.memoryBytes;
      // Doubles what there is, so that small documents take little memory.
      const capacity = Math.max(size, Math.min(Math.max(start, FIRST_CHUNK_BYTES), MOST_CHUNK_BYTES));
      chunk = { bytes: new Uint8Array(capacity), start, used: 0 };
      this.#chunks.push(chunk);
    }
    const address = chunk.start + chunk.used;
    if (size <= 32) for (let i = 0; i < size; i++) chunk.bytes[chunk.used + i] = source[from + i]!;
    else chunk.bytes.set(source.subarray(from, to), chunk.used);
    chunk.used += size;
    this.#length += size;
    return address;
  }

  /**
   * The bytes from an address up to another, or to the end of what is used in the chunk of the first address,
   * whichever comes first. A view, not a copy.
   */
  view(address: number, end: number): Uint8Array {
    const { bytes, start, used } = this.#chunkOf(address);
    return bytes.subarray(address - start, Math.min(end - start, used));
  }

  byteAt(address: number): number {
    const { bytes, start } = this.#chunkOf(address);
    return bytes[address - start]!;
  }

  #chunkOf(address: number): Chunk {
    // At most about 80 chunks for 64 MiB: the length of this loop hardly depends on input.
    let low = 0;
    let high = this.#chunks.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#chunks[middle]!.start <= address) low = middle;
      else high = middle - 1;
    }
    return this.#chunks[low]!;
  }
}
