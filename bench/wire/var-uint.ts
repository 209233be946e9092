/** Reads numbers in the encoding of Yjs and its protocols, in place: with one shared position and without objects. */

/** Where the next read begins. */
export const cursor = { at: 0 };

export const readVarUint = (bytes: Uint8Array): number => {
  let value = 0;
  let factor = 1;
  for (;;) {
    const byte = bytes[cursor.at++]!;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return value;
    factor *= 0x80;
  }
};

/** Skips bytes or text that follow their length. @returns the length. */
export const skipVarBytes = (bytes: Uint8Array): number => {
  const length = readVarUint(bytes);
  cursor.at += length;
  return length;
};
