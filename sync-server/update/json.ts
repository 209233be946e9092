/**
 * Walks over JSON (RFC 8259, as `JSON.parse` reads it) in bytes that are UTF-8. Neither nesting nor size makes it
 * recurse, and it builds nothing, so it is linear whatever the bytes are.
 */

/** Deepest nesting of a value, in JSON and in lib0's "any" encoding; deeper ones exhaust the stack of a peer. */
export const MAX_VALUE_DEPTH = 256;
/** Most parts of one value, which is never cut: what takes a tenth of a second to walk over. */
export const MAX_VALUE_PARTS = 4_000_000;

export type JsonFault = "no JSON" | "too deep" | "too many parts";

const code = (character: string): number => character.charCodeAt(0);
const QUOTE = code('"');
const BACKSLASH = code("\\");
const COMMA = code(",");
const COLON = code(":");
const MINUS = code("-");
const ZERO = code("0");
const NINE = code("9");
const OPEN_ARRAY = code("[");
const CLOSE_ARRAY = code("]");
const OPEN_OBJECT = code("{");
const CLOSE_OBJECT = code("}");
const DOT = code(".");
const PLUS = code("+");
const LOWER_A = code("a");
const LOWER_E = code("e");
const LOWER_F = code("f");
const LOWER_U = code("u");
const ESCAPED = new Set([...'"\\/bfnrt'].map(code));
const LITERALS = ["true", "false", "null"].map((literal) => new TextEncoder().encode(literal));
const NOWHERE = -1;

/** Which containers the value at hand lies in: their closing brackets. Reused, as nothing is walked over twice at once. */
const closers = new Uint8Array(MAX_VALUE_DEPTH);

const skipSpace = (bytes: Uint8Array, from: number): number => {
  let at = from;
  for (let byte = bytes[at]; byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09; byte = bytes[++at]);
  return at;
};

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= ZERO && byte <= NINE;

const isHexDigit = (byte: number | undefined): boolean =>
  isDigit(byte) || (byte !== undefined && (byte | 0x20) >= LOWER_A && (byte | 0x20) <= LOWER_F);

/** @param from at its opening quote. @returns behind its closing one, or NOWHERE. */
const skipString = (bytes: Uint8Array, from: number): number => {
  if (bytes[from] !== QUOTE) return NOWHERE;
  for (let at = from + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) return at + 1;
    if (byte < 0x20) return NOWHERE;
    if (byte !== BACKSLASH) continue;
    at++;
    if (bytes[at] === LOWER_U) {
      for (let i = 0; i < 4; i++) if (!isHexDigit(bytes[++at])) return NOWHERE;
    } else if (at >= bytes.length || !ESCAPED.has(bytes[at]!)) return NOWHERE;
  }
  return NOWHERE;
};

const skipDigits = (bytes: Uint8Array, from: number): number => {
  let at = from;
  while (isDigit(bytes[at])) at++;
  return at === from ? NOWHERE : at;
};

const skipNumber = (bytes: Uint8Array, from: number): number => {
  let at = bytes[from] === MINUS ? from + 1 : from;
  at = bytes[at] === ZERO ? at + 1 : skipDigits(bytes, at);
  if (at !== NOWHERE && bytes[at] === DOT) at = skipDigits(bytes, at + 1);
  if (at === NOWHERE || (bytes[at]! | 0x20) !== LOWER_E) return at;
  at++;
  return skipDigits(bytes, bytes[at] === MINUS || bytes[at] === PLUS ? at + 1 : at);
};

const skipScalar = (bytes: Uint8Array, from: number): number => {
  const byte = bytes[from];
  if (byte === QUOTE) return skipString(bytes, from);
  if (byte === MINUS || isDigit(byte)) return skipNumber(bytes, from);
  for (const literal of LITERALS) {
    let length = 0;
    while (length < literal.length && bytes[from + length] === literal[length]) length++;
    if (length === literal.length) return from + length;
  }
  return NOWHERE;
};

/** @returns behind a key of an object and its colon, or NOWHERE. */
const skipKey = (bytes: Uint8Array, from: number): number => {
  const end = skipString(bytes, skipSpace(bytes, from));
  if (end === NOWHERE) return NOWHERE;
  const at = skipSpace(bytes, end);
  return bytes[at] === COLON ? at + 1 : NOWHERE;
};

/** What is wrong with one value of JSON that takes all of the bytes; `null` if nothing is. */
export const findJsonFault = (bytes: Uint8Array): JsonFault | null => {
  let depth = 0;
  let at = 0;
  for (let parts = 0; parts < MAX_VALUE_PARTS; parts++) {
    at = skipSpace(bytes, at);
    const byte = bytes[at];
    let isOpen = false;
    if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) {
      const closer = byte === OPEN_ARRAY ? CLOSE_ARRAY : CLOSE_OBJECT;
      if (depth === MAX_VALUE_DEPTH) return "too deep";
      closers[depth++] = closer;
      at = skipSpace(bytes, at + 1);
      isOpen = bytes[at] !== closer;
      if (isOpen && closer === CLOSE_OBJECT) at = skipKey(bytes, at);
    } else at = skipScalar(bytes, at);
    if (at === NOWHERE) return "no JSON";
    if (isOpen) continue;
    // Behind a value, or at the end of an empty container: closes what ends here, up to a comma.
    for (;;) {
      at = skipSpace(bytes, at);
      if (depth === 0) return at === bytes.length ? null : "no JSON";
      const closer = closers[depth - 1]!;
      if (bytes[at] === closer) {
        depth--;
        at++;
        continue;
      }
      if (bytes[at] !== COMMA) return "no JSON";
      at = closer === CLOSE_OBJECT ? skipKey(bytes, at + 1) : at + 1;
      if (at === NOWHERE) return "no JSON";
      break;
    }
  }
  return "too many parts";
};
