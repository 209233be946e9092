/**
 * The awareness states of a room and the connections that own them. Who is present is decided by the sockets;
 * clients only send what their state is (docs/SPEC.md, part P).
 */
import { isRelaysClock } from "./awareness-clock.ts";
import type { ReceivedEntry } from "./awareness-codec.ts";
import type { Connection, ConnectionPresence, PresenceState } from "../connection/connection.ts";

const presenceOf = ({ presence }: Connection): ConnectionPresence => presence;

/**
 * Whether a state may be the recipient's own, which must not be sent to it: a state from outside would overwrite it
 * (y-protocols 1.0). While it is not known which state is its own, any of the same person may be, left from a
 * former connection.
 */
export const mayBeOwn = (owner: Connection, recipient: Connection): boolean =>
  owner === recipient || (recipient.presence.state === null && owner.identity.id === recipient.identity.id);

/** The states of one room. Each awareness client id has at most one owner. */
export class Presence {
  readonly #owners = new Map<number, Connection>();
  #bytes = 0;

  /** Bytes of all states, as JSON in UTF-8. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Whether a connection may set the state of an awareness client id: its own, a free one if it has none yet, or one
   * of a former connection of the same person (which may be half-open, or what it had sent may arrive late, so the
   * former connection does not take the id back). The clock of the entry says nothing about order, since a
   * connection delivers in order and others get the relay's clocks; but it distinguishes a stock client that
   * reconnects from one that echoes the person's other tab. (A `session-room.v1` client sends nobody else's state,
   * and its own clock may be one of the relay's, since it was sent the removal of its state.)
   */
  mayOwn(connection: Connection, { clientId, clock }: ReceivedEntry): boolean {
    const owner = this.#owners.get(clientId);
    if (owner === connection) return true;
    // One id for each connection: all others that it sends are echoes of others' states (y-websocket 3.1).
    if (connection.presence.state !== null) return false;
    if (owner === undefined) return true;
    const isSuccessor =
      owner.identity.id === connection.identity.id && connection.membership.sequence > owner.membership.sequence;
    return isSuccessor && (connection.speaksSession || !isRelaysClock(clock));
  }

  /**
   * The connection that keeps another one, which has no state yet, from the first state of its own. `null`: none, or
   * the entry is an echo.
   */
  currentOwner(connection: Connection, { clientId, clock }: ReceivedEntry): Connection | null {
    if (connection.presence.state !== null || isRelaysClock(clock)) return null;
    return this.#owners.get(clientId) ?? null;
  }

  /** Sets a connection's state and the person's name; a former owner of the id loses its state. */
  put(connection: Connection, state: PresenceState, name: string): void {
    const owner = this.#owners.get(state.clientId);
    if (owner !== undefined && owner !== connection) this.#clear(presenceOf(owner));
    this.#owners.set(state.clientId, connection);
    const presence = presenceOf(connection);
    this.#clear(presence);
    presence.state = state;
    presence.name = name;
    this.#bytes += state.bytes;
    if (presence.lastId === state.clientId) return;
    presence.lastId = state.clientId;
    presence.idCount++;
  }

  /** Removes a connection's state; returns its id if others may have seen a state under it. */
  release(connection: Connection): number | null {
    const presence = presenceOf(connection);
    const { state } = presence;
    if (state === null || this.#owners.get(state.clientId) !== connection) return null;
    this.#owners.delete(state.clientId);
    this.#clear(presence);
    return state.clientId;
  }

  /** The connections in the run that have a state. */
  owners(): Connection[] {
    return [...this.#owners.values()].filter(
      ({ membership, presence }) => membership.joined && presence.state !== null,
    );
  }

  /** Whether another connection of the same person has a state. */
  hasOthersOfPerson(connection: Connection): boolean {
    const { id } = connection.identity;
    for (const owner of this.#owners.values()) if (owner !== connection && owner.identity.id === id) return true;
    return false;
  }

  #clear(presence: ConnectionPresence): void {
    this.#bytes -= presence.state?.bytes ?? 0;
    presence.state = null;
  }
}
