/** One Yjs update (v1) of bounded size, gathered from consecutive structs and from deletes. */
import * as encoding from "lib0/encoding";
import { inOrder } from "../update/ranges.ts";
import type { Range } from "../update/ranges.ts";
import type { Steps } from "./steps.ts";
import type { Structs } from "./structs.ts";
import { varUintSize } from "./struct-bytes.ts";

/** A varUint that counts structs, ranges or clients takes no more than this (below 2^35 of them). */
const COUNT_BYTES = 5;

type Section = {
  readonly clock: number;
  count: number;
  /** What the first struct is when it is cut; it is not among the runs. */
  readonly cut: Uint8Array | null;
  /** First and last-plus-one numbers of consecutive structs, in turns. */
  readonly runs: number[];
};

export class Piece {
  readonly #structs: Structs;
  readonly #mostBytes: number;
  readonly #steps: Steps;
  readonly #sections = new Map<number, Section>();
  readonly #deletes = new Map<number, Range[]>();
  #bytes = 2 * COUNT_BYTES;

  /** @param mostBytes how large it may become, unless one struct alone is larger. */
  constructor(structs: Structs, mostBytes: number, steps: Steps) {
    this.#steps = steps;
    this.#structs = structs;
    this.#mostBytes = mostBytes;
  }

  get isEmpty(): boolean {
    return this.#sections.size === 0 && this.#deletes.size === 0;
  }

  /** Adds a struct, which follows that of the same client which was added before. @returns whether there was room. */
  addStruct(number: number): boolean {
    const client = this.#structs.clientAt(number);
    const section = this.#sections.get(client);
    const clock = this.#structs.clockAt(number);
    if (!this.#takeRoom(this.#structs.sizeAt(number) + (section === undefined ? headBytes(client, clock) : 0))) {
      return false;
    }
    if (section === undefined) {
      this.#sections.set(client, { clock, count: 1, cut: null, runs: [number, number + 1] });
      return true;
    }
    section.count++;
    const last = section.runs.length - 1;
    if (section.runs[last] === number) section.runs[last] = number + 1;
    else section.runs.push(number, number + 1);
    return true;
  }

  /** Adds the part of a struct that begins at a clock; nothing of that client was added before. @returns whether there was room. */
  addCutStruct(client: number, clock: number, bytes: Uint8Array): boolean {
    if (!this.#takeRoom(bytes.length + headBytes(client, clock))) return false;
    this.#sections.set(client, { clock, count: 1, cut: bytes, runs: [] });
    return true;
  }

  /** @returns whether there was room. */
  addDelete(client: number, clock: number, end: number): boolean {
    const ranges = this.#deletes.get(client);
    const bytes = varUintSize(clock) + varUintSize(end - clock);
    if (!this.#takeRoom(bytes + (ranges === undefined ? varUintSize(client) + COUNT_BYTES : 0))) return false;
    const range = { clock, length: end - clock };
    if (ranges === undefined) this.#deletes.set(client, [range]);
    else ranges.push(range);
    return true;
  }

  encode(): Uint8Array {
    return encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, this.#sections.size);
      for (const [client, { clock, count, cut, runs }] of this.#sections) {
        this.#steps.count += 1 + runs.length;
        encoding.writeVarUint(encoder, count);
        encoding.writeVarUint(encoder, client);
        encoding.writeVarUint(encoder, clock);
        if (cut !== null) encoding.writeUint8Array(encoder, cut);
        for (let i = 0; i < runs.length; i += 2) this.#structs.write(encoder, runs[i]!, runs[i + 1]!);
      }
      encoding.writeVarUint(encoder, this.#deletes.size);
      for (const [client, ranges] of this.#deletes) {
        const sorted = inOrder(ranges);
        this.#steps.count += 1 + ranges.length;
        encoding.writeVarUint(encoder, client);
        encoding.writeVarUint(encoder, sorted.length);
        for (const { clock, length } of sorted) {
          encoding.writeVarUint(encoder, clock);
          encoding.writeVarUint(encoder, length);
        }
      }
    });
  }

  #takeRoom(bytes: number): boolean {
    if (this.#bytes + bytes > this.#mostBytes && !this.isEmpty) return false;
    this.#bytes += bytes;
    return true;
  }
}

const headBytes = (client: number, clock: number): number => COUNT_BYTES + varUintSize(client) + varUintSize(clock);
