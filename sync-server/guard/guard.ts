/**
 * The guard decides which parts of a client's update enter the room (docs/guard.md has the argument). Who may
 * write under which client id is not its decision: it asks `mayWrite`.
 *
 * For each client id it keeps up to which clock the relay holds structs, and which of them were forbidden. Of an
 * update it accepts only what refers to held structs, in an order in which a peer can integrate it; forbidden
 * structs become GC structs of equal length, so that clocks have no gaps. By induction nothing accepted is below
 * the protected root, and no accepted update waits in a peer's document for something that is still to come.
 *
 * It works in two steps: `plan` changes nothing, and what throws in it leaves no trace; `commit` counts what is
 * accepted as held.
 */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { SESSION_ROOT } from "../../src/session/session.ts";
import { RangeSet } from "../update/ranges.ts";
import { scanSlices, scanStructs } from "../update/scan.ts";
import type { ScannedUpdate } from "../update/scan.ts";
import { finish, UNSLICED } from "../update/slice.ts";
import type { Slice } from "../update/slice.ts";
import { Plan } from "./plan.ts";
import type { AdmitOptions, AdmitResult, Missing } from "./admit-result.ts";

const PROTECTED_ROOT = new TextEncoder().encode(SESSION_ROOT);

const NONE_RESERVED = (): boolean => false;

export class Guard {
  /** For each client id, the clock after the last held struct. */
  readonly #held: Map<number, number>;
  readonly #forbidden = new RangeSet();
  /** Those of `#forbidden` that were added since `takeChanges`. */
  #newlyForbidden = new RangeSet();
  readonly #isReserved: (client: number) => boolean;

  /**
   * @param held the content's state vector.
   * @param records what `encode` and `takeChanges` returned, all of them; none for a new room.
   * @param isReserved whether a client id is or was one of the room's ledgers'.
   */
  constructor(
    held: Map<number, number>,
    records: readonly Uint8Array[] = [],
    isReserved: (client: number) => boolean = NONE_RESERVED,
  ) {
    this.#held = held;
    this.#isReserved = isReserved;
    for (const record of records) this.#forbidden.read(decoding.createDecoder(record));
  }

  /** What must be stored beside the content: the forbidden ranges, which in the content are GC like any other. */
  encode(): Uint8Array {
    return encoding.encode((encoder) => this.#forbidden.write(encoder));
  }

  /** What was added to that since the last time; `null` if nothing was. */
  takeChanges(): Uint8Array | null {
    if (this.#newlyForbidden.isEmpty) return null;
    const changes = this.#newlyForbidden;
    this.#newlyForbidden = new RangeSet();
    return encoding.encode((encoder) => changes.write(encoder));
  }

  /** The state vector of the content; the guard's own map, not to be changed. */
  get held(): ReadonlyMap<number, number> {
    return this.#held;
  }

  /** The clock after the last held struct of a client. */
  heldUpTo(client: number): number {
    return this.#held.get(client) ?? 0;
  }

  /** Whether an id is held. */
  holds({ client, clock }: Missing): boolean {
    return clock < this.heldUpTo(client);
  }

  /**
   * Looks at an update, and counts what it accepts as held from now on.
   *
   * @throws MalformedError if the update cannot be read.
   */
  admit(bytes: Uint8Array, options: AdmitOptions = {}): AdmitResult {
    return this.commit(finish(this.plan(bytes, options, UNSLICED)));
  }

  /**
   * Finds out what becomes of an update, in slices. Between them nothing else may be committed.
   *
   * @throws MalformedError if the update cannot be read.
   */
  *plan(bytes: Uint8Array, options: AdmitOptions, slice: Slice): Generator<undefined, Plan> {
    return yield* this.planScanned(yield* scanSlices(bytes, PROTECTED_ROOT, slice), options, slice);
  }

  /** The same for an update that is scanned. */
  *planScanned(update: ScannedUpdate, options: AdmitOptions, slice: Slice): Generator<undefined, Plan> {
    const context = { held: this.#held, forbidden: this.#forbidden, isReserved: this.#isReserved };
    const plan = new Plan(context, update, options, slice);
    yield* plan.run();
    return plan;
  }

  /** Counts what a plan accepts as held. */
  commit(plan: Plan): AdmitResult {
    for (const { client, taken, heldUpTo } of plan.advanced) if (taken.length > 0) this.#held.set(client, heldUpTo);
    const { newlyForbidden } = plan;
    if (newlyForbidden !== null) {
      this.#forbidden.addAll(newlyForbidden);
      this.#newlyForbidden.addAll(newlyForbidden);
    }
    return plan.result;
  }
}

/** Some structs of a part that waited, as an update of their own. */
export const scanWaiting = (
  bytes: Uint8Array,
  part: { readonly client: number; readonly start: number; readonly end: number; readonly clock: number },
  most: number,
): ScannedUpdate => {
  const structs = scanStructs(bytes, part, PROTECTED_ROOT, most);
  return { bytes, sections: [{ client: part.client, structs }], deletes: [], count: structs.length, exact: false };
};
