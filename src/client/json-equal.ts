/**
 * Whether two values are equal as JSON, with their keys in the same order. Used to keep the old object where a
 * new one is equal to it, so that a comparison by identity finds real changes only.
 */
export const jsonEqual = (a: unknown, b: unknown): boolean => a === b || JSON.stringify(a) === JSON.stringify(b);
