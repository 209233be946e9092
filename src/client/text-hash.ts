/**
 * A 48-bit hash of a text: spread well enough to tell texts apart and to choose a colour. It is not
 * cryptographic; collisions are easy to make on purpose.
 */

/** The greatest prime below 2^48: the products below stay within the integers that a double holds exactly. */
const MODULUS = 2 ** 48 - 59;

export const hashText = (text: string): number =>
  [...text].reduce((hash, char) => (hash * 31 + char.codePointAt(0)!) % MODULUS, 7);
