/**
 * Acknowledgements and refusals of what clients write (docs/SPEC.md, W15 to W18). The sync messages (SyncStep2 and
 * Update) of each connection are numbered; a `session-room.v1` client is sent up to which number all are settled,
 * gathered, and never before the commit. Stock clients cannot be sent either: a refusal closes them.
 */
import { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Clock } from "../../../src/clock.ts";
import type { ContentRefusal, RefusedMessage, SignedCount } from "../../../src/protocol/protocol.ts";
import type { Connection } from "./connection.ts";
import { sessionFrame } from "./messages.ts";
import type { Outbox } from "./outbox.ts";

/** How long acknowledgements and refusals may wait for more, in ms. */
const GATHER_MS = 100;

/** Texts for people who read logs and close frames; at most 123 bytes. */
const REFUSALS: Readonly<Record<ContentRefusal, string>> = {
  "document-full": "The document is full.",
  "other-author": "This belongs to somebody else: it is written under another person's Yjs client id.",
  forbidden: "This refers to something that clients must not write.",
  "too-deep": "This is nested too deep.",
  "too-large": "This is larger than is allowed.",
  "awareness-too-large": "The awareness state is larger than is allowed.",
};

/** Refusals after which a stock client goes on: it loses nothing that was written, or deletes can make room. */
const LEAVES_STOCK_CLIENTS: ReadonlySet<ContentRefusal> = new Set(["document-full", "awareness-too-large"]);

/** What one connection has sent, and what became of it. */
type Sent = {
  count: number;
  /** Numbers that are not settled, in order; whether each is a SyncStep2. */
  readonly open: Map<number, boolean>;
  /** Numbers of the first and the last message that was dropped untaken; 0: none. */
  firstWithheld: number;
  lastWithheld: number;
  /** The number that the client was sent last. */
  acknowledged: number;
  refusals: RefusedMessage[];
};

export type ReceiptsContext = {
  readonly clock: Pick<Clock, "gather">;
  readonly outbox: Pick<Outbox, "send">;
  /** Closes a connection because of something that it sent. */
  readonly close: (connection: Connection, code: CloseCode, reason: string) => void;
  /** The room's count of commits; `null` while it is not known. */
  readonly signedCount: () => SignedCount | null;
};

const settledUpTo = ({ count, open, firstWithheld }: Sent): number => {
  const [firstOpen = count + 1] = open.keys();
  return Math.min(firstOpen, firstWithheld || count + 1) - 1;
};

export class Receipts {
  readonly #context: ReceiptsContext;
  readonly #sent = new Map<Connection, Sent>();
  /** Connections that something is to be sent to; not empty: a gathering is planned. */
  readonly #changed = new Set<Connection>();

  constructor(context: ReceiptsContext) {
    this.#context = context;
  }

  /**
   * Numbers a sync message.
   *
   * @param isComplete whether it is a SyncStep2, which holds everything that the relay lacked.
   */
  received(connection: Connection, isComplete: boolean): number {
    // Stock clients are sent nothing, so nothing is counted.
    if (!connection.speaksSession) return 0;
    const sent = this.#of(connection);
    const n = ++sent.count;
    sent.open.set(n, isComplete);
    return n;
  }

  /** All of a message is stored, refused, held already or dropped because it was merely brought. */
  settled(connection: Connection, n: number): void {
    const sent = this.#sent.get(connection);
    const isComplete = sent?.open.get(n);
    if (sent === undefined || isComplete === undefined) return;
    sent.open.delete(n);
    if (isComplete) this.#settleBefore(sent, n);
    if (settledUpTo(sent) > sent.acknowledged) this.#change(connection);
  }

  /**
   * A message was dropped, but not for good: content is withheld, or it waited too long for something. Only a later
   * SyncStep2 can bring it.
   */
  withheld(connection: Connection, n: number): void {
    const sent = this.#sent.get(connection);
    if (sent?.open.delete(n) !== true) return;
    sent.firstWithheld = Math.min(sent.firstWithheld || n, n);
    sent.lastWithheld = Math.max(sent.lastWithheld, n);
  }

  /**
   * Something of a connection's own is refused for good. A message is settled as well once nothing else of it waits.
   *
   * @param n `null`: it was no sync message.
   */
  refused(connection: Connection, n: number | null, code: ContentRefusal): void {
    const message = REFUSALS[code];
    if (!connection.speaksSession) {
      if (!LEAVES_STOCK_CLIENTS.has(code)) this.#context.close(connection, CloseCode.badMessage, message);
      return;
    }
    this.#of(connection).refusals.push({ type: "refused", ...(n === null ? {} : { n }), code, message });
    this.#change(connection);
  }

  forget(connection: Connection): void {
    this.#sent.delete(connection);
    this.#changed.delete(connection);
  }

  #of(connection: Connection): Sent {
    let sent = this.#sent.get(connection);
    if (sent === undefined) {
      sent = { count: 0, open: new Map(), firstWithheld: 0, lastWithheld: 0, acknowledged: 0, refusals: [] };
      this.#sent.set(connection, sent);
    }
    return sent;
  }

  /** A SyncStep2 is settled, so everything that was sent before it is too. */
  #settleBefore(sent: Sent, n: number): void {
    for (const earlier of sent.open.keys()) {
      if (earlier > n) break;
      sent.open.delete(earlier);
    }
    if (sent.lastWithheld < n) sent.firstWithheld = sent.lastWithheld = 0;
    // Which of those between was the next is not known, so that everything after this one waits for the last.
    else if (sent.firstWithheld !== 0) sent.firstWithheld = Math.max(sent.firstWithheld, n + 1);
  }

  #change(connection: Connection): void {
    if (this.#changed.size === 0) this.#context.clock.gather(GATHER_MS, this.#send);
    this.#changed.add(connection);
  }

  readonly #send = (): void => {
    const { outbox, signedCount } = this.#context;
    const connections = [...this.#changed];
    this.#changed.clear();
    if (connections.length === 0) return;
    const count = signedCount();
    for (const connection of connections) {
      const sent = this.#of(connection);
      for (const refusal of sent.refusals) outbox.send(connection, sessionFrame(refusal));
      sent.refusals = [];
      const n = settledUpTo(sent);
      if (n <= sent.acknowledged) continue;
      sent.acknowledged = n;
      outbox.send(connection, sessionFrame({ type: "saved", n, ...count }));
    }
  };
}
