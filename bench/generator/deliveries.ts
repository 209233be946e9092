/**
 * Counts deliveries: which receiver has which update, and when the last receiver got it. An update is a range of one
 * writer's clock, so it makes no difference in which frames, writes or merged updates it arrives.
 */

export class Deliveries {
  readonly #firstClientId: number;
  readonly #updatesEach: number;
  /** When an update was sent, and how many receivers still lack it; by writer and clock. */
  readonly #sentAtMs: Float64Array;
  readonly #lacking: Int32Array;
  /** The clock up to which everything has arrived; by receiver and writer. */
  readonly #heldUpTo: Int32Array;
  readonly #writers: number;
  /** Ranges that arrived before an earlier range: receiver × writers + writer → clock → end. */
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

  /** A writer has sent its next update, which `receivers` others should get. */
  sent(writer: number, clock: number, receivers: number, nowMs: number): void {
    const update = writer * this.#updatesEach + clock;
    this.#sentAtMs[update] = nowMs;
    this.#lacking[update] = receivers;
    this.#outstanding += receivers;
  }

  /** A receiver has got a writer's structs from `clock` up to `end`. What it held before does not count again. */
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

  /** Forgets the deliveries of the warm-up. Call it when nothing is outstanding. */
  startOver(): void {
    this.#latenciesMs.length = 0;
    this.#delivered = 0;
  }

  get delivered(): number {
    return this.#delivered;
  }

  /** Deliveries that have not arrived. */
  get outstanding(): number {
    return this.#outstanding;
  }

  /**
   * For each update the time until the last receiver had it, in ms. For an update that some receiver never got, the
   * time until `nowMs`, which is a lower bound.
   */
  latenciesMs(nowMs: number): readonly number[] {
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
