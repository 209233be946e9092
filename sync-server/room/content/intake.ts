/**
 * Accepts content from clients: asks the guard about the bytes of an update and the authors about its sender, stores
 * and forwards what both let pass, and keeps what refers to something unknown until that is held.
 *
 * Small updates go through at once; large ones in slices, and what comes for the room meanwhile waits for them. Over
 * 300 lines, since both ways and what waits end in the same few steps.
 */
import { CloseCode } from "../../../src/protocol/close-codes.ts";
import type { Limits } from "../../config/limits.ts";
import type { Authors } from "../../guard/authors.ts";
import { scanWaiting } from "../../guard/guard.ts";
import type { AdmitOptions, AdmitResult } from "../../guard/admit-result.ts";
import type { ScannedUpdate } from "../../update/scan.ts";
import { finish, newSlice, UNSLICED } from "../../update/slice.ts";
import type { Slice } from "../../update/slice.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outbox } from "../connection/outbox.ts";
import type { Receipts } from "../connection/receipts.ts";
import type { Rejections } from "../connection/rejections.ts";
import type { Recovery } from "../session/recovery.ts";
import type { Compactor } from "./compactor.ts";
import type { HeldContent } from "./held-content.ts";
import type { Lane } from "./lane.ts";
import type { SlicedWork } from "./slices.ts";
import type { Sync } from "./sync.ts";
import { WaitingParts } from "./waiting-parts.ts";
import type { WaitingMessage, WaitingPart } from "./waiting-parts.ts";

/** An update of so many bytes is handled at once: a few milliseconds at most. */
const AT_ONCE_BYTES = 16 * 1024;
/** What one connection may have in line behind others of its room; bytes. */
const IN_LINE_BYTES = 128 * 1024 * 1024;
/** Structs of a waiting part that are looked at together, and parts that are looked at at once. */
const WAITING_STRUCTS = 64;
const WAITING_AT_ONCE = 32;

/** A SyncStep2, which repeats what others wrote, or an edit as it happens. */
export type UpdateKind = "sync" | "edit";

const NOTHING = new Uint8Array();

export type IntakeContext = {
  readonly limits: Pick<Limits, "documentBytes" | "pendingBytes">;
};

export type IntakeOptions = {
  /** The room's name. */
  readonly room: string;
  readonly held: HeldContent;
  readonly authors: Authors<Connection>;
  readonly rejections: Rejections;
  readonly recovery: Recovery;
  readonly sync: Sync;
  readonly outbox: Outbox;
  readonly compactor: Compactor;
  readonly lane: Lane;
  readonly receipts: Receipts;
  /** Whether content is accepted now. */
  readonly isLive: () => boolean;
  /** Called with what was thrown while a message was checked, of which nothing was accepted then. */
  readonly failed: (connection: Connection, error: unknown) => void;
  /** Closes a connection that has broken a limit. */
  readonly close: (connection: Connection, code: CloseCode, reason: string) => void;
};

export class Intake {
  readonly #context: IntakeContext;
  readonly #options: IntakeOptions;
  readonly #waiting: WaitingParts;
  /** Client ids of which more is held since parts were last looked for, and parts that can go on. */
  readonly #advanced = new Set<number>();
  readonly #ready: WaitingPart[] = [];
  /** Connections of which something was dropped: they are asked for it again later. */
  readonly #dropped = new Set<Connection>();
  /** Connections of which something was refused because the document was full: they are asked again when it is not. */
  readonly #refusedAsFull = new Set<Connection>();
  /** Bytes of each connection that are in line. */
  readonly #inLine = new Map<Connection, number>();

  constructor(context: IntakeContext, options: IntakeOptions) {
    this.#context = context;
    this.#options = options;
    this.#waiting = new WaitingParts(context.limits.pendingBytes);
  }

  /** Accepts an update, as far as possible. @throws MalformedError if it cannot be read. */
  receive(connection: Connection, update: Uint8Array, kind: UpdateKind): void {
    const { held, lane, receipts } = this.#options;
    const isSync = kind === "sync";
    const message = {
      connection,
      isSync,
      n: receipts.received(connection, isSync),
      bytes: 0,
      parts: 0,
      isDropped: false,
    };
    const { guard } = held;
    if (guard === null) return receipts.withheld(connection, message.n);
    if (!lane.isBusy && update.byteLength <= AT_ONCE_BYTES && this.#fits(update)) {
      const result = guard.admit(update, this.#admitOptions(message, false));
      const kept = this.#take(message, result);
      if (kept !== null) held.use((content) => content.add(kept, result.scanned));
      this.#keep(message, result, update);
      this.#settle(message);
      return this.#goOn();
    }
    const inLine = (this.#inLine.get(connection) ?? 0) + update.byteLength;
    if (inLine > IN_LINE_BYTES) {
      const reason = `more than ${IN_LINE_BYTES} bytes wait for others`;
      return this.#options.close(connection, CloseCode.tryAgainLater, reason);
    }
    this.#inLine.set(connection, inLine);
    // What it sends next has to wait for this, so it may as well wait unread.
    const resume = connection.socket.pause(Infinity);
    lane.push(() => this.#work(message, update, resume));
  }

  /** Does not accept an update, since content is withheld. */
  withhold(connection: Connection, kind: UpdateKind): void {
    const { receipts } = this.#options;
    receipts.withheld(connection, receipts.received(connection, kind === "sync"));
  }

  /** Forgets what a connection sent that still waits for something. */
  dropWaiting(connection: Connection): void {
    for (const { n } of this.#waiting.drop(connection)) this.#options.receipts.withheld(connection, n);
    this.#dropped.delete(connection);
    this.#refusedAsFull.delete(connection);
  }

  /** Called about every 20 s: asks again for what was dropped, or refused while the document was full. */
  askAgain(): void {
    const { sync, held, isLive } = this.#options;
    if (!isLive() || !held.isOpen || held.content === null) return;
    const hasRoom = held.content.bytes < this.#context.limits.documentBytes;
    for (const connections of hasRoom ? [this.#dropped, this.#refusedAsFull] : [this.#dropped]) {
      for (const connection of connections) sync.requestMissing(connection);
      connections.clear();
    }
  }

  /** Whether the document may grow by an update. */
  #fits(update: Uint8Array): boolean {
    return (this.#options.held.content?.bytes ?? 0) + update.byteLength <= this.#context.limits.documentBytes;
  }

  #mayWrite(client: number, { connection, isSync }: WaitingMessage): boolean {
    return this.#options.authors.mayWrite(client, connection, isSync && this.#options.recovery.isOpen);
  }

  #admitOptions(message: WaitingMessage, isFull: boolean): AdmitOptions {
    const { content } = this.#options.held;
    return { mayWrite: (client) => this.#mayWrite(client, message), ...(content !== null && { content }), isFull };
  }

  /** Accepts an update in slices; nothing else of the room is accepted meanwhile. */
  *#work(message: WaitingMessage, update: Uint8Array, resume: () => void): SlicedWork {
    const { held, isLive, compactor, receipts } = this.#options;
    const { connection } = message;
    this.#leaveLine(connection, update.byteLength);
    try {
      if (!this.#fits(update)) yield* compactor.compactIfItHelps();
      const { guard } = held;
      // What comes too late stays in its sender's document.
      if (guard === null || !isLive()) return receipts.withheld(connection, message.n);
      const isFull = !this.#fits(update);
      const slice = newSlice();
      const plan = yield* guard.plan(update, this.#admitOptions(message, isFull), slice);
      if (held.guard !== guard || !isLive()) return receipts.withheld(connection, message.n);
      if (plan.result.written.some((client) => !this.#mayWrite(client, message))) {
        // Somebody has come in the meantime whose client id it is.
        this.#drop(message);
        return;
      }
      const committed = guard.commit(plan);
      const result = isFull ? this.#refuseAsFull(message, committed) : committed;
      const kept = this.#take(message, result);
      if (kept !== null) yield* this.#add(kept, result.scanned, slice);
      this.#keep(message, result, update);
      this.#settle(message);
      while (!this.#handleReady(WAITING_AT_ONCE)) yield;
    } catch (error) {
      this.#options.failed(connection, error);
    } finally {
      const { debtMs } = connection.rate;
      if (debtMs > 0) connection.socket.pause(debtMs);
      resume();
    }
  }

  *#add(update: Uint8Array, scanned: ScannedUpdate | null, slice: Slice): SlicedWork {
    const { held } = this.#options;
    const work = held.use((content) => content.addSlices(update, scanned, slice));
    if (work === null) return;
    while (held.use(() => work.next())?.done === false) yield;
  }

  #leaveLine(connection: Connection, bytes: number): void {
    const left = (this.#inLine.get(connection) ?? 0) - bytes;
    if (left > 0) this.#inLine.set(connection, left);
    else this.#inLine.delete(connection);
  }

  /** A full document takes deletes alone. @returns what is taken. */
  #refuseAsFull({ connection, n }: WaitingMessage, result: AdmitResult): AdmitResult {
    if (result.blocked.length === 0) return result;
    if (connection.membership.isAttached) this.#refusedAsFull.add(connection);
    this.#options.receipts.refused(connection, n, "document-full");
    return { ...result, blocked: [], waitingStructs: [] };
  }

  /** Stores and forwards what is accepted. @returns what is to be added to the content, if any. */
  #take(message: WaitingMessage, result: AdmitResult): Uint8Array | null {
    const { connection, isSync, n } = message;
    const { authors, rejections, receipts, sync, outbox, room, compactor, recovery } = this.#options;
    const { accepted, written, blocked, forbidden } = result;
    connection.rate.takeStructs(result.count);
    for (const client of written) {
      authors.wrote(client, connection, !isSync);
      this.#advanced.add(client);
    }
    // It has gone while its update was checked.
    if (!connection.membership.isAttached) authors.release(connection);
    for (const client of blocked) {
      rejections.add(connection, authors.otherOwner(client, connection));
      if (authors.isRefusedForGood(client, connection)) receipts.refused(connection, n, "other-author");
    }
    for (const [client, code] of forbidden) {
      if (authors.isOwn(client, connection)) receipts.refused(connection, n, code);
    }
    if (accepted === null) return null;
    sync.contentChanged();
    const kept = outbox.forward(accepted, connection);
    outbox.store({ type: "append-content", room, update: kept });
    recovery.contentAppended();
    compactor.contentAppended();
    return kept;
  }

  /** Keeps the parts of an update that wait. */
  #keep(message: WaitingMessage, { waitingStructs, waitingDeletes }: AdmitResult, update: Uint8Array): void {
    if (waitingStructs.length === 0 && waitingDeletes.length === 0) return;
    const { connection } = message;
    if (!connection.membership.isAttached) return;
    const hadNone = !this.#waiting.has(connection);
    for (const structs of waitingStructs) {
      // A copy: a view would keep the whole message in memory.
      const bytes = update.slice(structs.start, structs.end);
      this.#wait({ message, type: "structs", bytes, structs: { ...structs, start: 0, end: bytes.byteLength } });
    }
    for (const range of waitingDeletes) this.#wait({ message, type: "delete", range });
    // The sender holds what it refers to, and answers this with all of it.
    if (hadNone && this.#waiting.has(connection)) this.#options.sync.requestMissing(connection);
  }

  #wait(part: WaitingPart): void {
    for (const message of this.#waiting.add(part)) this.#drop(message);
  }

  /** Something of a message is dropped: its sender is asked for it again later. */
  #drop({ connection, n }: WaitingMessage): void {
    if (connection.membership.isAttached) this.#dropped.add(connection);
    this.#options.receipts.withheld(connection, n);
  }

  #settle({ connection, n, parts, isDropped }: WaitingMessage): void {
    if (parts === 0 && !isDropped) this.#options.receipts.settled(connection, n);
  }

  /** Looks at what can go on now that more is held: at once if it is little. */
  #goOn(): void {
    if (this.#handleReady(WAITING_AT_ONCE)) return;
    const handle = (): boolean => this.#handleReady(WAITING_AT_ONCE);
    this.#options.lane.push(function* handleAll() {
      while (!handle()) yield;
    });
  }

  /** @param most how many parts are looked at. @returns whether there are no more. */
  #handleReady(most: number): boolean {
    for (let left = most; left > 0; left--) {
      const part = this.#nextReady();
      if (part === undefined) return true;
      if (part.message.isDropped) continue;
      if (part.type === "structs") this.#handleStructs(part);
      else this.#handleDeletes(part);
    }
    return false;
  }

  #nextReady(): WaitingPart | undefined {
    const ready = this.#ready.pop();
    if (ready !== undefined) return ready;
    const { guard } = this.#options.held;
    for (const client of this.#advanced) {
      const part = guard === null ? undefined : this.#waiting.take(client, guard.heldUpTo(client));
      if (part !== undefined) return part;
      this.#advanced.delete(client);
    }
    return undefined;
  }

  #done(part: WaitingPart): void {
    const { message } = part;
    if (this.#waiting.done(part)) this.#options.receipts.settled(message.connection, message.n);
  }

  /** Looks at the first structs of a part; the rest waits, or is ready in turn. */
  #handleStructs(part: WaitingPart & { readonly type: "structs" }): void {
    const { message, bytes, structs } = part;
    const update = scanWaiting(bytes, structs, WAITING_STRUCTS);
    const result = this.#offer(message, update);
    const last = update.sections[0]!.structs.at(-1)!;
    const [waiting] = result?.waitingStructs ?? [];
    if (result === null || result.blocked.length > 0) return this.#done(part);
    if (waiting !== undefined) {
      part.structs = { ...waiting, end: structs.end };
      this.#waiting.addAgain(part);
    } else if (last.end < structs.end) {
      part.structs = { ...structs, start: last.end, clock: last.clock + last.length };
      this.#ready.push(part);
    } else this.#done(part);
  }

  #handleDeletes(first: WaitingPart & { readonly type: "delete" }): void {
    const { message } = first;
    const parts = [first];
    for (let part = this.#nextReady(); part !== undefined; part = this.#nextReady()) {
      if (part.type !== "delete" || part.message !== message || parts.length >= WAITING_STRUCTS) {
        this.#ready.push(part);
        break;
      }
      parts.push(part);
    }
    const deletes = parts.map(({ range }) => range);
    this.#offer(message, { bytes: NOTHING, sections: [], deletes, count: deletes.length, exact: false });
    for (const part of parts) this.#done(part);
  }

  /** Offers something once more that waited. @returns `null` if the content is set aside. */
  #offer(message: WaitingMessage, update: ScannedUpdate): AdmitResult | null {
    const { held } = this.#options;
    const { guard } = held;
    if (guard === null) return null;
    const isFull = !this.#fits(update.bytes);
    const work = guard.planScanned(update, this.#admitOptions(message, isFull), UNSLICED);
    const result = guard.commit(finish(work));
    const kept = this.#take(message, result);
    if (kept !== null) held.use((content) => content.add(kept));
    return result;
  }
}
