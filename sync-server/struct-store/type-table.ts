/**
 * The types that items are children of: number 0 is every root type, since roots are never deleted and have no
 * depth; each item that holds a type (ContentType) gets a number of its own when it is taken in.
 */
import { newUint32Column } from "./column.ts";
import type { Steps } from "./steps.ts";

/** The number of every root type. */
export const ROOT = 0;
/** No type. */
export const NO_TYPE = -1;

export class TypeTable {
  readonly #steps: Steps;
  /** By type number - 1: the number of the struct that holds it, ascending, and how many types it lies in. */
  readonly #structs = newUint32Column();
  readonly #depths = newUint32Column();

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  /** How many there are, the roots as one. */
  get count(): number {
    return this.#structs.length + 1;
  }

  get memoryBytes(): number {
    return this.#structs.memoryBytes + this.#depths.memoryBytes;
  }

  /** @param struct a number greater than those before. @returns the new type's number. */
  add(struct: number, parentType: number): number {
    this.#structs.push(struct);
    this.#depths.push(this.depthOf(parentType) + 1);
    return this.#structs.length;
  }

  /** How many types a type lies in: 0 for roots, 1 for what lies in a root. */
  depthOf(type: number): number {
    return type === ROOT ? 0 : this.#depths.at(type - 1);
  }

  /** The struct that holds a type, which is no root. */
  structOf(type: number): number {
    return this.#structs.at(type - 1);
  }

  /** The type that a struct holds; NO_TYPE if none. */
  find(struct: number): number {
    let low = 0;
    let high = this.#structs.length;
    while (low < high) {
      this.#steps.count++;
      const middle = (low + high) >>> 1;
      if (this.#structs.at(middle) < struct) low = middle + 1;
      else high = middle;
    }
    return low < this.#structs.length && this.#structs.at(low) === struct ? low + 1 : NO_TYPE;
  }
}
