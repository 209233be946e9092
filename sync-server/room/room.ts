/**
 * One room in memory: who is in it, the lifecycle and its effects, and who is told what. What of
 * the content comes in is the intake's to say. It sees no socket, no file and no timer of its own.
 *
 * Memory is ahead of the store, people are behind it: every change is written to the journal first,
 * and everything that anybody is told is told from `Outbox` (docs/SPEC.md, W8).
 */
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";
import { toSession, transition } from "../../src/session/lifecycle.ts";
import type { LifecycleEvent, LifecycleState } from "../../src/session/lifecycle.ts";
import { MalformedError, readClientMessage } from "../../src/protocol/protocol.ts";
import type { ClientMessage, Command, RefusalCode } from "../../src/protocol/protocol.ts";
import type { EndReason, PersonRef } from "../../src/session/session.ts";
import type { AwarenessClock } from "./presence/awareness-clock.ts";
import type { Connection } from "./connection/connection.ts";
import { QUERY_AWARENESS_FRAME, sessionFrame, syncStep1Frame, updateFrame } from "./connection/messages.ts";
import type { Frame } from "../websocket/frame.ts";
import { Intake, RECOVERY_MS } from "./content/intake.ts";
import type { UpdateKind } from "./content/intake.ts";
import type { Journal } from "../store/journal.ts";
import { Ledger } from "./session/ledger.ts";
import type { Limits } from "../config/limits.ts";
import { Outbox } from "./connection/outbox.ts";
import { RoomPresence } from "./presence/room-presence.ts";
import type { RoomDescription } from "./room-service.ts";
import { encodeStateVector, holdsLaterLedger } from "./content/state-vector.ts";
import type { RoomRecord, StoredRoom } from "../store/store.ts";

export type RoomContext = {
  readonly clock: Clock;
  readonly journal: Journal;
  readonly awarenessClock: AwarenessClock;
  readonly limits: Limits;
  /** Default limit of the absence, ms. */
  readonly hostAbsenceMs: number;
  /** When this relay started; ledgers with a lower id come from before. */
  readonly startedAt: number;
  /** Until when content that a power cut may have cost is taken back, ms since the epoch; 0: there was none. */
  readonly recoversUntil: number;
  /** Told of each deadline that is set (ms since the epoch). */
  readonly deadlineSet: (deadlineAt: number) => void;
};

/** Longest state vector that is kept for a connection that waits, in bytes: some 7,000 client ids. */
const WITHHELD_STATE_VECTOR_MAX_BYTES = 64 * 1024;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);
/** Messages whose answers grow with the room, or that everybody in it is told of. */
const REQUESTS: ReadonlySet<ClientMessage["kind"]> = new Set(["sync-step-1", "query-awareness", "session"]);

export class Room {
  readonly name: string;
  readonly #context: RoomContext;
  readonly #connections = new Set<Connection>();
  #record: RoomRecord;
  #ledger: Ledger;
  readonly #intake: Intake;
  readonly #outbox: Outbox;
  readonly #presence: RoomPresence;
  /** What newcomers are asked, as long as nothing changes: many come in at once. */
  #question: Frame | null = null;
  /** How many connections ever came. */
  #arrivals = 0;
  /** With which part of the rooms it is looked after; see `Heartbeat`. */
  readonly housekeepingPart: number;

  /** @param mayHaveLost whether the store does not know a room that may have been there before. */
  constructor(stored: StoredRoom, context: RoomContext, housekeepingPart: number, mayHaveLost = false) {
    this.housekeepingPart = housekeepingPart;
    const { record } = stored;
    this.name = record.room;
    this.#context = context;
    this.#record = record;
    this.#ledger = Ledger.load(record.ledgerId, record.ledger);
    this.#outbox = new Outbox(context, this.#connections);
    this.#intake = new Intake(stored, context, this.#outbox, {
      ask: (connection) => {
        if (this.#isLive) this.#askForMissing(connection);
      },
      changed: () => {
        this.#question = null;
      },
      close: (connection, code, reason) => this.#close(connection, code, reason),
    });
    this.#presence = new RoomPresence(context, this.#outbox, this.#intake);
    // Content is not synced to the disk at each edit: a power cut takes the last of it, which clients still hold.
    this.#intake.recover(context.recoversUntil);
    if (mayHaveLost) this.#intake.recover(context.clock.now() + RECOVERY_MS);
  }

  get connections(): ReadonlySet<Connection> {
    return this.#connections;
  }

  get #state(): LifecycleState {
    return this.#record.state;
  }

  get #isLive(): boolean {
    return this.#state.status === "live";
  }

  // --- Coming and going -----------------------------------------------------------------------

  /** Takes a connection in: tells it the session, and in a live run asks for what it has. */
  attach(connection: Connection): void {
    if (!connection.speaksSession && connection.isHost) this.#apply({ type: "host-arrived" });
    else this.checkDeadline();
    this.#connections.add(connection);
    connection.isHere = true;
    connection.arrival = ++this.#arrivals;
    this.#outbox.connectionsChanged();
    this.#outbox.send(connection, updateFrame(this.#ledger.encode()));
    if (this.#isLive) {
      if (!connection.speaksSession) this.#admit(connection);
      this.#askForMissing(connection);
    } else if (this.#state.status === "ended" && !connection.speaksSession) {
      this.#dismiss(connection);
    }
  }

  /** A connection is gone, for whatever reason. Harmless if it was gone already. */
  detach(connection: Connection): void {
    if (!this.#connections.delete(connection)) return;
    connection.isHere = false;
    this.#outbox.connectionsChanged();
    const wasInRun = connection.joined;
    this.#withdraw(connection);
    if (this.#intake.release(connection)) this.#resyncRejectedClients();
    if (wasInRun) this.#noteDeparture(connection);
  }

  /** Asks those again whom a connection that is gone now had kept out, for what they wrote and where they are. */
  #resyncRejectedClients(): void {
    for (const other of this.#connections) {
      if (!other.wasRefused) continue;
      other.wasRefused = false;
      if (!this.#isLive) continue;
      this.#askForMissing(other);
      this.#outbox.send(other, QUERY_AWARENESS_FRAME);
    }
  }

  /** Lets a connection go because of something that it sent. */
  refuse(connection: Connection, code: CloseCode, reason: string): void {
    if (connection.isHere) this.#close(connection, code, reason);
  }

  /** Lets a connection go because all must; the others, who are next, need not be told. */
  sendAway(connection: Connection, code: CloseCode, reason: string): void {
    if (!connection.isHere) return;
    this.#presence.forget(connection);
    this.#close(connection, code, reason);
  }

  /** Sends every connection away, with the same code. */
  closeAll(code: CloseCode, reason: string): void {
    for (const connection of [...this.#connections]) this.sendAway(connection, code, reason);
  }

  // --- Messages -------------------------------------------------------------------------------

  /** Handles one message. Whatever it holds, nothing but its own connection suffers. */
  receive(connection: Connection, message: Uint8Array): void {
    if (!connection.isHere) return;
    try {
      this.#handle(connection, message);
    } catch (error) {
      if (!(error instanceof MalformedError)) throw error;
      this.#close(connection, CloseCode.badMessage, error.message);
    }
  }

  #handle(connection: Connection, message: Uint8Array): void {
    const { messageBytes } = this.#context.limits;
    if (message.byteLength > messageBytes) {
      const reason = `message larger than ${messageBytes} bytes (limit-message-bytes)`;
      return this.#close(connection, CloseCode.tooLarge, reason);
    }
    const frame = readClientMessage(message);
    if (REQUESTS.has(frame.kind)) {
      const broken = connection.rate.takeRequest();
      if (broken !== null) return this.#close(connection, CloseCode.tryAgainLater, broken);
    }
    switch (frame.kind) {
      case "sync-step-1":
        return this.#receiveStateVector(connection, frame.stateVector);
      case "sync-step-2":
        return this.#receiveUpdate(connection, frame.update, "sync");
      case "update":
        return this.#receiveUpdate(connection, frame.update, "edit");
      case "awareness":
        return this.#receiveAwareness(connection, frame.update);
      case "query-awareness":
        return this.#presence.sendAllTo(connection);
      case "session":
        if (!connection.speaksSession) throw new MalformedError("session messages need session-room.v1");
        return this.#receiveCommand(connection, frame.command);
      case "unknown":
        throw new MalformedError(`unknown message type ${frame.type}`);
    }
  }

  #receiveStateVector(connection: Connection, stateVector: Uint8Array): void {
    if (holdsLaterLedger(stateVector, this.#ledger, this.#context.startedAt)) this.#renewLedger();
    if (!this.#isLive) {
      // Kept as long as the wait is; whoever names more client ids than any real document gets all of it.
      const isKept = stateVector.byteLength <= WITHHELD_STATE_VECTOR_MAX_BYTES;
      connection.withheldStateVector = isKept ? stateVector.slice() : EMPTY_STATE_VECTOR;
      return;
    }
    this.#outbox.subscribe(connection, true);
    this.#outbox.sendContent(connection, this.#intake.encodeSince(stateVector));
  }

  #receiveUpdate(connection: Connection, update: Uint8Array, kind: UpdateKind): void {
    if (this.#isLive) this.#intake.receive(connection, update, kind);
  }

  #receiveAwareness(connection: Connection, update: Uint8Array): void {
    if (this.#state.status === "ended") return;
    const broken = this.#presence.receive(connection, update);
    if (broken !== null) this.#close(connection, CloseCode.tooLarge, broken);
  }

  // --- Commands -------------------------------------------------------------------------------

  #receiveCommand(connection: Connection, command: Command): void {
    // Commands follow the welcome, and with it the personal token.
    if (connection.keepIdentity() && connection.clientIds.size > 0) this.#intake.rename(connection);
    switch (command.type) {
      case "join":
        return this.#answer(connection, command.id, this.#join(connection));
      case "leave":
        this.#leave(connection);
        return this.#answer(connection, command.id, null);
      case "start":
      case "end":
        return this.#answer(connection, command.id, this.#startOrEnd(connection, command));
      case "renew":
        return this.#renew(connection, command);
    }
  }

  #join(connection: Connection): RefusalCode | null {
    if (connection.isHost) this.#apply({ type: "host-arrived" });
    else this.checkDeadline();
    switch (this.#state.status) {
      case "waiting":
        return "not-started";
      case "ended":
        return "ended";
      case "live":
        this.#admit(connection);
        this.#askForMissing(connection);
        return null;
    }
  }

  #leave(connection: Connection): void {
    const wasInRun = connection.joined;
    this.#withdraw(connection);
    if (wasInRun) this.#noteDeparture(connection);
  }

  #startOrEnd(connection: Connection, command: Command & { readonly type: "start" | "end" }): RefusalCode | null {
    if (!connection.isHost) return "not-a-host";
    if (command.run > this.#state.run) return "unknown-run";
    if (command.type === "end") {
      const by = { id: connection.identity.id, name: connection.name };
      this.#apply({ type: "end-requested", run: command.run, reason: "host-ended", by });
      return null;
    }
    this.#apply({ type: "start-requested", run: command.run, hostPresent: true });
    // Whoever starts a run is in it; if another's Start came first, that one counts just the same.
    return this.#join(connection);
  }

  #renew(connection: Connection, { id, token }: Command & { readonly type: "renew" }): void {
    void connection.credential.renew(token).then((refusal) => {
      if (refusal === null) this.#outbox.send(connection, sessionFrame(connection.credential.welcome));
      this.#answer(connection, id, refusal);
    });
  }

  #answer(connection: Connection, id: number, refusal: RefusalCode | null): void {
    const message =
      refusal === null
        ? ({ type: "answer", id, ok: true, run: this.#state.run } as const)
        : ({ type: "answer", id, ok: false, code: refusal, message: REFUSALS[refusal] } as const);
    this.#outbox.send(connection, sessionFrame(message));
  }

  // --- What operators and the relay ask ---------------------------------------------------------

  /** Starts a run for somebody who need not be here; false if the room has not reached the run that they saw. */
  start(run: number | undefined): boolean {
    if (run !== undefined && run > this.#state.run) return false;
    this.#apply({ type: "start-requested", run, hostPresent: this.#hasHost() });
    return true;
  }

  end(run: number | undefined, reason: EndReason, by: PersonRef | null): boolean {
    if (run !== undefined && run > this.#state.run) return false;
    this.#apply({ type: "end-requested", run, reason, by });
    return true;
  }

  /** Ends the run if its deadline has passed. */
  checkDeadline(): void {
    this.#apply({ type: "deadline-checked", run: this.#state.run });
  }

  /**
   * Every 20 s or so: gives stock clients all states afresh, for they drop what was not renewed for 30 s; and lets go
   * of what is kept only for those who may come soon.
   */
  refreshPresence(): void {
    this.#intake.evictCaches();
    this.#outbox.evictCaches();
    this.#question = null;
    for (const connection of this.#connections) {
      if (!connection.speaksSession) this.#presence.sendAllTo(connection);
    }
  }

  /** Makes ready to leave memory. */
  rest(): void {
    this.#intake.rest();
    this.#outbox.flush();
  }

  describe(): RoomDescription {
    const state = this.#state;
    const hosts = new Set<string>();
    const participants = new Set<string>();
    for (const { joined, isHost, identity } of this.#connections) {
      if (joined) (isHost ? hosts : participants).add(identity.id);
    }
    const absence = state.status === "live" ? state.absence : null;
    return {
      room: this.name,
      status: state.status,
      run: state.run,
      startedAt: state.status === "waiting" ? null : state.startedAt,
      ended: state.status === "ended" ? state.ended : null,
      hosts: hosts.size,
      participants: participants.size,
      absentSince: absence?.since ?? null,
      endsAt: absence?.deadlineAt ?? null,
    };
  }

  // --- The lifecycle's effects ------------------------------------------------------------------

  #apply(event: LifecycleEvent): void {
    const { clock, hostAbsenceMs } = this.#context;
    const { state, effects } = transition(this.#state, event, clock.now(), {
      start: this.#record.start,
      hostAbsenceMs: this.#record.hostAbsenceMs ?? hostAbsenceMs,
    });
    if (effects.length === 0) return;
    this.#question = null;
    const updates: Uint8Array[] = [];
    for (const effect of effects) {
      if (effect.type === "write-session") updates.push(this.#ledger.write(effect.session));
    }
    this.#keep({ ...this.#record, state, ledger: this.#ledger.encode() });
    for (const update of updates) this.#outbox.sendToAll(updateFrame(update));
    for (const effect of effects) {
      switch (effect.type) {
        case "write-session":
          break;
        case "set-deadline":
          if (effect.deadlineAt !== null) this.#context.deadlineSet(effect.deadlineAt);
          break;
        case "open-content":
          this.#openContent();
          break;
        case "withhold-content":
          this.#withholdContent();
          break;
      }
    }
  }

  #keep(record: RoomRecord): void {
    this.#record = record;
    this.#outbox.storeRecord(record);
  }

  /** The store was replaced by an older copy: a client holds more of the ledger than the relay does. */
  #renewLedger(): void {
    this.#intake.recover(this.#context.clock.now() + RECOVERY_MS);
    this.#ledger = Ledger.create(toSession(this.#state), Math.max(this.#context.clock.now(), this.#ledger.id + 1));
    const ledger = this.#ledger.encode();
    this.#question = null;
    this.#keep({ ...this.#record, ledgerId: this.#ledger.id, ledger });
    this.#outbox.sendToAll(updateFrame(ledger));
  }

  #openContent(): void {
    for (const connection of this.#connections) {
      if (!connection.speaksSession) this.#admit(connection);
    }
    this.#outbox.sendToAll(this.#askWhatIsMissing());
  }

  #withholdContent(): void {
    for (const connection of this.#connections) this.#presence.hide(connection);
    // To those who are in the run as yet.
    this.#outbox.flush();
    for (const connection of [...this.#connections]) {
      this.#withdraw(connection);
      if (!connection.speaksSession) this.#dismiss(connection);
    }
  }

  // --- Being in the run -------------------------------------------------------------------------

  /** Puts a connection into the live run: it counts, is seen and sees, and gets the content it asked for. */
  #admit(connection: Connection): void {
    connection.joined = true;
    this.#outbox.subscribe(connection, true);
    const { withheldStateVector } = connection;
    if (withheldStateVector !== null) {
      connection.withheldStateVector = null;
      this.#outbox.sendContent(connection, this.#intake.encodeSince(withheldStateVector));
    }
    this.#presence.sendAllTo(connection);
    this.#presence.show(connection);
  }

  /** Takes a connection out of the run: nothing of it is seen, and nothing is served to it. */
  #withdraw(connection: Connection): void {
    this.#presence.hide(connection);
    connection.joined = false;
    this.#outbox.subscribe(connection, false);
    connection.withheldStateVector = null;
    connection.forgetPending();
  }

  #hasHost(): boolean {
    for (const connection of this.#connections) {
      // A stock host in a waiting room is in the run as soon as there is one.
      if (connection.isHost && (connection.joined || !connection.speaksSession)) return true;
    }
    return false;
  }

  #noteDeparture(connection: Connection): void {
    if (connection.isHost && !this.#hasHost()) {
      this.#apply({ type: "last-host-left", run: this.#state.run });
    }
  }

  // --- Telling ------------------------------------------------------------------------------------

  #askForMissing(connection: Connection): void {
    this.#outbox.send(connection, this.#askWhatIsMissing());
  }

  /** A SyncStep1 for all that the room holds: the receiver answers with what the relay lacks. */
  #askWhatIsMissing(): Frame {
    const { id, clock } = this.#ledger;
    return (this.#question ??= syncStep1Frame(encodeStateVector(this.#intake.held, id, clock)));
  }

  /** Lets a stock client go after it was told that the session has ended. */
  #dismiss(connection: Connection): void {
    this.#outbox.afterCommit(() => {
      // A new run may have begun in the meantime; then it is welcome to stay.
      if (connection.isHere && this.#state.status === "ended") {
        this.#close(connection, CloseCode.sessionEnded, "the session has ended");
      }
    });
  }

  #close(connection: Connection, code: CloseCode, reason: string): void {
    this.detach(connection);
    connection.socket.close(code, reason);
  }
}

const REFUSALS: Readonly<Record<RefusalCode, string>> = {
  "not-a-host": "Only a host may do this.",
  "not-started": "The session has not started yet.",
  ended: "The session has ended.",
  "unknown-run": "The room has not reached this run.",
  "bad-token": "The new token is wrong or has expired.",
  "other-person": "The new token is for another person, room or role.",
};
