/** A seeded random number generator, so that runs can be repeated (mulberry32 by Tommy Ettinger, with 32 bits of state). */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to 2^32 - 1. */
  uint32(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 to `bound` - 1. */
  below(bound: number): number {
    return this.uint32() % bound;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  fraction(): number {
    return this.uint32() / 2 ** 32;
  }

  between(low: number, high: number): number {
    return low + this.fraction() * (high - low);
  }

  /** A number from `low` to `high` with a logarithmically uniform distribution. */
  spread(low: number, high: number): number {
    return low * (high / low) ** this.fraction();
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  /** True with a probability of `of` percent. */
  percent(of: number): boolean {
    return this.below(100) < of;
  }

  pick<T>(choices: readonly T[]): T {
    if (choices.length === 0) throw new Error("nothing to pick from");
    return choices[this.below(choices.length)]!;
  }

  bytes(length: number): Uint8Array {
    return Uint8Array.from({ length }, () => this.uint32() & 0xff);
  }

  /** A new generator whose numbers do not depend on the later use of this one. */
  fork(): Random {
    return new Random(this.uint32());
  }
}
