/** Numbers as Yjs and its protocols write them, read in place: one shared position and no objects. */

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

/** Passes over bytes or text with its length before it. @returns the length. */
export const skipVarBytes = (bytes: Uint8Array): number => {
  const length = readVarUint(bytes);
  cursor.at += length;
  return length;
};
