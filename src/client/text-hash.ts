/**
 * A number that follows from a text alone, for all who compute it the same: 48 bits, spread well enough to
 * tell texts apart and to choose a colour. No secret to those who know the text, and easy to meet on purpose.
 */

/** The greatest prime below 2^48: a remainder of it times 31 still is a whole number that is held exactly. */
const MODULUS = 2 ** 48 - 59;

export const hashOfText = (text: string): number =>
  [...text].reduce((sum, char) => (sum * 31 + char.codePointAt(0)!) % MODULUS, 7);
