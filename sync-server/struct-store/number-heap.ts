/** The least of many numbers first (a binary heap), in n log n. */
import type { Steps } from "./steps.ts";

export class NumberHeap {
  readonly #steps: Steps;
  readonly #numbers: number[] = [];

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  get size(): number {
    return this.#numbers.length;
  }

  /** The least; undefined if there is none. */
  get least(): number | undefined {
    return this.#numbers[0];
  }

  push(value: number): void {
    const numbers = this.#numbers;
    let at = numbers.length;
    numbers.push(value);
    while (at > 0) {
      this.#steps.count++;
      const parent = (at - 1) >>> 1;
      if (numbers[parent]! <= value) break;
      numbers[at] = numbers[parent]!;
      at = parent;
    }
    numbers[at] = value;
  }

  /** Removes the least, of which there is one. */
  pop(): void {
    const last = this.#numbers.pop()!;
    if (this.#numbers.length > 0) this.replaceLeast(last);
  }

  /** Puts another number in the place of the least, of which there is one. */
  replaceLeast(value: number): void {
    const numbers = this.#numbers;
    let at = 0;
    for (let child = 1; child < numbers.length; child = 2 * at + 1) {
      this.#steps.count++;
      if (child + 1 < numbers.length && numbers[child + 1]! < numbers[child]!) child++;
      if (numbers[child]! >= value) break;
      numbers[at] = numbers[child]!;
      at = child;
    }
    numbers[at] = value;
  }
}
