/**
 * The memory that messages take which have not arrived completely, of all connections together. Above its limit their
 * senders are read slowly, and the one whose message began first is closed if it has taken long.
 */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";

/** Of all connections; several times the largest message. */
const MOST_BYTES = 256 * 1024 * 1024;
/** A message that takes no more does not count. */
const SMALL_BYTES = 64 * 1024;
/** How long a message may take while too much is unfinished, in ms: the largest takes half of it at the greatest rate. */
const LONGEST_MS = 30_000;
/** How long a sender is not read then, in ms; one chunk is read in between. */
const PAUSE_MS = 1_000;

type Sender = { pause(ms: number): unknown; refuse(code: CloseCode, reason: string): void };
type Message = { bytes: number; readonly since: number };

export class UnfinishedMessages {
  readonly #clock: Pick<Clock, "now">;
  readonly #mostBytes: number;
  /** In the order in which they began. */
  readonly #messages = new Map<Sender, Message>();
  #bytes = 0;

  constructor(clock: Pick<Clock, "now">, mostBytes = MOST_BYTES) {
    this.#clock = clock;
    this.#mostBytes = mostBytes;
  }

  /** Bytes of a sender have arrived. @param bytes how many its message takes now; 0 if it is complete. */
  received(sender: Sender, bytes: number): void {
    if (bytes <= SMALL_BYTES) return this.delete(sender);
    let message = this.#messages.get(sender);
    if (message === undefined) this.#messages.set(sender, (message = { bytes: 0, since: this.#clock.now() }));
    this.#bytes += bytes - message.bytes;
    message.bytes = bytes;
    if (this.#bytes > this.#mostBytes) this.#slowDown(sender);
  }

  delete(sender: Sender): void {
    const message = this.#messages.get(sender);
    if (message === undefined) return;
    this.#messages.delete(sender);
    this.#bytes -= message.bytes;
  }

  #slowDown(sender: Sender): void {
    const [first] = this.#messages;
    const [oldest, { since }] = first!;
    if (this.#clock.now() - since >= LONGEST_MS) {
      this.delete(oldest);
      oldest.refuse(CloseCode.tryAgainLater, `more than ${this.#mostBytes} bytes of unfinished messages`);
    }
    if (oldest !== sender) sender.pause(PAUSE_MS);
  }
}
