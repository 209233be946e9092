/** Presence in a room: which states of a client are accepted, and to whom they are sent. */
import type { Clock } from "../../../src/clock.ts";
import { AwarenessChanges } from "./awareness-changes.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { isTooDeep, MAX_DEPTH, readAwareness, stampState, StatesMessage } from "./awareness-codec.ts";
import type { ReceivedEntry } from "./awareness-codec.ts";
import type { Connection } from "../connection/connection.ts";
import { sessionFrame } from "../connection/messages.ts";
import type { Authors } from "../../guard/authors.ts";
import type { Rejections } from "../connection/rejections.ts";
import type { Limits } from "../../config/limits.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Presence } from "./presence.ts";
import { PresenceBudget } from "./presence-budget.ts";
import { Snapshots } from "./snapshots.ts";

/** States up to this size are accepted however much the room's states take together. */
const SMALL_STATE_BYTES = 1024;
/** All states of a room, if they take no more, are sent as soon as a connection has caught up. */
const CATCH_UP_BYTES = 128 * 1024;
/** Other client ids that one connection may show a state under, one after the other: pages change theirs rarely. */
const MAX_IDS = 64;

type PresenceLimits = Pick<Limits, "awarenessStateBytes" | "presenceBytes">;

export type RoomPresenceContext = {
  readonly awarenessClock: AwarenessClock;
  readonly clock: Pick<Clock, "now" | "gather">;
  readonly limits: PresenceLimits;
};

export class RoomPresence {
  readonly #presence = new Presence();
  readonly #limits: PresenceLimits;
  readonly #outbox: Outbox;
  readonly #changes: AwarenessChanges;
  readonly #awarenessClock: AwarenessClock;
  readonly #snapshots: Snapshots;
  readonly #authors: Authors<Connection>;
  readonly #rejections: Rejections;
  /** Those that have missed changes, and get all states soon. */
  readonly #hasMissed = new Set<Connection>();

  constructor(
    { awarenessClock, clock, limits }: RoomPresenceContext,
    outbox: Outbox,
    authors: Authors<Connection>,
    rejections: Rejections,
  ) {
    this.#limits = limits;
    this.#outbox = outbox;
    this.#awarenessClock = awarenessClock;
    const budget = new PresenceBudget(clock, outbox);
    this.#changes = new AwarenessChanges(clock, awarenessClock, outbox, budget);
    this.#snapshots = new Snapshots(this.#presence, awarenessClock, outbox, budget);
    this.#authors = authors;
    this.#rejections = rejections;
  }

  /**
   * Accepts a client's own state; what it echoes of others is ignored. A state that cannot be accepted is dropped.
   *
   * @returns the limit that it breaks, or `null`.
   * @throws MalformedError if it cannot be read.
   */
  receive(connection: Connection, update: Uint8Array): string | null {
    for (const entry of readAwareness(update)) {
      const { clientId } = entry;
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
      // One state for each message: an honest client has no more, and each is sent to the whole room.
      return this.#receiveOwn(connection, entry);
    }
    return null;
  }

  #receiveOwn(connection: Connection, entry: ReceivedEntry): string | null {
    const { awarenessStateBytes, presenceBytes } = this.#limits;
    const { clientId, jsonBytes } = entry;
    if (jsonBytes > awarenessStateBytes) {
      this.#refuse(connection, "awareness-too-large", `awareness state larger than ${awarenessStateBytes} bytes`);
      return null;
    }
    const { json } = entry;
    if (isTooDeep(json)) {
      this.#refuse(connection, "too-deep", `awareness state nested deeper than ${MAX_DEPTH}`);
      return null;
    }
    const stamped = stampState(json, connection.identity);
    if (stamped === null) {
      this.hide(connection);
      return null;
    }
    const { state, lastId, idCount } = connection.presence;
    const bytes = Buffer.byteLength(stamped.json);
    const otherBytes = this.#presence.bytes - (state?.bytes ?? 0);
    if (bytes > SMALL_STATE_BYTES && otherBytes + bytes > presenceBytes) {
      this.#refuse(connection, "awareness-too-large", `awareness states of a room larger than ${presenceBytes} bytes`);
      return null;
    }
    if (clientId !== lastId && idCount > MAX_IDS) return `states under more than ${MAX_IDS} client ids`;
    this.#presence.put(connection, { clientId, json: stamped.json, bytes }, stamped.name);
    // A client's cursor has the id under which it will write (y-protocols, `Awareness.clientID`).
    this.#authors.showCursor(clientId, connection);
    // Now that the relay knows which state is the connection's own: the same person's others.
    if (state === null && this.#presence.hasOthersOfPerson(connection)) this.sendAllTo(connection);
    this.show(connection);
    return null;
  }

  #refuse(connection: Connection, code: "awareness-too-large" | "too-deep", message: string): void {
    if (connection.speaksSession) this.#outbox.send(connection, sessionFrame({ type: "refused", code, message }));
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

  /** Sends a connection the states of all who are in the run, soon. */
  sendAllTo(connection: Connection): void {
    if (this.#outbox.isSubscribed(connection)) this.#snapshots.request(connection);
  }

  /** Called about every 20 s: stock clients drop what was not renewed for 30 s, and some have missed changes. */
  refresh(connection: Connection): void {
    const hasMissed = this.#hasMissed.delete(connection) || this.#outbox.behind.has(connection);
    if (hasMissed || !connection.speaksSession) this.sendAllTo(connection);
  }

  /** Changes were not sent to a connection while it read what came before. */
  caughtUp(connection: Connection): void {
    const removed = this.#changes.takeRemoved(connection);
    if (removed.length > 0) this.#outbox.send(connection, new StatesMessage(removed, this.#awarenessClock).frame);
    // Much at once could make it wait again, and so on.
    if (this.#presence.bytes <= CATCH_UP_BYTES) this.sendAllTo(connection);
    else this.#hasMissed.add(connection);
  }

  /** A connection is gone, or nothing is sent to it any more. */
  stopSendingTo(connection: Connection): void {
    this.#hasMissed.delete(connection);
    this.#changes.takeRemoved(connection);
    this.#snapshots.forget(connection);
  }
}
