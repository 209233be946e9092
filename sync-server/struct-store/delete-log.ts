/** The deletes that came in while answers are being written, in order: each answer repeats those that came after it began. */
import { newFloat64Column } from "./column.ts";
import type { Column } from "./column.ts";

export class DeleteLog {
  #clients: Column = newFloat64Column();
  #clocks: Column = newFloat64Column();
  #ends: Column = newFloat64Column();
  /** How many answers are open; nothing is kept for none. */
  #readers = 0;

  get length(): number {
    return this.#clients.length;
  }

  get memoryBytes(): number {
    return this.#clients.memoryBytes + this.#clocks.memoryBytes + this.#ends.memoryBytes;
  }

  open(): void {
    this.#readers++;
  }

  close(): void {
    this.#readers--;
    if (this.#readers > 0 || this.length === 0) return;
    this.#clients = newFloat64Column();
    this.#clocks = newFloat64Column();
    this.#ends = newFloat64Column();
  }

  add(client: number, clock: number, end: number): void {
    if (this.#readers === 0) return;
    this.#clients.push(client);
    this.#clocks.push(clock);
    this.#ends.push(end);
  }

  at(index: number): { readonly client: number; readonly clock: number; readonly end: number } {
    return { client: this.#clients.at(index), clock: this.#clocks.at(index), end: this.#ends.at(index) };
  }
}
