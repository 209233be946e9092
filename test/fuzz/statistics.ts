/** Statistics of a run of the fuzzer, and the last frames sent, for the analysis of a violation. */
import { writeFileSync } from "node:fs";

const KEPT_FRAMES = 4_000;
const KEPT_VIOLATIONS = 50;

export class Statistics {
  frames = 0;
  bytes = 0;
  connects = 0;
  httpCalls = 0;
  edits = 0;
  /** Number of closed connections of attackers, by close code. */
  readonly closes = new Map<string, number>();
  /** Distinct violations of what must always hold. */
  readonly violations = new Set<string>();
  /** How long the relay took to answer pings of honest clients, in ms. */
  readonly pingMs: number[] = [];
  /** The longest that a cursor move took in a room that nobody attacks, in ms. */
  longestMoveMs = 0;
  /** Documents that were loaded again and emptied, of honest clients and as the relay sends them. */
  roundTrips = 0;
  readonly #frames: string[] = [];

  recordFrame(who: string, bytes: Uint8Array): void {
    const line = `${who} ${Buffer.from(bytes.subarray(0, 4_096)).toString("hex")}`;
    if (this.#frames.length < KEPT_FRAMES) this.#frames.push(line);
    else this.#frames[this.frames % KEPT_FRAMES] = line;
    this.frames++;
    this.bytes += bytes.byteLength;
  }

  recordClose(code: number): void {
    const name = String(code);
    this.closes.set(name, (this.closes.get(name) ?? 0) + 1);
  }

  reportViolation(what: string): void {
    if (this.violations.size < KEPT_VIOLATIONS) this.violations.add(what);
  }

  /** Writes the last frames, oldest first, one per line: who sent it, and its bytes in hex. */
  writeFrames(file: string): void {
    const oldest = this.frames % KEPT_FRAMES;
    writeFileSync(file, [...this.#frames.slice(oldest), ...this.#frames.slice(0, oldest)].join("\n"));
  }
}

/** The quantile of the numbers at `share` (0 to 1); 0 if there are none. */
export const quantile = (numbers: readonly number[], share: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.min(Math.floor(numbers.length * share), numbers.length - 1)] ?? 0;
