/**
 * Awareness states with a number that counts the moves of the cursor. The number is the first key of the JSON, where it
 * can be read without parsing; every server in the bench keeps the order of keys. The awareness clock cannot serve
 * for this, because a relay may assign its own clocks.
 */
import * as encoding from "lib0/encoding";
import { cursor, readVarUint } from "./var-uint.ts";

const MARK = '{"n":';
const DIGIT_0 = 0x30;

/** An awareness update of one state: the n-th position of a cursor, with about the same fields as an editor's. */
export const cursorUpdate = (clientId: number, clock: number, n: number, name: string): Uint8Array =>
  encoding.encode((encoder) => {
    for (const number of [1, clientId, clock]) encoding.writeVarUint(encoder, number);
    const position = { type: null, tname: "notes", item: { client: clientId, clock: n }, assoc: 0 };
    const state = { n, user: { name, color: "#30bced" }, cursor: { anchor: position, head: position } };
    encoding.writeVarString(encoder, JSON.stringify(state));
  });

/** Calls `onCursor` for each state that has a number. The update begins in `bytes` at `from`. */
export const readCursors = (bytes: Buffer, from: number, onCursor: (clientId: number, n: number) => void): void => {
  cursor.at = from;
  for (let states = readVarUint(bytes); states > 0; states--) {
    const clientId = readVarUint(bytes);
    readVarUint(bytes);
    const length = readVarUint(bytes);
    const start = cursor.at;
    cursor.at += length;
    if (length < MARK.length || bytes[start + 2] !== MARK.charCodeAt(2)) continue;
    let n = 0;
    for (let at = start + MARK.length; bytes[at]! >= DIGIT_0 && bytes[at]! <= DIGIT_0 + 9; at++) {
      n = n * 10 + bytes[at]! - DIGIT_0;
    }
    onCursor(clientId, n);
  }
};
