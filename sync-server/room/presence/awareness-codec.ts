/**
 * Awareness updates as bytes (y-protocols 1.0, `encodeAwarenessUpdate`): what clients send is read, stamped
 * with what the relay knows of the person (docs/SPEC.md, P3), and written again.
 */
import { isUtf8 } from "node:buffer";
import * as decoding from "lib0/decoding";
import { cleanPersonName, MalformedError, MessageType } from "../../../src/protocol/protocol.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { varUintBytes, writeVarUint } from "../connection/var-uint.ts";
import { Frame } from "../../websocket/frame.ts";

/** A state under its awareness client id, as JSON. */
export type AwarenessEntry = { readonly clientId: number; readonly json: string };
/** How deep the JSON of a state may be nested: what is deeper is no editor's, and peers read it recursively. */
export const MAX_DEPTH = 256;
/** Most states in one update of a client: its own, and echoes of everybody's in a full room. */
const MAX_ENTRIES = 10_000;

/** An entry as it was received. Its JSON is read only when needed: most are echoes of others' (y-websocket 3.1). */
export class ReceivedEntry implements AwarenessEntry {
  readonly clientId: number;
  /** The clock that the client gave it. */
  readonly clock: number;
  readonly #text: Uint8Array;

  constructor(clientId: number, clock: number, text: Uint8Array) {
    this.clientId = clientId;
    this.clock = clock;
    this.#text = text;
  }

  /** Size of the JSON in UTF-8. */
  get jsonBytes(): number {
    return this.#text.byteLength;
  }

  /** @throws MalformedError if it is not UTF-8. */
  get json(): string {
    const text = this.#text;
    if (!isUtf8(text)) throw new MalformedError("an awareness state is not UTF-8");
    return Buffer.from(text.buffer, text.byteOffset, text.byteLength).toString("utf8");
  }
}

/**
 * Reads an awareness update of a client (y-protocols 1.0, `encodeAwarenessUpdate`); the texts are views into it.
 *
 * @throws MalformedError, and nothing else.
 */
export const readAwareness = (update: Uint8Array): ReceivedEntry[] => {
  try {
    const decoder = decoding.createDecoder(update);
    const count = decoding.readVarUint(decoder);
    if (count > MAX_ENTRIES) throw new MalformedError(`the awareness update holds more than ${MAX_ENTRIES} states`);
    const entries: ReceivedEntry[] = [];
    for (let i = 0; i < count; i++) {
      const clientId = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      const text = decoding.readVarUint8Array(decoder);
      entries.push(new ReceivedEntry(clientId, clock, text));
    }
    return entries;
  } catch (error) {
    if (error instanceof MalformedError) throw error;
    throw new MalformedError("the awareness update cannot be read");
  }
};

const BACKSLASH = 0x5c;
const QUOTE = 0x22;
const CLOSING = new Set([0x5d, 0x7d]);
const OPENING = new Set([0x5b, 0x7b]);

/** Whether JSON is nested deeper than `MAX_DEPTH`, found without recursion. Of a text that is no JSON it says nothing. */
export const isTooDeep = (json: string): boolean => {
  // Each level takes a character at its beginning.
  if (json.length <= MAX_DEPTH) return false;
  let depth = 0;
  let isInString = false;
  for (let i = 0; i < json.length; i++) {
    const code = json.charCodeAt(i);
    if (isInString) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) isInString = false;
    } else if (code === QUOTE) isInString = true;
    else if (OPENING.has(code)) {
      if (++depth > MAX_DEPTH) return true;
    } else if (CLOSING.has(code)) depth--;
  }
  return false;
};

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * The state as others get it: `user.id`, `user.role`, `user.verified` and a verified name are set by the relay,
 * everything else is left as it is.
 *
 * @returns `null` if the owner has removed its state.
 * @throws MalformedError if the JSON is not an object or `null`.
 */
export const stampState = (json: string, identity: Identity): { json: string; name: string } | null => {
  let state: unknown;
  try {
    state = JSON.parse(json);
    if (state === null) return null;
    if (!isObject(state)) throw new MalformedError("an awareness state is not an object");
    const own = isObject(state["user"]) ? state["user"] : {};
    const { id, role, verified } = identity;
    const name = verified ? identity.name : cleanPersonName(own["name"]);
    const stamped = JSON.stringify({ ...state, user: { ...own, id, role, verified, name } });
    return { json: stamped, name };
  } catch (error) {
    if (error instanceof MalformedError) throw error;
    // JSON.parse at nonsense, or JSON.stringify at nesting deeper than its stack.
    throw new MalformedError("an awareness state is not JSON");
  }
};

/** Bytes from which on a message without some entries shares the bytes of the one with all. */
const SHARED_BYTES = 64 * 1024;
/** Parts of such a message; above that, they are copied all the same. */
const MAX_PARTS = 16;

/** The bytes before the entries of an awareness message. */
const writeHead = (bytes: Uint8Array, count: number, entriesBytes: number): number => {
  let at = writeVarUint(bytes, 0, MessageType.awareness);
  at = writeVarUint(bytes, at, varUintBytes(count) + entriesBytes);
  return writeVarUint(bytes, at, count);
};
const headBytes = (count: number, entriesBytes: number): number => {
  const countBytes = varUintBytes(count);
  return varUintBytes(MessageType.awareness) + varUintBytes(countBytes + entriesBytes) + countBytes;
};

/** States in one message for many, who may be sent it without some of them. */
export class StatesMessage {
  readonly frame: Frame;
  /** Where each entry begins in the message, and where the last ends. */
  readonly #bounds: Uint32Array;

  /**
   * An awareness update (y-protocols 1.0, `encodeAwarenessUpdate`), written straight into the frame: with lib0's
   * encoder this was most of the cost of a cursor's move (`npm run bench:guard`).
   */
  constructor(entries: readonly AwarenessEntry[], clocks: AwarenessClock) {
    const count = entries.length;
    const jsonBytes = new Uint32Array(count);
    const stamps = new Float64Array(count);
    let entriesBytes = 0;
    for (let i = 0; i < count; i++) {
      const { clientId, json } = entries[i]!;
      const size = (jsonBytes[i] = Buffer.byteLength(json));
      const clock = (stamps[i] = clocks.next());
      entriesBytes += varUintBytes(clientId) + varUintBytes(clock) + varUintBytes(size) + size;
    }
    this.frame = Frame.allocate(headBytes(count, entriesBytes) + entriesBytes);
    const bytes = Buffer.from(this.frame.payload.buffer, this.frame.payload.byteOffset, this.frame.payload.byteLength);
    let at = writeHead(bytes, count, entriesBytes);
    this.#bounds = new Uint32Array(count + 1);
    for (let i = 0; i < count; i++) {
      const { clientId, json } = entries[i]!;
      this.#bounds[i] = at;
      at = writeVarUint(bytes, at, clientId);
      at = writeVarUint(bytes, at, stamps[i]!);
      at = writeVarUint(bytes, at, jsonBytes[i]!);
      at += bytes.write(json, at);
    }
    this.#bounds[count] = at;
  }

  /** @param isOut whether an entry is left out, by its index. @returns `null` if nothing is left. */
  without(isOut: (index: number) => boolean): Frame | null {
    const bounds = this.#bounds;
    const { payload } = this.frame;
    const parts: Uint8Array[] = [];
    let count = 0;
    for (let i = 0; i + 1 < bounds.length; i++) {
      const first = i;
      while (i + 1 < bounds.length && !isOut(i)) i++;
      if (i > first) parts.push(payload.subarray(bounds[first]!, bounds[i]!));
      count += i - first;
    }
    return count === 0 ? null : makeFrame(count, parts);
  }

  /** The same without one entry, in a time that does not grow with their number. */
  withoutOne(index: number): Frame | null {
    const bounds = this.#bounds;
    const { payload } = this.frame;
    const last = bounds.length - 1;
    if (last === 1) return null;
    const before = payload.subarray(bounds[0]!, bounds[index]!);
    const after = payload.subarray(bounds[index + 1]!, bounds[last]!);
    return makeFrame(last - 1, [before, after]);
  }
}

const makeFrame = (count: number, parts: readonly Uint8Array[]): Frame => {
  const entriesBytes = parts.reduce((sum, { byteLength }) => sum + byteLength, 0);
  const head = new Uint8Array(headBytes(count, entriesBytes));
  writeHead(head, count, entriesBytes);
  const isShared = entriesBytes >= SHARED_BYTES && parts.length <= MAX_PARTS;
  return isShared ? Frame.ofParts(head, parts) : Frame.ofParts(Buffer.concat([head, ...parts]), []);
};
