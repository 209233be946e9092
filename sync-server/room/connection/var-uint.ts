/** lib0's variable-length unsigned integers, written into bytes that are there already. */

export const varUintBytes = (number: number): number => {
  let bytes = 1;
  for (let rest = number; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes++;
  return bytes;
};

/** Writes a number at `at`; returns where it ends. */
export const writeVarUint = (bytes: Uint8Array, at: number, number: number): number => {
  let next = at;
  let rest = number;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes[next++] = (rest % 0x80) | 0x80;
  bytes[next++] = rest;
  return next;
};
