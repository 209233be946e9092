/**
 * Who is present in a room, and their awareness states. Sockets decide who is here; clients only
 * say what they point at (docs/SPEC.md, part P).
 */
import { isRelaysClock } from "./awareness-clock.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { writeEntries } from "./awareness-codec.ts";
import type { AwarenessEntry, ReceivedEntry } from "./awareness-codec.ts";
import type { Connection, PresenceState } from "../connection/connection.ts";

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
  currentOwner(connection: Connection, { clientId, clock }: ReceivedEntry): Connection | null {
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
  encodeSamePerson(receiver: Connection): Uint8Array | null {
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
