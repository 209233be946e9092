/** Presence in a room: which states of a client are accepted, and to whom they are sent. */
import type { Clock } from "../../../src/clock.ts";
import { AwarenessChanges } from "./awareness-changes.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { readAwareness, stampState } from "./awareness-codec.ts";
import type { Connection } from "../connection/connection.ts";
import { awarenessFrame } from "../connection/messages.ts";
import type { Authors } from "../../guard/authors.ts";
import type { Rejections } from "../connection/rejections.ts";
import type { Limits } from "../../config/limits.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Presence } from "./presence.ts";

export type RoomPresenceContext = {
  readonly awarenessClock: AwarenessClock;
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "awarenessStateBytes">;
};

export class RoomPresence {
  readonly #presence: Presence;
  readonly #limits: Pick<Limits, "awarenessStateBytes">;
  readonly #outbox: Outbox;
  readonly #changes: AwarenessChanges;
  readonly #authors: Authors<Connection>;
  readonly #rejections: Rejections;

  constructor(
    { awarenessClock, clock, limits }: RoomPresenceContext,
    outbox: Outbox,
    authors: Authors<Connection>,
    rejections: Rejections,
  ) {
    this.#presence = new Presence(awarenessClock);
    this.#limits = limits;
    this.#outbox = outbox;
    this.#changes = new AwarenessChanges(clock, awarenessClock, outbox);
    this.#authors = authors;
    this.#rejections = rejections;
  }

  /**
   * Accepts a client's own state; what it echoes of others is ignored.
   *
   * @returns the limit that it breaks, or `null`.
   * @throws MalformedError if it cannot be read.
   */
  receive(connection: Connection, update: Uint8Array): string | null {
    const { awarenessStateBytes } = this.#limits;
    for (const entry of readAwareness(update)) {
      const { clientId, jsonBytes } = entry;
      if (!this.#presence.mayOwn(connection, entry)) {
        // A stock guest that reconnects is a new person. If its own dead connection still owns the id, it is asked for
        // its state again once that is gone.
        const owner = this.#presence.currentOwner(connection, entry);
        if (owner !== null) this.#rejections.add(connection, owner);
        continue;
      }
      if (!this.#authors.mayShowCursor(clientId, connection)) {
        this.#rejections.add(connection, this.#authors.otherOwner(clientId, connection));
        continue;
      }
      if (jsonBytes > awarenessStateBytes) {
        return `awareness state larger than ${awarenessStateBytes} bytes`;
      }
      const stamped = stampState(entry.json, connection.identity);
      // One state for each message: an honest client has no more, and each is sent to the whole room.
      if (stamped === null) this.hide(connection);
      else {
        const isFirst = connection.presence.state === null;
        this.#presence.put(connection, { clientId, json: stamped.json }, stamped.name);
        // A client's cursor has the id under which it will write (y-protocols, `Awareness.clientID`).
        this.#authors.showCursor(clientId, connection);
        // Now that the relay knows which state is the connection's own: the same person's others.
        if (isFirst) this.#send(connection, this.#presence.encodeSamePerson(connection));
        this.show(connection);
      }
      return null;
    }
    return null;
  }

  /** Sends a connection's state to all others, if it is in the run and has one. */
  show(connection: Connection): void {
    const { state } = connection.presence;
    if (!connection.membership.joined || state === null) return;
    const { clientId, json } = state;
    this.#changes.add({ clientId, json, owner: connection });
  }

  /** Removes a connection's state, and shows that to all others who have seen it. */
  hide(connection: Connection): void {
    const clientId = this.#presence.release(connection);
    if (clientId !== null && connection.membership.joined)
      this.#changes.add({ clientId, json: "null", owner: connection });
  }

  /** Removes a connection's state silently. */
  forget(connection: Connection): void {
    this.#presence.release(connection);
  }

  /** Sends a connection the states of all who are in the run. */
  sendAllTo(connection: Connection): void {
    this.#send(connection, this.#presence.encodeAllFor(connection));
  }

  #send(connection: Connection, update: Uint8Array | null): void {
    if (update !== null && this.#outbox.isSubscribed(connection)) this.#outbox.send(connection, awarenessFrame(update));
  }
}
