/** What a run of the fuzzer counts, and the last frames that were thrown, so that a fault can be looked into. */
import { writeFileSync } from "node:fs";

const KEPT_FRAMES = 4_000;
const KEPT_VIOLATIONS = 50;

export class Tally {
  frames = 0;
  bytes = 0;
  connects = 0;
  httpCalls = 0;
  edits = 0;
  /** Closes of attackers' connections, by code; `cut` without one. */
  readonly closes = new Map<string, number>();
  /** What must never happen, each once. */
  readonly violations = new Set<string>();
  /** How long the relay took to answer pings of innocents, in ms. */
  readonly pingMs: number[] = [];
  readonly #frames: string[] = [];

  threw(who: string, bytes: Uint8Array): void {
    const line = `${who} ${Buffer.from(bytes.subarray(0, 4_096)).toString("hex")}`;
    if (this.#frames.length < KEPT_FRAMES) this.#frames.push(line);
    else this.#frames[this.frames % KEPT_FRAMES] = line;
    this.frames++;
    this.bytes += bytes.byteLength;
  }

  closed(code: number | "cut"): void {
    const name = String(code);
    this.closes.set(name, (this.closes.get(name) ?? 0) + 1);
  }

  violation(what: string): void {
    if (this.violations.size < KEPT_VIOLATIONS) this.violations.add(what);
  }

  /** Writes the last frames, oldest first, one a line: who threw it, and its bytes in hex. */
  writeFrames(file: string): void {
    const oldest = this.frames % KEPT_FRAMES;
    writeFileSync(file, [...this.#frames.slice(oldest), ...this.#frames.slice(0, oldest)].join("\n"));
  }
}

/** The value below which `share` of the numbers lie; 0 for none. */
export const quantile = (numbers: readonly number[], share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(Math.floor(numbers.length * share), numbers.length - 1)] ?? 0;
