/**
 * The awareness states that have changed since they were last sent, gathered for all subscribers: of each client id
 * only the newest state goes out.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Frame } from "../../websocket/frame.ts";
import type { Connection } from "../connection/connection.ts";
import type { OutgoingMessage } from "../connection/delivery.ts";
import { GATHER_MS } from "../connection/outbox.ts";
import type { Outbox, OutboxSource } from "../connection/outbox.ts";
import type { AwarenessClock } from "./awareness-clock.ts";
import { StatesMessage } from "./awareness-codec.ts";
import type { AwarenessEntry } from "./awareness-codec.ts";
import { mayBeOwn } from "./presence.ts";
import { FLUSH_BYTES } from "./presence-budget.ts";
import type { PresenceBudget } from "./presence-budget.ts";

/** The more subscribers, the longer it gathers: awareness may cost about so many writes a second, … */
const WRITES_PER_S = 10_000;
/** … but it waits for no longer than this, in ms. */
const MAX_GATHER_MS = 60;

/** The JSON of a state that is gone. */
const REMOVED = "null";
/** So many removals are kept for a connection that is left out; peers forget the others after 30 s. */
const MAX_REMOVED = 10_000;

/** `json`: "null" if the state is gone. */
type Change = { readonly clientId: number; readonly json: string; readonly owner: Connection };

export class AwarenessChanges implements OutboxSource {
  readonly #clock: Pick<Clock, "now">;
  readonly #awarenessClock: AwarenessClock;
  readonly #outbox: Outbox;
  readonly #budget: PresenceBudget;
  /** By awareness client id. */
  #changes = new Map<number, Change>();
  /** Of each connection that is left out, the client ids of states that were removed meanwhile. */
  readonly #removed = new Map<Connection, Set<number>>();
  /** When some were last sent, ms since the epoch. */
  #sentAt = -Infinity;

  constructor(clock: Pick<Clock, "now">, awarenessClock: AwarenessClock, outbox: Outbox, budget: PresenceBudget) {
    this.#budget = budget;
    this.#clock = clock;
    this.#awarenessClock = awarenessClock;
    this.#outbox = outbox;
    outbox.addSource(this);
  }

  add(change: Change): void {
    this.#changes.set(change.clientId, change);
    const gatherMs = Math.min((this.#outbox.subscribers.length * 1_000) / WRITES_PER_S, MAX_GATHER_MS);
    this.#outbox.flushBy(this.#sentAt + Math.max(GATHER_MS, gatherMs));
  }

  takeMessage(): OutgoingMessage | null {
    if (this.#changes.size === 0 || !this.#budget.allows()) return null;
    this.#sentAt = this.#clock.now();
    const recipients = this.#outbox.subscribers;
    const changes = this.#take(FLUSH_BYTES / Math.max(recipients.length, 1));
    for (const connection of this.#outbox.behind) this.#noteRemoved(connection, changes);
    const all = new StatesMessage(changes, this.#awarenessClock);
    this.#budget.spend(all.frame.payload.byteLength * recipients.length);
    const owners = new Set(changes.map(({ owner }) => owner));
    const instead = new Map<Connection, Frame | null>();
    for (const recipient of recipients) {
      // With a thousand recipients most of the time is spent here; nearly all have a state, and changed nothing.
      if (recipient.presence.state !== null && !owners.has(recipient)) continue;
      if (!changes.some(({ owner }) => mayBeOwn(owner, recipient))) continue;
      instead.set(
        recipient,
        all.without((i) => mayBeOwn(changes[i]!.owner, recipient)),
      );
    }
    return { recipients, frame: all.frame, except: null, instead };
  }

  /** The states that were removed while a connection was left out: all states do not say which are gone. */
  takeRemoved(connection: Connection): AwarenessEntry[] {
    const removed = this.#removed.get(connection) ?? [];
    this.#removed.delete(connection);
    const { lastId } = connection.presence;
    return [...removed].filter((clientId) => clientId !== lastId).map((clientId) => ({ clientId, json: REMOVED }));
  }

  #noteRemoved(connection: Connection, changes: readonly Change[]): void {
    for (const { clientId, json } of changes) {
      if (json !== REMOVED) continue;
      let removed = this.#removed.get(connection);
      if (removed === undefined) this.#removed.set(connection, (removed = new Set()));
      if (removed.size < MAX_REMOVED) removed.add(clientId);
    }
  }

  /** The oldest changes, of so many bytes, but at least one. */
  #take(mostBytes: number): Change[] {
    const changes: Change[] = [];
    let bytes = 0;
    for (const change of this.#changes.values()) {
      bytes += change.json.length;
      if (bytes > mostBytes && changes.length > 0) {
        for (const { clientId } of changes) this.#changes.delete(clientId);
        this.#outbox.flushSoon();
        return changes;
      }
      changes.push(change);
    }
    this.#changes = new Map();
    return changes;
  }
}
