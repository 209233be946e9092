/**
 * Awareness updates as bytes (y-protocols 1.0, `encodeAwarenessUpdate`): what clients send is read, stamped
 * with what the relay knows of the person (docs/SPEC.md, P3), and written again.
 */
import { isUtf8 } from "node:buffer";
import * as decoding from "lib0/decoding";
import { cleanPersonName, MalformedError } from "../../../src/protocol/protocol.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { writeVarUint } from "../connection/var-uint.ts";

/** A state under its awareness client id, as JSON. */
export type AwarenessEntry = { readonly clientId: number; readonly json: string };
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

/** Most bytes of a number below 2^53 as a varUint. */
const NUMBER_MAX_BYTES = 8;

/** An awareness update that can be written again without some of its entries. */
export type Entries = {
  readonly bytes: Uint8Array;
  /** `isOut`: whether an entry is left out, by its index. `null` if nothing is left. */
  without(isOut: (index: number) => boolean): Uint8Array | null;
};

/**
 * An awareness update (y-protocols 1.0, `encodeAwarenessUpdate`), written in one go: with lib0's encoder this was
 * most of the cost of a cursor's move (`npm run bench:guard`).
 */
export const writeEntries = (entries: readonly AwarenessEntry[], clocks: AwarenessClock): Entries => {
  const sizes = entries.map(({ json }) => Buffer.byteLength(json));
  const most = sizes.reduce((sum, size) => sum + size + 3 * NUMBER_MAX_BYTES, NUMBER_MAX_BYTES);
  const bytes = Buffer.allocUnsafe(most);
  let at = writeVarUint(bytes, 0, entries.length);
  const starts: number[] = [];
  entries.forEach(({ clientId, json }, i) => {
    starts.push(at);
    at = writeVarUint(bytes, at, clientId);
    at = writeVarUint(bytes, at, clocks.next());
    at = writeVarUint(bytes, at, sizes[i]!);
    at += bytes.write(json, at);
  });
  const end = at;
  return {
    bytes: bytes.subarray(0, end),
    without: (isOut) => {
      const left = starts.flatMap((start, i) => (isOut(i) ? [] : bytes.subarray(start, starts[i + 1] ?? end)));
      if (left.length === 0) return null;
      const count = Buffer.allocUnsafe(NUMBER_MAX_BYTES);
      return Buffer.concat([count.subarray(0, writeVarUint(count, 0, left.length)), ...left]);
    },
  };
};
