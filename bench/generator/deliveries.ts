/**
 * Counts deliveries: who has which update, and when the last of those who should have it did. An update is a
 * stretch of one writer's clock, so it does not matter in which frames, writes or merged updates it comes.
 */

export type Latencies = readonly number[];

export class Deliveries {
  readonly #firstClientId: number;
  readonly #updatesEach: number;
  /** By writer and clock: when it was sent, and how many receivers still lack it. */
  readonly #sentAtMs: Float64Array;
  readonly #lacking: Int32Array;
  /** By receiver and writer: the clock up to which all has come. */
  readonly #heldUpTo: Int32Array;
  readonly #writers: number;
  /** Stretches that came before what precedes them: receiver × writers + writer → clock → end. */
  readonly #early = new Map<number, Map<number, number>>();
  readonly #latenciesMs: number[] = [];
  #delivered = 0;
  #outstanding = 0;

  /** @param firstClientId writer w has the client id `firstClientId + w`. */
  constructor(firstClientId: number, writers: number, receivers: number, updatesEach: number) {
    this.#firstClientId = firstClientId;
    this.#writers = writers;
    this.#updatesEach = updatesEach;
    this.#sentAtMs = new Float64Array(writers * updatesEach);
    this.#lacking = new Int32Array(writers * updatesEach);
    this.#heldUpTo = new Int32Array(writers * receivers);
  }

  /** A writer sends its next update, to so many others. */
  sent(writer: number, clock: number, receivers: number, nowMs: number): void {
    const update = writer * this.#updatesEach + clock;
    this.#sentAtMs[update] = nowMs;
    this.#lacking[update] = receivers;
    this.#outstanding += receivers;
  }

  /** A receiver holds a writer's structs from `clock` up to `end`; its own do not count, nor what it held. */
  received(receiver: number, clientId: number, clock: number, end: number, nowMs: number): void {
    const writer = clientId - this.#firstClientId;
    if (writer < 0 || writer >= this.#writers) return;
    const pair = receiver * this.#writers + writer;
    const heldUpTo = this.#heldUpTo[pair]!;
    if (end <= heldUpTo) return;
    if (clock > heldUpTo) {
      const early = this.#early.get(pair) ?? new Map<number, number>();
      this.#early.set(pair, early.set(clock, end));
      return;
    }
    this.#heldUpTo[pair] = end;
    for (let each = heldUpTo; each < end; each++) {
      const update = writer * this.#updatesEach + each;
      this.#delivered++;
      this.#outstanding--;
      if (--this.#lacking[update]! === 0) this.#latenciesMs.push(nowMs - this.#sentAtMs[update]!);
    }
    this.#catchUp(receiver, clientId, pair, nowMs);
  }

  /** What came so far was only to warm up; to be called when nothing is outstanding. */
  startOver(): void {
    this.#latenciesMs.length = 0;
    this.#delivered = 0;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Deliveries that have not come. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * Of each update, the time until the last receiver had it, in ms; for one that somebody never got, the time
   * until `nowMs`, which is less than it would have taken.
   */
  latenciesMs(nowMs: number): Latencies {
    const missing: number[] = [];
    this.#lacking.forEach((lacking, update) => {
      if (lacking > 0) missing.push(nowMs - this.#sentAtMs[update]!);
    });
    return [...this.#latenciesMs, ...missing];
  }

  #catchUp(receiver: number, clientId: number, pair: number, nowMs: number): void {
    const early = this.#early.get(pair);
    if (early === undefined) return;
    for (const [clock, end] of early) {
      if (clock > this.#heldUpTo[pair]!) continue;
      early.delete(clock);
      if (early.size === 0) this.#early.delete(pair);
      return this.received(receiver, clientId, clock, end, nowMs);
    }
  }
}
