/**
 * What of the content comes into a room: updates that the guard and their authorship let in are kept
 * and forwarded, those that refer to something unknown wait with their connection.
 */
import { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Clock } from "../../../src/clock.ts";
import type { Connection, PendingUpdate } from "../connection/connection.ts";
import { Content } from "./content.ts";
import { Guard } from "../../guard/guard.ts";
import type { Admission, Missing, Questions } from "../../guard/guard.ts";
import { TooManyStructsError } from "../../guard/update-scan.ts";
import type { Limits } from "../../config/limits.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { StoredRoom } from "../../store/store.ts";

/** How long content that may have been lost is taken back from anybody, in ms. */
export const RECOVERY_MS = 10 * 60_000;
/** Log of the guard that is written anew as one record, once it is as long as that record too. */
const GUARD_FOLD_BYTES = 16 * 1024;
/** What an update that waits costs beside its bytes: each is looked at whenever something new comes in. */
const PENDING_OVERHEAD_BYTES = 1024;

/** A SyncStep2, which repeats what others wrote; an edit as it happens; or either of them once more, after it waited. */
export type UpdateKind = "sync" | "edit";
type OfferKind = UpdateKind | "waited";

/** What became of an update: what it still waits for, and whether anything of it was new. */
type Offered = { readonly missing: readonly Missing[]; readonly news: boolean };

export type IntakeContext = {
  readonly clock: Pick<Clock, "now">;
  readonly limits: Pick<Limits, "documentBytes" | "pendingBytes" | "structsPerSecond">;
};

/** What the intake needs of its room. */
export type IntakeRoom = {
  /** Asks a connection for what the relay lacks. */
  readonly ask: (connection: Connection) => void;
  /** The room holds more than before. */
  readonly changed: () => void;
  readonly close: (connection: Connection, code: CloseCode, reason: string) => void;
};

/** The content with its guard: read from the store's bytes only when somebody needs them. */
type Body = { readonly content: Content; readonly guard: Guard<Connection> };

export class Intake {
  readonly #name: string;
  readonly #context: IntakeContext;
  readonly #room: IntakeRoom;
  readonly #outbox: Outbox;
  #stored: Pick<StoredRoom, "content" | "guard"> | null;
  #body: Body | null = null;
  /** Size of the guard's record as it was written whole last, and of what was appended to it since. */
  #guardBytes = 0;
  #guardLogBytes = 0;
  /** Until when clients may bring what others wrote, because the store may have lost it; ms since the epoch. */
  #recoversUntil = 0;
  /** Of whom something may wait for what is missing. */
  readonly #waiting = new Set<Connection>();

  constructor({ record, content, guard }: StoredRoom, context: IntakeContext, outbox: Outbox, room: IntakeRoom) {
    this.#outbox = outbox;
    this.#name = record.room;
    this.#context = context;
    this.#room = room;
    this.#stored = { content, guard };
  }

  /** For each client id, the clock behind the last struct that the room holds. */
  get held(): ReadonlyMap<number, number> {
    return this.#open().guard.held;
  }

  /** What somebody with this state vector lacks, in order. @throws MalformedError if it cannot be read. */
  encodeSince(stateVector: Uint8Array): readonly [Uint8Array, ...Uint8Array[]] {
    return this.#open().content.encodeSince(stateVector);
  }

  /** Lets go of what is kept only because somebody may ask for it soon. */
  evictCaches(): void {
    this.#body?.content.evictCaches();
  }

  /** The store may have lost content: until then (ms since the epoch) it is taken back from whoever holds it. */
  recover(until: number): void {
    this.#recoversUntil = Math.max(this.#recoversUntil, until);
  }

  /** Takes an update in, as far as it may come in. @throws MalformedError if it cannot be read. */
  receive(connection: Connection, update: Uint8Array, kind: UpdateKind): void {
    const { documentBytes } = this.#context.limits;
    if (this.#open().content.bytes + update.byteLength > documentBytes) {
      const reason = `document larger than ${documentBytes} bytes (limit-document-bytes)`;
      return this.#room.close(connection, CloseCode.tooLarge, reason);
    }
    const offered = this.#offer(connection, update, kind);
    if (offered === null) return;
    const { missing, news } = offered;
    // A copy: as a view it would keep all of what came with it in memory.
    if (missing.length > 0) this.#keepPending(connection, { update: update.slice(), missing });
    if (news) this.#retryPending();
  }

  /** Whether a client id is known to be somebody else's. */
  isForeign(clientId: number, connection: Connection): boolean {
    return this.#open().guard.authors.isForeign(clientId, connection);
  }

  /** Keeps a client id for the connection whose cursor stands under it. */
  reserve(clientId: number, connection: Connection): void {
    this.#open().guard.authors.reserve(clientId, connection);
    this.#keepGuard();
  }

  /** A connection is found to be another author than it seemed. */
  rename(connection: Connection): void {
    this.#open().guard.authors.rename(connection);
    this.#keepGuard();
  }

  /** Gives up a connection's client ids. @returns whether it had any. */
  release(connection: Connection): boolean {
    this.#waiting.delete(connection);
    return this.#body !== null && this.#body.guard.authors.release(connection);
  }

  /** Folds a long log before the room leaves memory. */
  rest(): void {
    const folded = this.#body?.content.foldAtRest() ?? null;
    if (folded !== null) this.#outbox.store({ type: "replace-content", room: this.#name, update: folded });
  }

  /** Lets the guard look at an update; keeps and forwards what it accepts. `null`: there was too much to look at. */
  #offer(connection: Connection, update: Uint8Array, kind: OfferKind): Offered | null {
    const admission = this.#admit(connection, update, kind);
    if (admission === null) return null;
    const { content } = this.#open();
    const { accepted, missing } = admission;
    this.#keepGuard();
    if (accepted === null) return { missing, news: false };
    this.#room.changed();
    const kept = this.#outbox.forward(accepted, connection);
    content.add(kept);
    this.#outbox.store({ type: "append-content", room: this.#name, update: kept });
    const folded = content.foldIfLong();
    if (folded !== null) this.#outbox.store({ type: "replace-content", room: this.#name, update: folded });
    return { missing, news: true };
  }

  #admit(connection: Connection, update: Uint8Array, kind: OfferKind): Admission | null {
    const { content, guard } = this.#open();
    const most = connection.rate.structsLeft;
    const questions: Questions = {
      most,
      mayWrite: (client) => {
        const claim = { isSync: kind === "sync", isRecovering: this.#context.clock.now() < this.#recoversUntil };
        const verdict = guard.authors.claim(client, connection, claim);
        if (!verdict.allowed) {
          // If it is in a dead one's place, it is heard again when that is gone.
          connection.wasRefused = true;
          verdict.owner?.socket.probe();
        }
        return verdict.allowed;
      },
      isEntry: content.isEntry.bind(content),
      // Deletes that were accepted already are no news; an update that waited would bring them for ever.
      ...(kind === "edit" ? {} : { isDeleted: content.isDeleted.bind(content) }),
    };
    try {
      const admission = guard.admit(update, questions);
      connection.rate.takeStructs(admission.count);
      return admission;
    } catch (error) {
      if (!(error instanceof TooManyStructsError)) throw error;
      this.#closeForStructs(connection, most);
      return null;
    }
  }

  #closeForStructs(connection: Connection, most: number): void {
    const { structsAtOnce } = connection.rate;
    // Too many for a connection that had saved all it can: they never come in, however often it returns.
    if (most >= structsAtOnce) {
      const reason = `more than ${structsAtOnce} structs in an update (limit-structs-per-second)`;
      return this.#room.close(connection, CloseCode.tooLarge, reason);
    }
    const { structsPerSecond } = this.#context.limits;
    const reason = `more than ${structsPerSecond} structs a second (limit-structs-per-second)`;
    this.#room.close(connection, CloseCode.tryAgainLater, reason);
  }

  #keepPending(connection: Connection, pending: PendingUpdate): void {
    const { pendingBytes } = this.#context.limits;
    connection.pendingBytes += pending.update.byteLength + PENDING_OVERHEAD_BYTES;
    if (connection.pendingBytes > pendingBytes) {
      const reason = `more than ${pendingBytes} bytes wait for missing updates (limit-pending-bytes)`;
      return this.#room.close(connection, CloseCode.tryAgainLater, reason);
    }
    // Whoever sent it holds what it refers to, and answers this with all of it.
    if (connection.pending.length === 0) this.#room.ask(connection);
    connection.pending.push(pending);
    this.#waiting.add(connection);
  }

  /** Offers again what waits for something that is held now, as long as something new comes in. */
  #retryPending(): void {
    if (this.#waiting.size === 0) return;
    const { guard } = this.#open();
    const isReady = ({ missing }: PendingUpdate) => missing.some((id) => guard.holds(id));
    for (let news = true; news;) {
      news = false;
      for (const connection of this.#waiting) {
        const { pending } = connection;
        if (pending.length === 0) this.#waiting.delete(connection);
        if (!pending.some(isReady)) continue;
        connection.forgetPending();
        for (const each of pending) {
          let left = each;
          if (isReady(each)) {
            const offered = this.#offer(connection, each.update, "waited");
            if (offered === null) break;
            news ||= offered.news;
            if (offered.missing.length === 0) continue;
            left = { update: each.update, missing: offered.missing };
          }
          connection.pending.push(left);
          connection.pendingBytes += left.update.byteLength + PENDING_OVERHEAD_BYTES;
        }
      }
    }
  }

  /** Keeps what is new of the guard: each change as it is, and now and then all in one. */
  #keepGuard(): void {
    const { guard } = this.#open();
    const news = guard.takeChanges();
    if (news === null) return;
    this.#guardLogBytes += news.byteLength;
    if (this.#guardLogBytes < Math.max(GUARD_FOLD_BYTES, this.#guardBytes)) {
      return this.#outbox.store({ type: "append-guard", room: this.#name, record: news });
    }
    const record = guard.encode();
    this.#guardBytes = record.byteLength;
    this.#guardLogBytes = 0;
    this.#outbox.store({ type: "replace-guard", room: this.#name, record });
  }

  #open(): Body {
    if (this.#body === null) {
      const content = new Content(this.#stored!.content);
      const { guard } = this.#stored!;
      this.#body = { content, guard: new Guard(content.stateVector(), guard) };
      for (const record of guard) this.#guardLogBytes += record.byteLength;
      this.#stored = null;
    }
    return this.#body;
  }
}
