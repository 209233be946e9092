/**
 * Brings content to the connections that do not get it as it comes: those that have asked with a SyncStep1, and those
 * that read so slowly that it would pile up here. They get it in pieces, the next one when their socket has taken the
 * last; when they have caught up, they get content as it comes again.
 */
import type { Clock } from "../../../src/clock.ts";
import type { Connection } from "../connection/connection.ts";
import { GATHER_MS } from "../connection/outbox.ts";
import type { Outbox } from "../connection/outbox.ts";
import { EMPTY_PIECE } from "./answers.ts";
import type { Answers, ContentPiece, Pieces } from "./answers.ts";

export type FeedsOptions = {
  readonly clock: Pick<Clock, "gather">;
  readonly outbox: Outbox;
  readonly answers: Answers;
  /** While a socket has so many bytes unread, the next piece waits. */
  readonly windowBytes: number;
  /** Whether something is being added whose addition began in an earlier turn: it may be forwarded already. */
  readonly isAdding: () => boolean;
  /** Called when a connection that has missed presence meanwhile has caught up. */
  readonly onCaughtUp: (connection: Connection) => void;
};

type Feed = {
  pieces: Pieces;
  /** The next piece, if it was read before: whether there is one decides what the last is sent as. */
  next: ContentPiece | null;
  /** Whether a SyncStep2 must complete it. */
  isAnswer: boolean;
  /** Whether it has waited for the socket. */
  hasWaited: boolean;
};

export class Feeds {
  readonly #options: FeedsOptions;
  readonly #feeds = new Map<Connection, Feed>();

  constructor(options: FeedsOptions) {
    this.#options = options;
  }

  /** Sends what a client with this state vector lacks. @throws MalformedError if it cannot be read. */
  answer(connection: Connection, stateVector: Uint8Array): void {
    const pieces = this.#options.answers.open(stateVector);
    this.#replace(connection, pieces, true);
    this.#pump(connection);
  }

  /** A connection has too much unread: what comes from now on waits until it has read that. */
  slowDown(connection: Connection): void {
    if (this.#feeds.has(connection) || !this.#options.outbox.isSubscribed(connection)) return;
    this.#replace(connection, this.#options.answers.openLater(), false);
    this.#waitForSocket(connection);
  }

  /** Nothing more is sent to a connection. */
  stop(connection: Connection): void {
    const feed = this.#feeds.get(connection);
    if (feed === undefined) return;
    feed.pieces.close();
    this.#feeds.delete(connection);
    this.#options.outbox.setBehind(connection, false);
  }

  #replace(connection: Connection, pieces: Pieces, isAnswer: boolean): void {
    const former = this.#feeds.get(connection);
    former?.pieces.close();
    const hasWaited = former?.hasWaited ?? false;
    this.#feeds.set(connection, { pieces, next: null, isAnswer, hasWaited });
  }

  /** Sends pieces as far as the socket takes them. */
  #pump(connection: Connection): void {
    const feed = this.#feeds.get(connection);
    if (feed === undefined) return;
    const { outbox } = this.#options;
    const { windowBytes, isAdding } = this.#options;
    let unreadBytes = connection.socket.unreadBytes;
    while (unreadBytes < windowBytes) {
      const piece = feed.next ?? feed.pieces.next();
      feed.next = null;
      if (piece === null) return this.#end(connection, feed);
      unreadBytes += piece.bytes;
      // Mostly one piece is all. A connection that waits keeps none here.
      feed.next = unreadBytes < windowBytes ? feed.pieces.next() : null;
      const completes = feed.isAnswer && feed.next === null && unreadBytes < windowBytes && !isAdding();
      if (completes) feed.isAnswer = false;
      outbox.send(connection, piece.frame(completes));
      if (feed.next === null && unreadBytes < windowBytes) return this.#end(connection, feed);
    }
    this.#waitForSocket(connection);
  }

  /** The client has been sent all that is held. */
  #end(connection: Connection, feed: Feed): void {
    const { outbox, answers, clock, isAdding } = this.#options;
    if (!isAdding()) {
      if (feed.isAnswer) outbox.send(connection, EMPTY_PIECE.frame(true));
      return this.#caughtUp(connection, feed);
    }
    // What is being added may have been forwarded before, and not be in the pieces yet.
    feed.pieces.close();
    feed.pieces = answers.openLater();
    this.#wait(connection, feed);
    clock.gather(GATHER_MS, () => {
      if (this.#feeds.get(connection) === feed) this.#pump(connection);
    });
  }

  /** Goes on when what was sent is committed, and the socket has taken it. */
  #waitForSocket(connection: Connection): void {
    const feed = this.#feeds.get(connection)!;
    this.#wait(connection, feed);
    const isCurrent = (): boolean => this.#feeds.get(connection) === feed;
    const goOn = (): void => {
      if (isCurrent()) this.#pump(connection);
    };
    const { outbox, windowBytes } = this.#options;
    outbox.afterCommit(() => {
      if (isCurrent()) connection.socket.whenRead(windowBytes, goOn);
    });
  }

  #wait(connection: Connection, feed: Feed): void {
    feed.hasWaited = true;
    this.#options.outbox.setBehind(connection, true);
  }

  #caughtUp(connection: Connection, feed: Feed): void {
    this.#feeds.delete(connection);
    if (!feed.hasWaited) return;
    this.#options.outbox.setBehind(connection, false);
    this.#options.onCaughtUp(connection);
  }
}
