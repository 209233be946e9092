/** Presence in a room: which state of a client is taken, who is shown it, and who is told of whom. */
import type { AwarenessClock } from "./awareness-clock.ts";
import { readAwareness, stampState } from "./awareness-codec.ts";
import type { Connection } from "../connection/connection.ts";
import { awarenessFrame } from "../connection/messages.ts";
import type { Intake } from "../content/intake.ts";
import type { Limits } from "../../config/limits.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Presence } from "./presence.ts";

export type RoomPresenceContext = {
  readonly awarenessClock: AwarenessClock;
  readonly limits: Pick<Limits, "awarenessStateBytes">;
};

export class RoomPresence {
  readonly #presence: Presence;
  readonly #limits: Pick<Limits, "awarenessStateBytes">;
  readonly #outbox: Pick<Outbox, "show" | "tell">;
  readonly #intake: Pick<Intake, "isForeign" | "reserve">;

  constructor(
    { awarenessClock, limits }: RoomPresenceContext,
    outbox: Pick<Outbox, "show" | "tell">,
    intake: Pick<Intake, "isForeign" | "reserve">,
  ) {
    this.#presence = new Presence(awarenessClock);
    this.#limits = limits;
    this.#outbox = outbox;
    this.#intake = intake;
  }

  /**
   * Takes what a client says of itself; what it echoes of others is passed over.
   *
   * @returns the limit that it breaks, or `null`.
   * @throws MalformedError if it cannot be read.
   */
  receive(connection: Connection, update: Uint8Array): string | null {
    const { awarenessStateBytes } = this.#limits;
    for (const entry of readAwareness(update)) {
      const { clientId, jsonBytes } = entry;
      if (!this.#presence.mayOwn(connection, entry)) {
        // A stock guest that returns is somebody new; if it is in its own dead line's place, it is asked again later.
        const owner = this.#presence.currentOwner(connection, entry);
        if (owner !== null) {
          connection.wasRefused = true;
          owner.socket.probe();
        }
        continue;
      }
      if (this.#intake.isForeign(clientId, connection)) continue;
      if (jsonBytes > awarenessStateBytes) {
        return `awareness state larger than ${awarenessStateBytes} bytes (limit-awareness-state-bytes)`;
      }
      const stamped = stampState(entry.json, connection.identity);
      // One state a message: an honest client has no more, and each is told to the whole room.
      if (stamped === null) this.hide(connection);
      else {
        connection.name = stamped.name;
        const isFirst = connection.presence === null;
        this.#presence.put(connection, { clientId, json: stamped.json });
        // A client's cursor stands under the id that it will write under (y-protocols, `Awareness.clientID`).
        this.#intake.reserve(clientId, connection);
        // Now that the relay knows which state is the connection's own: the same person's others.
        if (isFirst) this.#tell(connection, this.#presence.encodeSamePerson(connection));
        this.show(connection);
      }
      return null;
    }
    return null;
  }

  /** Shows a connection's state to the others, if it is in the run and has one. */
  show(connection: Connection): void {
    if (!connection.joined || connection.presence === null) return;
    const { clientId, json } = connection.presence;
    this.#outbox.show(clientId, json, connection);
  }

  /** Takes a connection's state away, also from the lists of those who have seen it. */
  hide(connection: Connection): void {
    const clientId = this.#presence.release(connection);
    if (clientId !== null && connection.joined) this.#outbox.show(clientId, "null", connection);
  }

  /** Takes a connection's state away without a word to anybody. */
  forget(connection: Connection): void {
    this.#presence.release(connection);
  }

  /** Tells a connection of all who are in the run. */
  sendAllTo(connection: Connection): void {
    this.#tell(connection, this.#presence.encodeAllFor(connection));
  }

  #tell(connection: Connection, update: Uint8Array | null): void {
    if (connection.subscribed && update !== null) this.#outbox.tell(connection, awarenessFrame(update));
  }
}
