/** What was found to be wrong, and how often things were looked at and found right. */

export const FINDING_KINDS = [
  "lost updates",
  "wrong states",
  "wrong ends",
  "wrong presence",
  "unexpected closes",
  "errors of the relay",
] as const;
export type FindingKind = (typeof FINDING_KINDS)[number];

const KEPT_OF_EACH = 10;

export class Findings {
  readonly #counts = new Map<FindingKind, number>();
  readonly #texts = new Map<FindingKind, string[]>();
  /** Rooms compared with what the relay says of them. */
  comparisons = 0;
  /** Comparisons given up because people came or went meanwhile. */
  skipped = 0;
  /** UnauthenticatedSockets who were given the document, and its edits that were looked for in all. */
  inspections = 0;
  soughtEdits = 0;
  /** Ends of runs that were judged, by reason. */
  readonly ends = new Map<string, number>();
  /** Close codes that were to be expected, by code. */
  readonly closes = new Map<number, number>();
  /** Lines that the relay cut because this machine, not the relay, stood still. */
  cutByStalls = 0;
  edits = 0;
  /** Edits whose authors never came back with them: nobody was promised anything. */
  abandonedEdits = 0;
  connects = 0;
  strangers = 0;

  add(kind: FindingKind, text: string, count = 1): void {
    this.#counts.set(kind, this.count(kind) + count);
    const texts = this.#texts.get(kind) ?? [];
    if (texts.length < KEPT_OF_EACH) texts.push(text);
    this.#texts.set(kind, texts);
  }

  count(kind: FindingKind): number {
    return this.#counts.get(kind) ?? 0;
  }

  get total(): number {
    return FINDING_KINDS.reduce((sum, kind) => sum + this.count(kind), 0);
  }

  get texts(): readonly string[] {
    return FINDING_KINDS.flatMap((kind) => (this.#texts.get(kind) ?? []).map((text) => `${kind}: ${text}`));
  }
}

export const countOne = <K>(counts: Map<K, number>, key: K): void => void counts.set(key, (counts.get(key) ?? 0) + 1);
