/**
 * What must hold in every world, reckoned apart from the relay's own reckoning (docs/SPEC.md, part I):
 * from what sockets delivered, what lies on the disk, and what people were told.
 */
import * as Y from "yjs";
import type { Command } from "../../src/protocol/protocol.ts";
import { readClientMessage } from "../../src/protocol/protocol.ts";
import type { Session } from "../../src/session/session.ts";
import type { Claims } from "../../sync-server/auth/tokens.ts";
import type { RoomRecord } from "../../sync-server/store/store.ts";
import type { SimDisk } from "./disk.ts";
import type { ServerSocket } from "./sockets.ts";
import { readTold } from "./told.ts";

export class Violation extends Error {
  override name = "Violation";
  readonly rule: string;

  constructor(rule: string, what: string) {
    super(`[${rule}] ${what}`);
    this.rule = rule;
  }
}

let first: Violation | null = null;

/** Notes that something did not hold, and ends what is going on; the relay may catch that, the note stays. */
export const violate = (rule: string, what: string): never => {
  first ??= new Violation(rule, what);
  throw first;
};

/** What did not hold, if anything; asked once. */
export const takeViolation = (): Violation | null => {
  const taken = first;
  first = null;
  return taken;
};

/** In this time the relay must have noticed a line from which nothing comes, ms (W11). */
const DEAD_AFTER_MS = 40_000;
/** From the deadline until the relay has noticed it and written the end, at most, ms. */
const LATE_MS = 2_000;
/** How long a start may take, ms. */
const SLOWEST_START_MS = 4_000;
const FIRST_LEDGER_ID = 2 ** 32;

type Line = {
  readonly claims: Claims;
  readonly speaksSession: boolean;
  inRun: boolean;
  /** The relay has begun to close it, and counts it no more. */
  isGone: boolean;
};

/** What is known of one room. */
type RoomModel = {
  readonly name: string;
  readonly hostAbsenceMs: number;
  readonly lines: Map<ServerSocket, Line>;
  status: "unknown" | "waiting" | "live" | "ended";
  run: number;
  /** Of the absence that goes on, ms since the epoch. */
  deadlineAt: number | null;
  /** All deadlines that each run ever had. */
  readonly deadlines: Map<number, Set<number>>;
  /** The last state on the disk, as a number that only grows. */
  rank: number;
  ledgerId: number | null;
  /** What lay on the disk when the relay was started. */
  storedDeadlineAt: number | null;
  hadHost: boolean;
};

/** States in the order in which they may follow each other. */
export const rankOf = (run: number, isEnded: boolean): number => run * 2 + (isEnded ? 1 : 0);
const rankOfSession = (session: Session): number => rankOf(session.run, session.status === "ended");
const rankOfRecord = ({ state }: RoomRecord): number => rankOf(state.run, state.status === "ended");
const deadlineOf = ({ state }: RoomRecord): number | null =>
  state.status === "live" ? (state.absence?.deadlineAt ?? null) : null;

const ledgerClock = new WeakMap<Uint8Array, number>();
const ledgerClockOf = ({ ledger, ledgerId }: RoomRecord): number => {
  let clock = ledgerClock.get(ledger);
  if (clock === undefined) ledgerClock.set(ledger, (clock = Y.parseUpdateMeta(ledger).to.get(ledgerId) ?? 0));
  return clock;
};

/** The relay's own view of a room, as it describes it to operators. */
export type Described = {
  readonly status: "waiting" | "live" | "ended";
  readonly run: number;
  readonly endsAt: number | null;
  readonly ended: { readonly reason: string } | null;
};

export class Oracle {
  readonly #disk: SimDisk;
  readonly #restartGraceMs: number;
  readonly #rooms = new Map<string, RoomModel>();
  /** Commands that the relay has handled in this step. */
  #handled: { readonly socket: ServerSocket; readonly line: Line; readonly command: Command }[] = [];
  /** Rooms that an operator has asked this relay to end. */
  readonly #operatorEnds = new Set<string>();
  /** When the relay that is starting began to, ms since the epoch; `null`: none is. */
  #bootNow: number | null = null;

  constructor(disk: SimDisk, restartGraceMs: number) {
    this.#disk = disk;
    this.#restartGraceMs = restartGraceMs;
  }

  watch(name: string, hostAbsenceMs: number): void {
    this.#rooms.set(name, {
      name,
      hostAbsenceMs,
      lines: new Map(),
      status: "unknown",
      run: 0,
      deadlineAt: null,
      deadlines: new Map(),
      rank: 0,
      ledgerId: null,
      storedDeadlineAt: null,
      hadHost: false,
    });
  }

  // --- The relay's lives ------------------------------------------------------------------------

  booting(now: number): void {
    this.#bootNow = now;
    for (const room of this.#rooms.values()) {
      const { record } = this.#disk.room(room.name);
      room.lines.clear();
      room.hadHost = false;
      room.status = record?.state.status ?? "unknown";
      room.run = record?.state.run ?? 0;
      room.deadlineAt = null;
      if (record === null) continue;
      const stored = deadlineOf(record);
      if (stored !== null && !room.deadlines.get(room.run)?.has(stored)) {
        violate("I1", `${room.name}: the deadline on the disk, ${stored}, was never one of run ${record.state.run}`);
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
      if (deadlineAt === null) violate("I1", `${room.name}: a start has left a live run without a deadline`);
      else if (
        deadlineAt > now + Math.max(room.hostAbsenceMs, this.#restartGraceMs) &&
        deadlineAt !== room.storedDeadlineAt
      ) {
        violate("I1", `${room.name}: a start has put the deadline off to ${deadlineAt}`);
      }
      room.deadlineAt = deadlineAt;
    }
  }

  gone(): void {
    this.#bootNow = null;
    this.#handled = [];
    this.#operatorEnds.clear();
    for (const room of this.#rooms.values()) room.lines.clear();
  }

  // --- What passes through sockets ----------------------------------------------------------------

  attached(socket: ServerSocket, claims: Claims, speaksSession: boolean): void {
    const room = this.#rooms.get(claims.room);
    if (room === undefined) return;
    const line: Line = { claims, speaksSession, inRun: !speaksSession, isGone: false };
    room.lines.set(socket, line);
    socket.onClosed.push(() => void room.lines.delete(socket));
    socket.onHandled = (bytes) => {
      const frame = readClientMessage(bytes);
      if (frame.kind === "session") this.#handled.push({ socket, line, command: frame.command });
    };
    socket.onSend = (bytes) => this.#checkTold(room, bytes);
  }

  /** An operator is about to end a room. */
  operatorEnds(name: string): void {
    this.#operatorEnds.add(name);
  }

  #checkTold(room: RoomModel, bytes: Uint8Array): void {
    const told = readTold(bytes);
    if (told === null) return;
    const { durable, held } = this.#disk.room(room.name);
    if (told.kind === "answer") {
      if (durable === null || durable.state.run < told.run) {
        violate("I3", `${room.name}: somebody was told of run ${told.run}, which is not safe on the disk`);
      }
      return;
    }
    for (const [client, clock] of told.upTo) {
      if (client < FIRST_LEDGER_ID) {
        if ((held.get(client) ?? 0) < clock) {
          violate("I3", `${room.name}: content ${client}:${clock} was told before it was written`);
        }
      } else if (durable === null || durable.ledgerId !== client || ledgerClockOf(durable) < clock) {
        violate("I3", `${room.name}: the session up to ${client}:${clock} was told before it was safe on the disk`);
      }
    }
  }

  /** Somebody's document says this now. @param before what it said before, `null`: nothing. */
  observed(who: string, name: string, before: Session | null, session: Session): void {
    if (before !== null && rankOfSession(session) < rankOfSession(before)) {
      violate("I2", `${who} saw ${JSON.stringify(session)} after ${JSON.stringify(before)}`);
    }
    const { durable } = this.#disk.room(name);
    if (durable === null || rankOfRecord(durable) < rankOfSession(session)) {
      violate("I3", `${who} was told ${JSON.stringify(session)}, which is not safe on the disk`);
    }
  }

  // --- The disk -----------------------------------------------------------------------------------

  written(name: string): void {
    const room = this.#rooms.get(name);
    const { record } = this.#disk.room(name);
    if (room === undefined || record === null) return;
    if (this.#bootNow !== null) this.#checkStart(room, record, this.#bootNow);
    const rank = rankOfRecord(record);
    if (rank < room.rank) violate("I2", `${name}: the disk went back from state ${room.rank} to ${rank}`);
    room.rank = rank;
    room.ledgerId ??= record.ledgerId;
    if (room.ledgerId !== record.ledgerId) violate("I2", `${name}: the ledger changed its id`);
  }

  /** What a relay writes while it starts: of each live run its deadline, and nothing else. */
  #checkStart(room: RoomModel, record: RoomRecord, bootNow: number): void {
    const deadlineAt = deadlineOf(record);
    const earliest = Math.max(room.storedDeadlineAt ?? bootNow + room.hostAbsenceMs, bootNow + this.#restartGraceMs);
    if (deadlineAt === null || deadlineAt < earliest || deadlineAt > earliest + SLOWEST_START_MS) {
      violate("I1", `${room.name}: a start sets the deadline to ${deadlineAt}, and ${earliest} is right`);
    }
    this.#setDeadline(room, deadlineAt!);
  }

  // --- After every step ---------------------------------------------------------------------------

  /**
   * @param now the relay's time.
   * @param describe a room as the relay has it in memory; `null` if it is not there.
   * @param serves whether the relay serves deadlines.
   */
  afterStep(now: number, describe: (name: string) => Described | null, serves: boolean): void {
    const handled = this.#handled;
    this.#handled = [];
    for (const room of this.#rooms.values()) {
      const described = describe(room.name);
      if (described !== null) {
        this.#follow(
          room,
          described,
          now,
          handled.filter(({ line }) => line.claims.room === room.name),
        );
      } else if (room.status === "live" && room.hadHost) {
        // Unloaded: with its last line went its last host.
        room.hadHost = false;
        this.#setDeadline(room, now + room.hostAbsenceMs);
      }
      for (const socket of room.lines.keys()) {
        const silentMs = socket.link.time.now - socket.heardAtMs;
        if (silentMs > DEAD_AFTER_MS)
          violate("I5", `${room.name}: a line has been dead for ${silentMs} ms and is kept`);
      }
      if (serves && room.status === "live" && room.deadlineAt !== null && now > room.deadlineAt + LATE_MS) {
        violate("I1", `${room.name}: run ${room.run} goes on without a host after its deadline ${room.deadlineAt}`);
      }
    }
  }

  /** When a room's run ends if nothing happens, ms since the epoch; `null` if it does not. */
  deadlineOf(name: string): number | null {
    return this.#rooms.get(name)?.deadlineAt ?? null;
  }

  #setDeadline(room: RoomModel, deadlineAt: number): void {
    room.deadlineAt = deadlineAt;
    const known = room.deadlines.get(room.run);
    if (known === undefined) room.deadlines.set(room.run, new Set([deadlineAt]));
    else known.add(deadlineAt);
  }

  #follow(
    room: RoomModel,
    { status, run, endsAt, ended }: Described,
    now: number,
    handled: readonly { readonly socket: ServerSocket; readonly line: Line; readonly command: Command }[],
  ): void {
    const isNewRun = status === "live" && (room.status !== "live" || run !== room.run);
    if (rankOf(run, status === "ended") < rankOf(room.run, room.status === "ended")) {
      violate("I2", `${room.name}: from run ${room.run} ${room.status} back to run ${run} ${status}`);
    }
    if (status === "ended" && room.status !== "ended" && room.status !== "unknown") {
      this.#checkEnd(room, run, ended!.reason, now, handled);
    }
    if (isNewRun || status !== "live") for (const line of room.lines.values()) line.inRun = !line.speaksSession;
    for (const { line, command } of handled) {
      if (command.type === "leave") line.inRun = false;
      else if (command.type === "join" || (command.type === "start" && line.claims.role === "host")) {
        if (status === "live" && !(command.type === "start" && command.run > run)) line.inRun = true;
      }
    }
    for (const [socket, line] of room.lines) line.isGone ||= socket.readyState === 2;
    room.status = status;
    room.run = run;
    const hasHost = [...room.lines].some(([, { claims, inRun, isGone }]) => claims.role === "host" && inRun && !isGone);
    if (status !== "live" || hasHost) room.deadlineAt = null;
    else if (isNewRun || room.hadHost) this.#setDeadline(room, now + room.hostAbsenceMs);
    room.hadHost = status === "live" && hasHost;
    if (endsAt !== room.deadlineAt) {
      violate("I1", `${room.name}: the relay's deadline is ${endsAt}, and should be ${room.deadlineAt} (now ${now})`);
    }
  }

  #checkEnd(
    room: RoomModel,
    run: number,
    reason: string,
    now: number,
    handled: readonly { readonly line: Line; readonly command: Command }[],
  ): void {
    if (run !== room.run) violate("I2", `${room.name}: run ${run} ended while run ${room.run} was live`);
    if (reason === "host-absent") {
      if (room.deadlineAt === null || now < room.deadlineAt) {
        violate("I1", `${room.name}: run ${run} ended by absence at ${now}, the deadline is ${room.deadlineAt}`);
      }
    } else if (reason === "host-ended") {
      const isAsked = handled.some(
        ({ line, command }) => line.claims.role === "host" && command.type === "end" && command.run === run,
      );
      if (!isAsked) violate("I2", `${room.name}: run ${run} was ended by a host who did not ask for it now`);
    } else if (!this.#operatorEnds.has(room.name)) {
      violate("I2", `${room.name}: run ${run} was ended by an operator who did not ask`);
    }
  }
}
