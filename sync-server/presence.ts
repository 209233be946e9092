/**
 * Who is present in a room, and their awareness states. Sockets decide who is here; clients only
 * say what they point at. The relay stamps who they are (docs/SPEC.md, part P).
 */
import { isUtf8 } from "node:buffer";
import * as decoding from "lib0/decoding";
import { cleanPersonName, MalformedError } from "../src/protocol.ts";
import type { Identity } from "../src/protocol.ts";
import { isRelaysClock } from "./awareness-clock.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import type { Connection, PresenceState } from "./connection.ts";
import { writeVarUint } from "./frame.ts";

/** A state under its awareness client id, as JSON. */
export type AwarenessEntry = { readonly clientId: number; readonly json: string };
/** Most states in one update of a client: its own, and echoes of everybody's in a full room. */
const MAX_ENTRIES = 10_000;

/** One entry as it was received. Its JSON is read only if somebody asks: most are echoes of others' (y-websocket 3.1). */
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
 * The state as others may see it: `user.id`, `user.role`, `user.verified` and the name are the
 * relay's, everything else passes.
 *
 * @returns `null` if the owner took its state away.
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

/** An awareness update, and what it is without one of its entries. */
export type Entries = {
  readonly bytes: Uint8Array;
  /** `null` if nothing is left. */
  without(index: number): Uint8Array | null;
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
    without: (index) => {
      if (entries.length === 1) return null;
      const count = Buffer.allocUnsafe(NUMBER_MAX_BYTES);
      const before = bytes.subarray(starts[0], starts[index]);
      const after = bytes.subarray(starts[index + 1] ?? end, end);
      return Buffer.concat([count.subarray(0, writeVarUint(count, 0, entries.length - 1)), before, after]);
    },
  };
};

/** The states of one room. Each awareness client id has at most one owner. */
export class Presence {
  readonly #owners = new Map<number, Connection>();
  readonly #clocks: AwarenessClock;

  constructor(clocks: AwarenessClock) {
    this.#clocks = clocks;
  }

  /**
   * Whether a connection may speak for an awareness client id: its own, a free one if it has none
   * yet, or one of a former connection of the same person (which may be half-open; or what it had still
   * sent comes late, so the former one takes nothing back). The clock that it gives is no order, since a
   * connection delivers in order and others get the relay's clocks; but it tells a stock client that returns
   * from one that echoes the person's other tab. (A `session-room.v1` client speaks of nobody else, and its
   * own clock may have been one of the relay's ever since it was told that it is gone.)
   */
  mayOwn(connection: Connection, { clientId, clock }: ReceivedEntry): boolean {
    const owner = this.#owners.get(clientId);
    if (owner === connection) return true;
    // One id a connection: whatever else it names are echoes of others (y-websocket 3.1).
    if (connection.presence !== null) return false;
    if (owner === undefined) return true;
    const isSuccessor = owner.identity.id === connection.identity.id && connection.arrival > owner.arrival;
    return isSuccessor && (connection.speaksSession || !isRelaysClock(clock));
  }

  /**
   * Whoever keeps a connection that shows no state yet from one that is no echo: a client's first word
   * of itself on a new line. `null`: nobody, or it is no such word.
   */
  rivalOf(connection: Connection, { clientId, clock }: ReceivedEntry): Connection | null {
    if (connection.presence !== null || isRelaysClock(clock)) return null;
    return this.#owners.get(clientId) ?? null;
  }

  /** Makes this the connection's state; a former owner of the id loses it. */
  put(connection: Connection, state: PresenceState): void {
    const owner = this.#owners.get(state.clientId);
    if (owner !== undefined && owner !== connection) owner.presence = null;
    this.#owners.set(state.clientId, connection);
    connection.presence = state;
  }

  /** Forgets what a connection owns; returns its id if others may have seen a state under it. */
  release(connection: Connection): number | null {
    const { presence } = connection;
    if (presence === null || this.#owners.get(presence.clientId) !== connection) return null;
    this.#owners.delete(presence.clientId);
    connection.presence = null;
    return presence.clientId;
  }

  /**
   * All states of those who are in the run with fresh clocks, for one receiver: without its own,
   * which a state from outside would overwrite. While the relay does not know its id, any of the
   * same person's may be its own, left behind on a line that broke. `null` if there are none.
   */
  encodeAllFor(receiver: Connection): Uint8Array | null {
    const isKnown = receiver.presence !== null;
    return this.#encode((owner) => owner !== receiver && (isKnown || owner.identity.id !== receiver.identity.id));
  }

  /** The states of the same person's other connections, which `encodeAllFor` had left out. `null` if there are none. */
  encodeTwinsOf(receiver: Connection): Uint8Array | null {
    return this.#encode((owner) => owner !== receiver && owner.identity.id === receiver.identity.id);
  }

  #encode(isShown: (owner: Connection) => boolean): Uint8Array | null {
    const states: AwarenessEntry[] = [];
    for (const owner of this.#owners.values()) {
      if (owner.joined && owner.presence !== null && isShown(owner)) states.push(owner.presence);
    }
    return states.length === 0 ? null : writeEntries(states, this.#clocks).bytes;
  }
}
