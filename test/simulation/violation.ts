/** Violations of the rules in docs/SPEC.md, part I. */

export class Violation extends Error {
  override name = "Violation";
  readonly rule: string;

  constructor(rule: string, what: string) {
    super(`[${rule}] ${what}`);
    this.rule = rule;
  }
}

let first: Violation | null = null;

/** Records the first violation and throws it. The relay may catch the error; the record stays. */
export const violate = (rule: string, what: string): never => {
  first ??= new Violation(rule, what);
  throw first;
};

/** Returns the recorded violation, if any, and clears it. */
export const takeViolation = (): Violation | null => {
  const taken = first;
  first = null;
  return taken;
};
