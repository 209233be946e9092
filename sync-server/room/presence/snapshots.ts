/**
 * All states of a room for clients that need them: when one enters, on request, and about every 20 s for stock clients.
 * They are written once for all of these clients, each of which gets that message without its own state.
 */
import type { Frame } from "../../websocket/frame.ts";
import type { Connection } from "../connection/connection.ts";
import type { OutgoingMessage } from "../connection/delivery.ts";
import type { Outbox, OutboxSource } from "../connection/outbox.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { StatesMessage } from "./awareness-codec.ts";
import { mayBeOwn } from "./presence.ts";
import type { Presence } from "./presence.ts";
import { FLUSH_BYTES } from "./presence-budget.ts";
import type { PresenceBudget } from "./presence-budget.ts";

/** A connection that has more unread is sent no states on top. */
const UNREAD_BYTES = 1024 * 1024;

export class Snapshots implements OutboxSource {
  readonly #presence: Presence;
  readonly #awarenessClock: AwarenessClock;
  readonly #outbox: Outbox;
  readonly #budget: PresenceBudget;
  /** Who needs all states. */
  #waiting = new Set<Connection>();

  constructor(presence: Presence, awarenessClock: AwarenessClock, outbox: Outbox, budget: PresenceBudget) {
    this.#presence = presence;
    this.#awarenessClock = awarenessClock;
    this.#outbox = outbox;
    this.#budget = budget;
    outbox.addSource(this);
  }

  /** Sends a connection all states, soon. */
  request(connection: Connection): void {
    this.#waiting.add(connection);
    this.#outbox.flushSoon();
  }

  forget(connection: Connection): void {
    this.#waiting.delete(connection);
  }

  takeMessage(): OutgoingMessage | null {
    if (this.#waiting.size === 0) return null;
    const owners = this.#presence.owners();
    if (owners.length === 0) {
      this.#waiting.clear();
      return null;
    }
    if (!this.#budget.allows()) return null;
    const all = new StatesMessage(
      owners.map(({ presence }) => presence.state!),
      this.#awarenessClock,
    );
    const { byteLength } = all.frame.payload;
    const recipients = this.#takeWaiting(Math.max(1, Math.floor(FLUSH_BYTES / byteLength)));
    this.#budget.spend(byteLength * recipients.length);
    return { recipients, frame: all.frame, except: null, instead: withoutOwn(all, owners, recipients) };
  }

  #takeWaiting(most: number): Connection[] {
    const taken: Connection[] = [];
    for (const connection of this.#waiting) {
      if (taken.length === most) break;
      this.#waiting.delete(connection);
      if (this.#outbox.isSubscribed(connection) && !isSlow(connection)) taken.push(connection);
    }
    // The others have their turn when this is earned.
    if (this.#waiting.size > 0) this.#outbox.flushSoon();
    return taken;
  }
}

/** Such a connection gets them when it has read what it was sent before. */
const isSlow = ({ socket }: Connection): boolean => socket.unreadBytes > UNREAD_BYTES;

/** What each recipient gets that may not get all: its own state would overwrite what it has (y-protocols 1.0). */
const withoutOwn = (
  all: StatesMessage,
  owners: readonly Connection[],
  recipients: readonly Connection[],
): Map<Connection, Frame | null> => {
  const indexes = new Map(owners.map((owner, index) => [owner, index]));
  const people = new Set(owners.map(({ identity }) => identity.id));
  const instead = new Map<Connection, Frame | null>();
  /** For those of whom the relay does not know which state is their own; the same for all of a person. */
  const byPerson = new Map<string, Frame | null>();
  for (const recipient of recipients) {
    const index = indexes.get(recipient);
    const { id } = recipient.identity;
    if (index !== undefined) {
      instead.set(recipient, all.withoutOne(index));
    } else if (recipient.presence.state === null && people.has(id)) {
      if (!byPerson.has(id)) {
        byPerson.set(
          id,
          all.without((i) => mayBeOwn(owners[i]!, recipient)),
        );
      }
      instead.set(recipient, byPerson.get(id)!);
    }
  }
  return instead;
};
