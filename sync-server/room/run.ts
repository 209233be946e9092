/** The connections that are in the run: they are counted and seen by the others, and content is sent to them. */
import type { Connection, Membership } from "./connection/connection.ts";
import type { Outbox } from "./connection/outbox.ts";
import type { Feeds } from "./content/feeds.ts";
import type { Intake } from "./content/intake.ts";
import type { Sync } from "./content/sync.ts";
import type { RoomPresence } from "./presence/room-presence.ts";

/** Longest state vector that is kept while content is withheld, in bytes: some 7,000 client ids. */
const WITHHELD_STATE_VECTOR_MAX_BYTES = 64 * 1024;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

export type RunOptions = {
  /** The room's connections, in the run or not. */
  readonly connections: ReadonlySet<Connection>;
  readonly outbox: Outbox;
  readonly sync: Sync;
  readonly feeds: Feeds;
  readonly intake: Intake;
  readonly presence: RoomPresence;
};

const membershipOf = ({ membership }: Connection): Membership => membership;

export class Run {
  readonly #options: RunOptions;
  /** State vectors of SyncStep1 messages that could not be answered while content was withheld. */
  readonly #withheld = new Map<Connection, Uint8Array>();

  constructor(options: RunOptions) {
    this.#options = options;
  }

  /** Whether a host is in the run. */
  get hasHost(): boolean {
    for (const { isHost, membership, speaksSession } of this.#options.connections) {
      // A stock host in a waiting room is in the run as soon as there is one.
      if (isHost && (membership.joined || !speaksSession)) return true;
    }
    return false;
  }

  /** Puts a connection into the live run, and sends it the content that it has asked for. */
  enter(connection: Connection): void {
    const { outbox, feeds, presence } = this.#options;
    membershipOf(connection).joined = true;
    outbox.subscribe(connection, true);
    const stateVector = this.#withheld.get(connection);
    if (stateVector !== undefined) {
      this.#withheld.delete(connection);
      feeds.answer(connection, stateVector);
    }
    presence.sendAllTo(connection);
    presence.show(connection);
  }

  /** Takes a connection out of the run: nothing of it is shown, and no content is sent to it. @returns whether it was in. */
  leave(connection: Connection): boolean {
    const { outbox, intake, feeds, presence } = this.#options;
    const membership = membershipOf(connection);
    const wasInRun = membership.joined;
    presence.hide(connection);
    membership.joined = false;
    this.#withheld.delete(connection);
    outbox.subscribe(connection, false);
    feeds.stop(connection);
    presence.stopSendingTo(connection);
    intake.dropWaiting(connection);
    return wasInRun;
  }

  /** A run begins: stock clients are in it, and everybody is asked for what they wrote before. */
  open(): void {
    const { connections, sync } = this.#options;
    for (const connection of connections) {
      if (!connection.speaksSession) this.enter(connection);
    }
    sync.requestMissingFromAll();
  }

  /** The run is over: everybody leaves it. */
  close(): void {
    const { connections, outbox, presence } = this.#options;
    for (const connection of connections) presence.hide(connection);
    // While all are in the run, so that they are sent it.
    outbox.flush();
    for (const connection of connections) this.leave(connection);
  }

  /** Sends the content that a connection lacks, which has sent this state vector. @throws MalformedError */
  serve(connection: Connection, stateVector: Uint8Array): void {
    this.#options.outbox.subscribe(connection, true);
    this.#options.feeds.answer(connection, stateVector);
  }

  /** Keeps the state vector of a connection until it enters the run. */
  withhold(connection: Connection, stateVector: Uint8Array): void {
    // A client that names more client ids than any real document has is sent all of the content.
    const isKept = stateVector.byteLength <= WITHHELD_STATE_VECTOR_MAX_BYTES;
    this.#withheld.set(connection, isKept ? stateVector.slice() : EMPTY_STATE_VECTOR);
  }
}
