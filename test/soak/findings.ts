/** What was found to be wrong, and how often what was checked. */

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
  /** Comparisons of rooms with the relay's description. */
  comparisons = 0;
  /** Comparisons skipped because people joined or left meanwhile. */
  skipped = 0;
  /** New clients that were sent the document, and the expected edits that were checked in all of them. */
  inspections = 0;
  checkedEdits = 0;
  /** Ends of runs that were checked, by reason. */
  readonly ends = new Map<string, number>();
  /** Expected closes, by code. */
  readonly closes = new Map<number, number>();
  /** Connections closed by the relay because this machine was stalled. */
  closedByStalls = 0;
  edits = 0;
  /** Edits that were never sent, since their authors did not reconnect. */
  abandonedEdits = 0;
  connects = 0;
  intruders = 0;

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
