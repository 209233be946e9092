/**
 * The parts of updates that refer to what is not held yet, by the id that each waits for: new content costs a look at
 * those that it sets free, whatever else waits. Bounded for each connection and for the room; the oldest are dropped.
 */
import type { WaitingDelete, WaitingStructs } from "../../guard/admit-result.ts";
import type { Connection } from "../connection/connection.ts";
import { ClockHeap } from "./clock-heap.ts";

/** Memory of a part beside its bytes, about. */
const PART_BYTES = 128;
/** Parts of a room, as a multiple of those of one connection. */
const CONNECTIONS_IN_FULL = 16;
/** Dropped parts that may stay in the index before it is cleared of them. */
const MOST_STALE = 1_024;

/** A message of which something waits. */
export type WaitingMessage = {
  readonly connection: Connection;
  readonly isSync: boolean;
  /** Its number, for the receipts. */
  readonly n: number;
  bytes: number;
  /** How many of its parts wait. */
  parts: number;
  isDropped: boolean;
};

type PartOf = { readonly message: WaitingMessage };
export type WaitingPart =
  | (PartOf & { readonly type: "structs"; readonly bytes: Uint8Array; structs: WaitingStructs })
  | (PartOf & { readonly type: "delete"; readonly range: WaitingDelete });

const missingOf = (part: WaitingPart): { readonly client: number; readonly clock: number } =>
  part.type === "structs"
    ? part.structs.missing
    : { client: part.range.client, clock: part.range.clock + part.range.length - 1 };

const sizeOf = (part: WaitingPart): number => PART_BYTES + (part.type === "structs" ? part.bytes.byteLength : 0);

export class WaitingParts {
  readonly #connectionBytes: number;
  /** By client id: the parts that wait for a clock of it. */
  readonly #index = new Map<number, ClockHeap<WaitingPart>>();
  /** In the order in which they came. */
  readonly #messages = new Set<WaitingMessage>();
  readonly #byConnection = new Map<Connection, Set<WaitingMessage>>();
  readonly #bytesOf = new Map<Connection, number>();
  #bytes = 0;
  /** Parts in the index, and how many of them are dropped. */
  #indexed = 0;
  #stale = 0;

  /** @param connectionBytes what may wait of one connection. */
  constructor(connectionBytes: number) {
    this.#connectionBytes = connectionBytes;
  }

  /** Whether anything of a connection waits. */
  has(connection: Connection): boolean {
    return this.#byConnection.has(connection);
  }

  /** Keeps a part of a message. @returns the messages that were dropped for it, perhaps its own. */
  add(part: WaitingPart): WaitingMessage[] {
    const { message } = part;
    if (message.isDropped) return [];
    this.#count(message, sizeOf(part));
    message.parts++;
    this.addAgain(part);
    return this.#dropTooMany(message.connection);
  }

  /** Keeps a part that was taken out and still waits for something. */
  addAgain(part: WaitingPart): void {
    const { client, clock } = missingOf(part);
    let heap = this.#index.get(client);
    if (heap === undefined) this.#index.set(client, (heap = new ClockHeap()));
    heap.push(clock, part);
    this.#indexed++;
  }

  /** Takes out a part that waits for an id of this client below a clock; it counts until it is done. */
  take(client: number, heldUpTo: number): WaitingPart | undefined {
    const heap = this.#index.get(client);
    if (heap === undefined) return undefined;
    for (let part = heap.popBelow(heldUpTo); part !== undefined; part = heap.popBelow(heldUpTo)) {
      this.#indexed--;
      if (heap.size === 0) this.#index.delete(client);
      if (!part.message.isDropped) return part;
      this.#stale--;
    }
    return undefined;
  }

  /** A part that was taken out is done with. @returns whether nothing of its message waits any more. */
  done(part: WaitingPart): boolean {
    const { message } = part;
    if (message.isDropped) return false;
    this.#count(message, -sizeOf(part));
    if (--message.parts > 0) return false;
    this.#forget(message);
    return true;
  }

  /** Forgets what a connection sent. @returns the messages of which something waited. */
  drop(connection: Connection): WaitingMessage[] {
    const messages = [...(this.#byConnection.get(connection) ?? [])];
    for (const message of messages) this.#drop(message);
    return messages;
  }

  #count(message: WaitingMessage, bytes: number): void {
    const { connection } = message;
    message.bytes += bytes;
    this.#bytes += bytes;
    this.#bytesOf.set(connection, (this.#bytesOf.get(connection) ?? 0) + bytes);
    if (this.#messages.has(message)) return;
    this.#messages.add(message);
    const others = this.#byConnection.get(connection);
    if (others === undefined) this.#byConnection.set(connection, new Set([message]));
    else others.add(message);
  }

  #dropTooMany(connection: Connection): WaitingMessage[] {
    const dropped: WaitingMessage[] = [];
    const dropOldest = (messages: ReadonlySet<WaitingMessage>): void => {
      const [oldest] = messages;
      this.#drop(oldest!);
      dropped.push(oldest!);
    };
    while ((this.#bytesOf.get(connection) ?? 0) > this.#connectionBytes) {
      dropOldest(this.#byConnection.get(connection)!);
    }
    while (this.#bytes > this.#connectionBytes * CONNECTIONS_IN_FULL) dropOldest(this.#messages);
    return dropped;
  }

  #drop(message: WaitingMessage): void {
    message.isDropped = true;
    this.#stale += message.parts;
    this.#forget(message);
    if (this.#stale <= MOST_STALE || this.#stale * 2 <= this.#indexed) return;
    // At least half of what is looked at goes, so that each part is looked at about twice.
    this.#indexed = 0;
    this.#stale = 0;
    for (const [client, heap] of this.#index) {
      heap.filter((part) => !part.message.isDropped);
      this.#indexed += heap.size;
      if (heap.size === 0) this.#index.delete(client);
    }
  }

  #forget(message: WaitingMessage): void {
    const { connection } = message;
    this.#messages.delete(message);
    this.#bytes -= message.bytes;
    const left = (this.#bytesOf.get(connection) ?? 0) - message.bytes;
    message.bytes = 0;
    const others = this.#byConnection.get(connection);
    others?.delete(message);
    if (others?.size === 0) {
      this.#byConnection.delete(connection);
      this.#bytesOf.delete(connection);
    } else this.#bytesOf.set(connection, left);
  }
}
