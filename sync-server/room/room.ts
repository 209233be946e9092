/**
 * One room in memory: dispatches the messages of its connections, and decides who is attached and who is in the run.
 * The session, the content, presence and commands are objects of their own. It sees no socket, file or timer.
 *
 * Memory changes before the store does, and clients are sent a change only after its commit: everything is stored and
 * sent through the outbox (docs/SPEC.md, W8).
 *
 * Over 300 lines, since all parts of a room are made and connected here; it holds no logic of theirs.
 */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import { MalformedError, readClientMessage } from "../../src/protocol/protocol.ts";
import type { ClientMessage, SignedCount } from "../../src/protocol/protocol.ts";
import type { LifecycleEvent } from "../../src/session/lifecycle.ts";
import type { EndReason, PersonRef } from "../../src/session/session.ts";
import type { Authors } from "../guard/authors.ts";
import type { StoredRoom } from "../store/store.ts";
import { Commands } from "./commands.ts";
import type { CommandRoom } from "./commands.ts";
import type { Connection, Membership } from "./connection/connection.ts";
import { QUERY_AWARENESS_FRAME, sessionFrame, updateFrame } from "./connection/messages.ts";
import { Outbox } from "./connection/outbox.ts";
import { Receipts } from "./connection/receipts.ts";
import { Rejections } from "./connection/rejections.ts";
import { Compactor } from "./content/compactor.ts";
import { Answers } from "./content/answers.ts";
import { Feeds } from "./content/feeds.ts";
import { openContent } from "./content/open-content.ts";
import type { HeldContent } from "./content/held-content.ts";
import { Intake } from "./content/intake.ts";
import { Lane } from "./content/lane.ts";
import type { UpdateKind } from "./content/intake.ts";
import { SetAside } from "./content/set-aside.ts";
import { Sync } from "./content/sync.ts";
import { RoomPresence } from "./presence/room-presence.ts";
import { describeRoom } from "./describe-room.ts";
import type { RoomContext } from "./room-context.ts";
import type { RoomDescription } from "./room-service.ts";
import { Run } from "./run.ts";
import { Recovery } from "./session/recovery.ts";
import { RoomSession } from "./session/room-session.ts";

/** Messages whose answers grow with the room, or go to everybody in it. */
const REQUESTS: ReadonlySet<ClientMessage["kind"]> = new Set(["sync-step-1", "query-awareness", "session"]);

const membershipOf = ({ membership }: Connection): Membership => membership;

export class Room implements CommandRoom {
  readonly name: string;
  readonly #context: RoomContext;
  readonly #connections = new Set<Connection>();
  readonly #outbox: Outbox;
  readonly #session: RoomSession;
  readonly #recovery: Recovery;
  readonly #held: HeldContent;
  readonly #setAside: SetAside;
  readonly #lane: Lane;
  readonly #compactor: Compactor;
  readonly #authors: Authors<Connection>;
  readonly #rejections = new Rejections();
  readonly #receipts: Receipts;
  readonly #sync: Sync;
  readonly #intake: Intake;
  readonly #presence: RoomPresence;
  readonly #run: Run;
  readonly #commands: Commands;
  /** How many connections were ever attached. */
  #attached = 0;

  constructor(stored: StoredRoom, context: RoomContext) {
    this.name = stored.record.room;
    this.#context = context;
    const connections = this.#connections;
    const rejections = this.#rejections;
    const outbox = new Outbox(context, connections);
    const session = new RoomSession(stored.record, context, outbox);
    const close = this.#close.bind(this);
    const setAside = new SetAside({ room: this.name, connections, outbox, close });
    const { held, authors } = openContent(stored, outbox, {
      onSetAside: (error) => {
        context.contentSetAside(this.name, error);
        setAside.begin();
      },
      isReserved: (client) => session.isLedgerId(client),
      onClientIdFreed: () => this.#resyncRejectedClients(),
    });
    const isHeld = (client: number): boolean => held.guard?.holds({ client, clock: 0 }) === true;
    const recovery = new Recovery(context, { room: this.name, count: stored.contentCount, session, isHeld });
    const lane = new Lane(context.slices, (error) => context.failed(this.name, error));
    const isAdding = (): boolean => held.isOpen && held.content?.isAdding === true;
    const answers = new Answers((act) => held.use(act), isAdding);
    const sync = new Sync(held, session, outbox, answers);
    const { clock, slices } = context;
    const askSomebody = (): void => {
      const [somebody] = outbox.subscribers;
      if (somebody !== undefined) sync.requestMissing(somebody);
    };
    const compactor = new Compactor({ room: this.name, held, outbox, slices, clock, askSomebody });
    const receipts = new Receipts({ clock, outbox, close, signedCount: () => recovery.signedCount() });
    const intake = new Intake(context, {
      room: this.name,
      held,
      authors,
      rejections,
      receipts,
      recovery,
      sync,
      outbox,
      compactor,
      lane,
      isLive: () => session.isLive,
      failed: this.#failed.bind(this),
      close,
    });
    const presence = new RoomPresence(context, outbox, authors, rejections);
    this.#outbox = outbox;
    this.#session = session;
    this.#recovery = recovery;
    this.#held = held;
    this.#setAside = setAside;
    this.#lane = lane;
    this.#compactor = compactor;
    this.#authors = authors;
    this.#receipts = receipts;
    this.#sync = sync;
    this.#intake = intake;
    this.#presence = presence;
    const feeds = new Feeds({
      clock: context.clock,
      outbox,
      answers,
      windowBytes: Math.floor(context.limits.bufferedBytes / 4),
      isAdding,
      onCaughtUp: (connection) => presence.caughtUp(connection),
    });
    outbox.onSlow = (connection) => feeds.slowDown(connection);
    this.#run = new Run({ connections, outbox, sync, feeds, intake, presence });
    this.#commands = new Commands(this, session, authors, outbox);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  /** Adds a connection: sends it the session, and in a live run asks for what it has. */
  attach(connection: Connection): void {
    if (!connection.speaksSession && connection.isHost) this.apply({ type: "host-arrived" });
    else this.checkDeadline();
    const membership = membershipOf(connection);
    this.#connections.add(connection);
    membership.isAttached = true;
    membership.sequence = ++this.#attached;
    this.#outbox.connectionsChanged();
    this.#sendLedger(connection);
    const isStock = !connection.speaksSession;
    if (this.#held.isSetAside) this.#setAside.note(connection);
    if (this.#session.isLive) {
      if (isStock) this.#run.enter(connection);
      this.#sync.requestMissing(connection);
    } else if (isStock && this.#session.state.status === "ended") this.#closeAsEnded(connection);
  }

  /** Removes a connection, for whatever reason. Harmless if it was removed already. */
  detach(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    membershipOf(connection).isAttached = false;
    this.#outbox.connectionsChanged();
    const wasInRun = this.#run.leave(connection);
    this.#rejections.delete(connection);
    this.#receipts.forget(connection);
    if (this.#authors.release(connection)) this.#resyncRejectedClients();
    if (wasInRun) this.#noteDeparture(connection);
  }

  /** Closes a connection because of something that it sent. */
  refuse(connection: Connection, code: CloseCode, reason: string): void {
    if (connection.membership.isAttached) this.#close(connection, code, reason);
  }

  /** Closes a connection because all are closed; the others, who are next, are not sent that its state is gone. */
  sendAway(connection: Connection, code: CloseCode, reason: string): void {
    if (!connection.membership.isAttached) return;
    this.#presence.forget(connection);
    this.#close(connection, code, reason);
  }

  /** Closes every connection with the same code. */
  closeAll(code: CloseCode, reason: string): void {
    for (const connection of [...this.#connections]) this.sendAway(connection, code, reason);
  }

  /** The client ids of a connection are free again: asks all from which something was rejected to send it again. */
  #resyncRejectedClients(): void {
    for (const other of this.#rejections.takeAll()) {
      if (!this.#session.isLive) continue;
      this.#sync.requestMissing(other);
      this.#outbox.send(other, QUERY_AWARENESS_FRAME);
    }
  }

  /** Closes a stock client once it was sent that the session has ended. */
  #closeAsEnded(connection: Connection): void {
    this.#outbox.afterCommit(() => {
      // If a new run has begun in the meantime, it may stay.
      if (connection.membership.isAttached && this.#session.state.status === "ended") {
        this.#close(connection, CloseCode.sessionEnded, "the session has ended");
      }
    });
  }

  #close(connection: Connection, code: CloseCode, reason: string): void {
    this.detach(connection);
    connection.socket.close(code, reason);
  }

  /** Handles one message. Whatever it holds, it can harm no connection but its own. */
  receive(connection: Connection, message: Uint8Array): void {
    if (!connection.membership.isAttached) return;
    try {
      this.#dispatch(connection, message);
    } catch (error) {
      this.#failed(connection, error);
    }
  }

  /** Something threw while a message was handled: costs its sender the connection, and nobody else anything. */
  #failed(connection: Connection, error: unknown): void {
    const isMalformed = error instanceof MalformedError;
    if (!isMalformed) this.#context.failed(this.name, error);
    if (!connection.membership.isAttached) return;
    if (isMalformed) this.#close(connection, CloseCode.badMessage, error.message);
    else this.#close(connection, CloseCode.internalError, "internal error");
  }

  #dispatch(connection: Connection, bytes: Uint8Array): void {
    const message = readClientMessage(bytes);
    if (REQUESTS.has(message.kind)) connection.rate.takeRequest();
    switch (message.kind) {
      case "sync-step-1":
        return this.#receiveStateVector(connection, message.stateVector);
      case "sync-step-2":
        return this.#receiveUpdate(connection, message.update, "sync");
      case "update":
        return this.#receiveUpdate(connection, message.update, "edit");
      case "awareness":
        return this.#receiveAwareness(connection, message.update);
      case "query-awareness":
        return this.#presence.sendAllTo(connection);
      case "session":
        if (!connection.speaksSession) throw new MalformedError("session messages need session-room.v1");
        return this.#commands.receive(connection, message.command);
      case "unknown":
        throw new MalformedError(`unknown message type ${message.type}`);
    }
  }

  #receiveStateVector(connection: Connection, stateVector: Uint8Array): void {
    this.#recovery.checkLedger(stateVector);
    if (!this.#session.isLive) return this.#run.withhold(connection, stateVector);
    // It is answered with what the client has sent before.
    const serve = (): void => {
      if (!connection.membership.isAttached) return;
      if (this.#session.isLive) this.#run.serve(connection, stateVector);
      else this.#run.withhold(connection, stateVector);
    };
    this.#lane.inOrder(serve);
  }

  #receiveUpdate(connection: Connection, update: Uint8Array, kind: UpdateKind): void {
    if (this.#session.isLive) this.#intake.receive(connection, update, kind);
    else this.#intake.withhold(connection, kind);
  }

  #receiveAwareness(connection: Connection, update: Uint8Array): void {
    if (this.#session.state.status === "ended") return;
    const broken = this.#presence.receive(connection, update);
    if (broken !== null) this.#close(connection, CloseCode.tryAgainLater, broken);
  }

  /** Starts a run for somebody who need not be connected; false if the room has not reached the run that they saw. */
  start(run: number | undefined): boolean {
    if (run !== undefined && run > this.#session.state.run) return false;
    this.apply({ type: "start-requested", run, hostPresent: this.#run.hasHost });
    return true;
  }

  /** The same for an end. */
  end(run: number | undefined, reason: EndReason, by: PersonRef | null): boolean {
    if (run !== undefined && run > this.#session.state.run) return false;
    this.apply({ type: "end-requested", run, reason, by });
    return true;
  }

  checkDeadline(): void {
    this.apply({ type: "deadline-checked", run: this.#session.state.run });
  }

  apply(event: LifecycleEvent): void {
    for (const effect of this.#session.apply(event)) {
      if (effect === "open-content") this.#run.open();
      else {
        this.#run.close();
        for (const connection of this.#connections) if (!connection.speaksSession) this.#closeAsEnded(connection);
      }
    }
  }

  prove(seen: SignedCount): void {
    if (this.#recovery.prove(seen) && this.#session.isLive) this.#sync.requestMissingFromAll();
  }

  /** Sends the whole session, and its client id to clients that keep it apart from the rest of the document. */
  #sendLedger(connection: Connection): void {
    const { ledger } = this.#session;
    if (connection.speaksSession) this.#outbox.send(connection, sessionFrame({ type: "ledger", id: ledger.id }));
    this.#outbox.send(connection, updateFrame(ledger.encode()));
  }

  enterRun(connection: Connection): void {
    this.#run.enter(connection);
    this.#sync.requestMissing(connection);
  }

  leaveRun(connection: Connection): void {
    if (this.#run.leave(connection)) this.#noteDeparture(connection);
  }

  #noteDeparture(connection: Connection): void {
    if (connection.isHost && !this.#run.hasHost) this.apply({ type: "last-host-left", run: this.#session.state.run });
  }

  /**
   * Called about every 20 s: sends stock clients all states with fresh clocks, since they drop what was not renewed
   * for 30 s (P9), and evicts caches for clients that may connect soon.
   */
  refreshPresence(): void {
    this.#sync.evictCaches();
    this.#intake.askAgain();
    for (const connection of this.#connections) this.#presence.refresh(connection);
  }

  /** Makes large content ready, in slices, before anybody is attached. */
  async load(): Promise<void> {
    const held = this.#held;
    if (!held.isWorthLoading) return;
    await new Promise<void>((resolve) => {
      this.#lane.push(function* load() {
        yield* held.load();
        resolve();
      });
    });
  }

  /** Calls `run` once nothing of the room's content is in work, so that the room may leave memory. */
  whenIdle(run: () => void): void {
    this.#lane.whenIdle(run);
  }

  /** Stores what the room must not forget when it leaves memory. */
  prepareUnload(): void {
    this.#compactor.prepareUnload();
    this.#outbox.flush();
  }

  describe(): RoomDescription {
    return describeRoom(this.name, this.#session.state, this.#connections);
  }
}
