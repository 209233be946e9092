/**
 * Accepts content from clients: asks the guard about the bytes of an update and the authors about its sender, stores
 * and forwards what both let pass, and keeps what refers to something unknown until that is held.
 */
import { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Clock } from "../../../src/clock.ts";
import type { Limits } from "../../config/limits.ts";
import type { Authors } from "../../guard/authors.ts";
import type { AdmitOptions, AdmitResult, Missing } from "../../guard/guard.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { Receipts } from "../connection/receipts.ts";
import type { Rejections } from "../connection/rejections.ts";
import type { Compactor } from "./compactor.ts";
import type { HeldContent } from "./held-content.ts";
import type { Sync } from "./sync.ts";

/** How long content that may have been lost is accepted from anybody, in ms. */
export const RECOVERY_MS = 10 * 60_000;
/** Cost of a pending update beside its bytes: each is checked whenever something new is accepted. */
const PENDING_OVERHEAD_BYTES = 1024;

/** A SyncStep2, which repeats what others wrote, or an edit as it happens. */
export type UpdateKind = "sync" | "edit";
/** `retry`: either of them once more, after it was pending. */
type OfferKind = UpdateKind | "retry";

/** What became of an update: what it still waits for, and whether anything of it was accepted. */
type Offered = { readonly missing: readonly Missing[]; readonly changed: boolean };

/** An update of which some part refers to what the relay does not hold yet. */
type PendingUpdate = {
  readonly update: Uint8Array;
  readonly missing: readonly Missing[];
  /** Its number among the sender's messages; see `Receipts`. */
  readonly n: number;
};
const sizeOf = ({ update }: PendingUpdate): number => update.byteLength + PENDING_OVERHEAD_BYTES;
/** Those of one connection, and what they cost. */
type Pending = { readonly updates: PendingUpdate[]; bytes: number };

/** What is admitted of an update while the room's content is set aside. */
const NOTHING_ADMITTED: AdmitResult = { accepted: null, missing: [], written: [], blocked: [], count: 0 };

export type IntakeContext = {
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "documentBytes" | "pendingBytes">;
};

export type IntakeOptions = {
  /** The room's name. */
  readonly room: string;
  readonly held: HeldContent;
  readonly authors: Authors<Connection>;
  readonly rejections: Rejections;
  readonly receipts: Receipts;
  readonly sync: Sync;
  readonly outbox: Outbox;
  readonly compactor: Compactor;
  /** Closes a connection that has broken a limit. */
  readonly close: (connection: Connection, code: CloseCode, reason: string) => void;
};

export class Intake {
  readonly #context: IntakeContext;
  readonly #options: IntakeOptions;
  /** Until when clients may bring what others wrote, because the store may have lost it; ms since the epoch. */
  #recoversUntil = 0;
  readonly #pending = new Map<Connection, Pending>();

  constructor(context: IntakeContext, options: IntakeOptions) {
    this.#context = context;
    this.#options = options;
  }

  /** The store may have lost content: until then (ms since the epoch) it is accepted from anybody. */
  recover(until: number): void {
    this.#recoversUntil = Math.max(this.#recoversUntil, until);
  }

  /** Accepts an update, as far as possible. @throws MalformedError if it cannot be read. */
  receive(connection: Connection, update: Uint8Array, kind: UpdateKind): void {
    const { receipts } = this.#options;
    const n = receipts.received(connection, kind === "sync");
    const { documentBytes } = this.#context.limits;
    const { content } = this.#options.held;
    if (content === null) return;
    if (content.bytes + update.byteLength > documentBytes) {
      const reason = `document larger than ${documentBytes} bytes (limit-document-bytes)`;
      if (!connection.speaksSession) return this.#options.close(connection, CloseCode.tooLarge, reason);
      receipts.refused(connection, n, "document-full");
      return receipts.settled(connection, n);
    }
    const { missing, changed } = this.#offer(connection, update, kind);
    // A copy: a view would keep the whole message in memory.
    if (missing.length > 0) this.#keepPending(connection, { update: update.slice(), missing, n });
    else receipts.settled(connection, n);
    if (changed) this.#retryPending();
  }

  /** Does not accept an update, since content is withheld. */
  withhold(connection: Connection, kind: UpdateKind): void {
    const { receipts } = this.#options;
    receipts.withheld(connection, receipts.received(connection, kind === "sync"));
  }

  /** Forgets what a connection sent that still waits for something. */
  dropPending(connection: Connection): void {
    for (const { n } of this.#pending.get(connection)?.updates ?? []) this.#options.receipts.withheld(connection, n);
    this.#pending.delete(connection);
  }

  /** The room is about to leave memory. */
  prepareUnload(): void {
    this.#options.compactor.prepareUnload();
  }

  /** Stores and forwards what is accepted of an update. */
  #offer(connection: Connection, update: Uint8Array, kind: OfferKind): Offered {
    const { accepted, missing } = this.#admit(connection, update, kind);
    if (accepted === null) return { missing, changed: false };
    const { held, outbox, sync, room, compactor } = this.#options;
    sync.contentChanged();
    const kept = outbox.forward(accepted, connection);
    held.use((content) => content.add(kept));
    outbox.store({ type: "append-content", room, update: kept });
    compactor.runIfWorthIt();
    return { missing, changed: true };
  }

  #admit(connection: Connection, update: Uint8Array, kind: OfferKind): AdmitResult {
    const { held, authors, rejections } = this.#options;
    const { content, guard } = held;
    if (content === null || guard === null) return NOTHING_ADMITTED;
    const isRecovery = kind === "sync" && this.#context.clock.now() < this.#recoversUntil;
    const options: AdmitOptions = {
      maxStructs: Infinity,
      mayWrite: (client) => authors.mayWrite(client, connection, isRecovery),
      isEntry: content.isEntry.bind(content),
      // A SyncStep2 repeats all deletes of the document, and an update that was pending those that were accepted then.
      ...(kind === "edit" ? {} : { isDeleted: content.isDeleted.bind(content) }),
    };
    const result = guard.admit(update, options);
    connection.rate.takeStructs(result.count);
    for (const client of result.written) authors.claim(client, connection, isRecovery);
    for (const client of result.blocked) rejections.add(connection, authors.otherOwner(client, connection));
    return result;
  }

  #keepPending(connection: Connection, update: PendingUpdate): void {
    const { pendingBytes } = this.#context.limits;
    const pending = this.#pending.get(connection) ?? { updates: [], bytes: 0 };
    pending.updates.push(update);
    pending.bytes += sizeOf(update);
    if (pending.bytes > pendingBytes) {
      const reason = `more than ${pendingBytes} bytes wait for missing updates`;
      return this.#options.close(connection, CloseCode.tryAgainLater, reason);
    }
    // The sender holds what it refers to, and answers this with all of it.
    if (pending.updates.length === 1) this.#options.sync.requestMissing(connection);
    this.#pending.set(connection, pending);
  }

  /** Offers again what waits for something that is held now, as long as something is accepted. */
  #retryPending(): void {
    for (let changed = true; changed && this.#pending.size > 0;) {
      changed = false;
      for (const [connection, { updates }] of this.#pending) changed = this.#retry(connection, updates) || changed;
    }
  }

  /** @returns whether anything was accepted. */
  #retry(connection: Connection, updates: readonly PendingUpdate[]): boolean {
    const { guard } = this.#options.held;
    if (guard === null) return false;
    const isReady = ({ missing }: PendingUpdate): boolean => missing.some((id) => guard.holds(id));
    if (!updates.some(isReady)) return false;
    let changed = false;
    const left: Pending = { updates: [], bytes: 0 };
    const keep = (update: PendingUpdate): void => {
      left.updates.push(update);
      left.bytes += sizeOf(update);
    };
    for (const each of updates) {
      if (!isReady(each)) {
        keep(each);
        continue;
      }
      const offered = this.#offer(connection, each.update, "retry");
      changed ||= offered.changed;
      if (offered.missing.length > 0) keep({ ...each, missing: offered.missing });
      else this.#options.receipts.settled(connection, each.n);
    }
    if (left.updates.length > 0) this.#pending.set(connection, left);
    else this.#pending.delete(connection);
    return changed;
  }
}
