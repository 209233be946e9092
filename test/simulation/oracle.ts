/**
 * Checks the rules of docs/SPEC.md, part I, in every world. It computes the expected state independently of
 * the relay's code, from the frames that sockets delivered, the records on the disk and what clients were sent.
 */
import * as Y from "yjs";
import type { Command } from "../../src/protocol/protocol.ts";
import { readClientMessage } from "../../src/protocol/protocol.ts";
import type { Session } from "../../src/session/session.ts";
import type { Claims } from "../../sync-server/auth/tokens.ts";
import type { RoomRecord } from "../../sync-server/store/store.ts";
import type { SimDisk } from "./disk.ts";
import { deadlineOf, clockOfLedger, rankOf, rankOfRecord, rankOfSession } from "./room-model.ts";
import type { Connection, RelayView, RoomModel } from "./room-model.ts";
import { readSentContent } from "./sent-content.ts";
import type { ServerSocket } from "./sockets.ts";
import { violate } from "./violation.ts";

type HandledCommand = {
  readonly socket: ServerSocket;
  readonly connection: Connection;
  readonly command: Command;
};

/** Within this time the relay must close a connection from which nothing arrives, ms (W11). */
const DEAD_AFTER_MS = 40_000;
/** Longest time from a deadline until the end is written, ms. */
const LATE_MS = 2_000;
/** Longest time that a start may take, ms. */
const SLOWEST_START_MS = 4_000;
const FIRST_LEDGER_ID = 2 ** 32;

export class Oracle {
  readonly #disk: SimDisk;
  readonly #restartGraceMs: number;
  readonly #rooms = new Map<string, RoomModel>();
  /** Commands that the relay has handled in the current step. */
  #handled: HandledCommand[] = [];
  /** Rooms that an operator has asked the running relay to end. */
  readonly #operatorEnds = new Set<string>();
  /** When the relay that is starting was started, ms since the epoch; `null` if none is starting. */
  #bootNow: number | null = null;

  constructor(disk: SimDisk, restartGraceMs: number) {
    this.#disk = disk;
    this.#restartGraceMs = restartGraceMs;
  }

  watch(name: string, hostAbsenceMs: number): void {
    this.#rooms.set(name, {
      name,
      hostAbsenceMs,
      connections: new Map(),
      status: "unknown",
      run: 0,
      deadlineAt: null,
      deadlines: new Map(),
      rank: 0,
      ledgerId: null,
      renewals: 0,
      storedDeadlineAt: null,
      hadHost: false,
    });
  }

  // --- Starts and ends of the relay ---------------------------------------------------------------

  booting(now: number): void {
    this.#bootNow = now;
    for (const room of this.#rooms.values()) {
      const { record } = this.#disk.room(room.name);
      room.connections.clear();
      room.hadHost = false;
      room.status = record?.state.status ?? "unknown";
      room.run = record?.state.run ?? 0;
      room.deadlineAt = null;
      if (record === null) continue;
      const stored = deadlineOf(record);
      if (stored !== null && !room.deadlines.get(room.run)?.has(stored)) {
        violate("I1", `${room.name}: the stored deadline ${stored} never was one of run ${record.state.run}`);
      }
      room.storedDeadlineAt = stored;
    }
  }

  started(now: number): void {
    this.#bootNow = null;
    for (const room of this.#rooms.values()) {
      const { record } = this.#disk.room(room.name);
      if (record === null || record.state.status !== "live") {
        if (room.status === "live") violate("I1", `${room.name}: a run ended while the relay was starting`);
        continue;
      }
      const deadlineAt = deadlineOf(record);
      if (deadlineAt === null) violate("I1", `${room.name}: after a start a live run has no deadline`);
      else if (
        deadlineAt > now + Math.max(room.hostAbsenceMs, this.#restartGraceMs) &&
        deadlineAt !== room.storedDeadlineAt
      ) {
        violate("I1", `${room.name}: a start has postponed the deadline to ${deadlineAt}`);
      }
      room.deadlineAt = deadlineAt;
    }
  }

  stopped(): void {
    this.#bootNow = null;
    this.#handled = [];
    this.#operatorEnds.clear();
    for (const room of this.#rooms.values()) room.connections.clear();
  }

  // --- Frames -------------------------------------------------------------------------------------

  attached(socket: ServerSocket, claims: Claims, speaksSession: boolean): void {
    const room = this.#rooms.get(claims.room);
    if (room === undefined) return;
    const connection: Connection = {
      claims,
      speaksSession,
      inRun: !speaksSession,
      syncMessages: 0,
      updates: [],
      isClosing: false,
    };
    room.connections.set(socket, connection);
    socket.onClosed.push(() => void room.connections.delete(socket));
    socket.onHandled = (bytes) => {
      const frame = readClientMessage(bytes);
      if (frame.kind === "sync-step-2" || frame.kind === "update") connection.syncMessages++;
      if (frame.kind === "update") {
        connection.updates.push({ n: connection.syncMessages, upTo: Y.parseUpdateMeta(frame.update).to });
      }
      if (frame.kind === "session") this.#handled.push({ socket, connection, command: frame.command });
    };
    socket.onSend = (bytes) => this.#checkSent(room, connection, bytes);
  }

  /** To be called before an operator ends a room. */
  operatorEnds(name: string): void {
    this.#operatorEnds.add(name);
  }

  #checkSent(room: RoomModel, connection: Connection, bytes: Uint8Array): void {
    const sent = readSentContent(bytes);
    if (sent === null) return;
    const { durable, stored } = this.#disk.room(room.name);
    if (sent.kind === "saved") return this.#checkSaved(room, connection, sent.n, stored);
    if (sent.kind === "answer") {
      if (durable === null || durable.state.run < sent.run) {
        violate("I3", `${room.name}: run ${sent.run} was sent, which is not durable`);
      }
      return;
    }
    for (const [client, clock] of sent.upTo) {
      if (client < FIRST_LEDGER_ID) {
        if ((stored.get(client) ?? 0) < clock) {
          violate("I3", `${room.name}: content ${client}:${clock} was sent before it was written`);
        }
      } else if (durable === null || clockOfLedger(durable, client) < clock) {
        violate("I3", `${room.name}: the session up to ${client}:${clock} was sent before it was durable`);
      }
    }
  }

  /** Of what an honest client writes nothing is refused, so all of it must be on the disk. */
  #checkSaved({ name }: RoomModel, connection: Connection, n: number, stored: ReadonlyMap<number, number>): void {
    if (n > connection.syncMessages) violate("I3", `${name}: message ${n} was acknowledged, which was not sent`);
    for (const update of connection.updates.filter((each) => each.n <= n)) {
      for (const [client, clock] of update.upTo) {
        if ((stored.get(client) ?? 0) >= clock) continue;
        violate("I3", `${name}: content ${client}:${clock} was acknowledged before it was written`);
      }
    }
    connection.updates = connection.updates.filter((each) => each.n > n);
  }

  /** A client's document contains a new session. @param before its session before; `null` if it had none. */
  observed(who: string, name: string, before: Session | null, session: Session): void {
    if (before !== null && rankOfSession(session) < rankOfSession(before)) {
      violate("I2", `${who} read ${JSON.stringify(session)} after ${JSON.stringify(before)}`);
    }
    const { durable } = this.#disk.room(name);
    if (durable === null || rankOfRecord(durable) < rankOfSession(session)) {
      violate("I3", `${who} was sent ${JSON.stringify(session)}, which is not durable`);
    }
  }

  // --- The disk -----------------------------------------------------------------------------------

  written(name: string): void {
    const room = this.#rooms.get(name);
    const { record } = this.#disk.room(name);
    if (room === undefined || record === null) return;
    if (this.#bootNow !== null) this.#checkStart(room, record, this.#bootNow);
    const rank = rankOfRecord(record);
    if (rank < room.rank) violate("I2", `${name}: the stored state went back from ${room.rank} to ${rank}`);
    room.rank = rank;
    room.ledgerId ??= record.ledgerId;
    if (room.ledgerId !== record.ledgerId) {
      // A client proves a loss of content by the count that it was sent, once for each loss (R9).
      room.renewals++;
      if (room.renewals > this.#disk.lossesOf(name) || record.ledgerId < room.ledgerId) {
        violate("I2", `${name}: the ledger's id has changed`);
      }
      room.ledgerId = record.ledgerId;
    }
  }

  /** A relay that starts writes the deadline of each live run and nothing else. */
  #checkStart(room: RoomModel, record: RoomRecord, bootNow: number): void {
    const deadlineAt = deadlineOf(record);
    const earliest = Math.max(room.storedDeadlineAt ?? bootNow + room.hostAbsenceMs, bootNow + this.#restartGraceMs);
    if (deadlineAt === null || deadlineAt < earliest || deadlineAt > earliest + SLOWEST_START_MS) {
      violate("I1", `${room.name}: a start sets the deadline to ${deadlineAt} instead of ${earliest}`);
    }
    this.#setDeadline(room, deadlineAt!);
  }

  // --- After every step ---------------------------------------------------------------------------

  /**
   * @param now the relay's time.
   * @param describe the relay's view of a room; `null` if the room is not in memory.
   * @param handlesDeadlines whether the relay currently handles deadlines.
   */
  afterStep(now: number, describe: (name: string) => RelayView | null, handlesDeadlines: boolean): void {
    const handled = this.#handled;
    this.#handled = [];
    for (const room of this.#rooms.values()) {
      const described = describe(room.name);
      if (described !== null) {
        this.#track(
          room,
          described,
          now,
          handled.filter(({ connection }) => connection.claims.room === room.name),
        );
      } else if (room.status === "live" && room.hadHost) {
        // Unloaded: its last host was its last connection.
        room.hadHost = false;
        this.#setDeadline(room, now + room.hostAbsenceMs);
      }
      for (const socket of room.connections.keys()) {
        const silentMs = socket.link.time.now - socket.receivedAtMs;
        if (silentMs > DEAD_AFTER_MS)
          violate("I5", `${room.name}: a connection has been silent for ${silentMs} ms and is still open`);
      }
      if (handlesDeadlines && room.status === "live" && room.deadlineAt !== null && now > room.deadlineAt + LATE_MS) {
        violate("I1", `${room.name}: run ${room.run} continues without a host after its deadline ${room.deadlineAt}`);
      }
    }
  }

  /** The deadline that a room should have, ms since the epoch; `null` if none. */
  deadlineOf(name: string): number | null {
    return this.#rooms.get(name)?.deadlineAt ?? null;
  }

  #setDeadline(room: RoomModel, deadlineAt: number): void {
    room.deadlineAt = deadlineAt;
    const known = room.deadlines.get(room.run);
    if (known === undefined) room.deadlines.set(room.run, new Set([deadlineAt]));
    else known.add(deadlineAt);
  }

  #track(
    room: RoomModel,
    { status, run, endsAt, ended }: RelayView,
    now: number,
    handled: readonly HandledCommand[],
  ): void {
    const isNewRun = status === "live" && (room.status !== "live" || run !== room.run);
    if (rankOf(run, status === "ended") < rankOf(room.run, room.status === "ended")) {
      violate("I2", `${room.name}: from run ${room.run} ${room.status} back to run ${run} ${status}`);
    }
    if (status === "ended" && room.status !== "ended" && room.status !== "unknown") {
      this.#checkEnd(room, run, ended!.reason, now, handled);
    }
    if (isNewRun || status !== "live")
      for (const connection of room.connections.values()) connection.inRun = !connection.speaksSession;
    for (const { connection, command } of handled) {
      if (command.type === "leave") connection.inRun = false;
      else if (command.type === "join" || (command.type === "start" && connection.claims.role === "host")) {
        if (status === "live" && !(command.type === "start" && command.run > run)) connection.inRun = true;
      }
    }
    for (const [socket, connection] of room.connections) connection.isClosing ||= socket.readyState === 2;
    room.status = status;
    room.run = run;
    const hasHost = [...room.connections].some(
      ([, { claims, inRun, isClosing }]) => claims.role === "host" && inRun && !isClosing,
    );
    if (status !== "live" || hasHost) room.deadlineAt = null;
    else if (isNewRun || room.hadHost) this.#setDeadline(room, now + room.hostAbsenceMs);
    room.hadHost = status === "live" && hasHost;
    if (endsAt !== room.deadlineAt) {
      violate("I1", `${room.name}: the relay's deadline is ${endsAt} instead of ${room.deadlineAt} (now ${now})`);
    }
  }

  #checkEnd(room: RoomModel, run: number, reason: string, now: number, handled: readonly HandledCommand[]): void {
    if (run !== room.run) violate("I2", `${room.name}: run ${run} ended while run ${room.run} was live`);
    if (reason === "host-absent") {
      if (room.deadlineAt === null || now < room.deadlineAt) {
        violate("I1", `${room.name}: run ${run} ended by absence at ${now}, the deadline is ${room.deadlineAt}`);
      }
    } else if (reason === "host-ended") {
      const isRequested = handled.some(
        ({ connection, command }) => connection.claims.role === "host" && command.type === "end" && command.run === run,
      );
      if (!isRequested) violate("I2", `${room.name}: run ${run} was ended by a host who did not request it`);
    } else if (!this.#operatorEnds.has(room.name)) {
      violate("I2", `${room.name}: run ${run} was ended by an operator who did not request it`);
    }
  }
}
