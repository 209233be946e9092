/**
 * Whether two values say the same: plain data, of which the parts stand in the same order. What compares
 * by identity sees only changes, where an old value is kept as long as it says the same as the new one.
 */
export const jsonEqual = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);
