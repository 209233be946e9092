/**
 * What a room does when its store may be an older copy. Acknowledgements carry a signed count of the room's commits of
 * content. A client that shows a count above the store's proves that content was lost, and opens the recovery of the
 * room; nothing else does, so that nobody can claim a loss (docs/SPEC.md, R9). That the ledger is outdated needs no
 * proof, since a new one changes nothing (S5).
 */
import type { Clock } from "../../../src/clock.ts";
import type { SignedCount } from "../../../src/protocol/protocol.ts";
import type { CommitProofs } from "../../auth/commit-proof.ts";
import { leastLedgerIdAt, MAX_FORMER_LEDGERS } from "./ledger-ids.ts";
import type { RoomSession } from "./room-session.ts";

/** How long content of absent people is accepted from anybody after a loss was proved, in ms. */
export const RECOVERY_MS = 10 * 60_000;

/** New ledgers that clients can cause without a proof while the room is in memory. */
const MAX_UNPROVEN_RENEWALS = 8;

export type RecoveryContext = {
  readonly clock: Pick<Clock, "now">;
  readonly proofs: Pick<CommitProofs, "sign" | "verify">;
  /** When this relay started. */
  readonly startedAt: number;
};

export type RecoveryOptions = {
  /** The room's name. */
  readonly room: string;
  /** How often content was appended in the store. */
  readonly count: number;
  readonly session: Pick<RoomSession, "ledger" | "formerLedgers" | "recoversUntil" | "renewLedger">;
  /** Whether the content holds structs under a client id. */
  readonly isHeld: (client: number) => boolean;
};

export class Recovery {
  readonly #context: RecoveryContext;
  readonly #options: RecoveryOptions;
  #count: number;
  #unprovenRenewals = 0;
  /** The last answer of `signedCount`, for as long as nothing changes. */
  #signed: SignedCount | null = null;

  constructor(context: RecoveryContext, options: RecoveryOptions) {
    this.#context = context;
    this.#options = options;
    this.#count = options.count;
  }

  /** Whether content of absent people is accepted from anybody, by SyncStep2. */
  get isOpen(): boolean {
    return this.#context.clock.now() < this.#options.session.recoversUntil;
  }

  /** Content was appended; to be called for each such write. */
  contentAppended(): void {
    this.#count++;
    this.#signed = null;
  }

  /** The count for an acknowledgement, which must be sent only after what was appended so far is committed. */
  signedCount(): SignedCount {
    const { room, session } = this.#options;
    const { id } = session.ledger;
    if (this.#signed?.ledger !== id) this.#signed = this.#context.proofs.sign(room, id, this.#count);
    return this.#signed;
  }

  /**
   * Opens the recovery if a count that a client has seen proves that the store has lost something. Each loss is proved
   * once: the ledger of the proof is a former one afterwards.
   *
   * @returns whether it does.
   */
  prove(seen: SignedCount): boolean {
    const { clock, proofs } = this.#context;
    const { room, session, isHeld } = this.#options;
    if (!this.#isNews(seen) || !proofs.verify(room, seen)) return false;
    session.renewLedger(isHeld, { lostId: seen.ledger, until: clock.now() + RECOVERY_MS });
    return true;
  }

  /** Renews the ledger if a client's state vector shows that it is outdated. @throws MalformedError */
  checkLedger(stateVector: Uint8Array): void {
    const { session, isHeld } = this.#options;
    if (!session.ledger.isOutdatedBy(stateVector, leastLedgerIdAt(this.#context.startedAt))) return;
    if (this.#unprovenRenewals >= MAX_UNPROVEN_RENEWALS) return;
    this.#unprovenRenewals++;
    session.renewLedger(isHeld);
  }

  #isNews({ ledger, count }: SignedCount): boolean {
    const { ledger: current, formerLedgers } = this.#options.session;
    if (ledger === current.id) return count > this.#count;
    if (formerLedgers.some(({ id }) => id === ledger)) return false;
    // Of older ledgers than the list reaches back to it is not known whether they were proved before.
    return formerLedgers.length < MAX_FORMER_LEDGERS || ledger > formerLedgers[0]!.id;
  }
}
