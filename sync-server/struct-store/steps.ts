/** Counts work, so that tests can assert how it grows instead of timing it. */

export class Steps {
  /** How often a loop whose length depends on input went round. */
  count = 0;
}
