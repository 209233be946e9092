/**
 * The relay without its network: store, rooms, deadlines, heartbeat and admission. Time, tokens and sockets are passed
 * in, so that the same code runs with real ports and in the simulation.
 */
import type { Logger } from "pino";
import { CloseCode } from "../src/protocol/close-codes.ts";
import type { Clock } from "../src/clock.ts";
import { AwarenessClock } from "./room/presence/awareness-clock.ts";
import { Deadlines } from "./room/session/deadlines.ts";
import { Heartbeat } from "./gateway/heartbeat.ts";
import { Housekeeping, HOUSEKEEPING_PARTS } from "./room/housekeeping.ts";
import { Journal } from "./store/journal.ts";
import type { Limits } from "./config/limits.ts";
import { Admission } from "./gateway/admission.ts";
import { Rooms } from "./room/rooms.ts";
import { stagger } from "./gateway/stagger.ts";
import { Slices } from "./room/content/slices.ts";
import type { Store } from "./store/store.ts";
import type { CommitProofs } from "./auth/commit-proof.ts";
import type { Tokens } from "./auth/tokens.ts";

export type RelayCoreOptions = {
  readonly clock: Clock;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly proofs: Pick<CommitProofs, "sign" | "verify">;
  readonly limits: Limits;
  /** Default limit of the absence. */
  readonly hostAbsenceMs: number;
  /** The least time that hosts have to return after a start of the relay. */
  readonly restartGraceMs: number;
  readonly logger: Pick<Logger, "info" | "error" | "fatal">;
  /** Called about every 20 s. */
  readonly onHousekeeping: () => void;
  /** Called when the store has failed, and all connections were closed: nothing can be stored any more. */
  readonly onFailure: (error: Error) => void;
};

/** Live rooms that are read from the store at a time. */
const START_BATCH = 1_000;
/** The longest time that a start may take: the grace of a room begins when the room is resumed. */
const SLOWEST_START_MS = 60_000;
const RESTARTING = "the relay is restarting";

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

export class RelayCore {
  readonly rooms: Rooms;
  readonly admission: Admission;
  readonly #options: RelayCoreOptions;
  readonly #journal: Journal;
  readonly #deadlines: Deadlines;
  readonly #housekeeping: Housekeeping;
  readonly #heartbeat: Heartbeat;
  #failure: Error | null = null;

  /**
   * Opens the rooms of a store: every live run gets the deadline that a start of the relay gives it.
   *
   * @throws StoreError. The store is not closed then.
   */
  static async start(options: RelayCoreOptions): Promise<RelayCore> {
    const { store, clock } = options;
    const awareness = await AwarenessClock.open(store, clock);
    const core = new RelayCore(options, awareness.awarenessClock);
    core.#journal.write({ type: "put-meta", key: awareness.key, value: awareness.value }, "flushed");
    try {
      // Later deadlines are not affected by the grace.
      const before = clock.now() + options.restartGraceMs + SLOWEST_START_MS;
      for await (const records of store.liveRooms(before, START_BATCH)) {
        for (const record of records) core.rooms.resume(record, options.restartGraceMs);
        await core.#journal.settled();
      }
      await core.#journal.settled();
      await core.#deadlines.start();
      return core;
    } catch (error) {
      await core.abandon();
      throw error;
    }
  }

  private constructor(options: RelayCoreOptions, awarenessClock: AwarenessClock) {
    const { store, clock, tokens, limits, logger, hostAbsenceMs } = options;
    this.#options = options;
    this.#journal = new Journal(
      store,
      clock,
      (error) => this.#fail(error),
      (error) => logger.error({ err: error }, "a callback after a commit failed"),
    );
    this.#deadlines = new Deadlines({
      store,
      journal: this.#journal,
      clock,
      check: (room) => this.rooms.checkDeadline(room),
      onError: (error) => this.#fail(toError(error)),
    });
    this.rooms = new Rooms(store, {
      clock,
      journal: this.#journal,
      slices: new Slices(clock, (error) => logger.error({ err: error }, "work in slices failed")),
      failed: (room, error) => logger.error({ err: error, room }, "a message could not be handled"),
      contentSetAside: (room, error) =>
        logger.error({ err: error, room }, "the content of a room failed and is set aside; its session goes on"),
      awarenessClock,
      limits,
      hostAbsenceMs,
      startedAt: clock.now(),
      proofs: options.proofs,
      deadlineSet: (deadlineAt) => this.#deadlines.noticed(deadlineAt),
    });
    this.#housekeeping = new Housekeeping(clock, (part) => {
      this.rooms.refreshPresence(part, HOUSEKEEPING_PARTS);
      if (part === 0) options.onHousekeeping();
    });
    this.#heartbeat = new Heartbeat(clock);
    this.admission = new Admission({ rooms: this.rooms, tokens, clock, limits, heartbeat: this.#heartbeat, logger });
  }

  /** The error with which the store failed, if it did. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Refuses new connections; those that exist are still served. */
  stopAccepting(): void {
    // After a failure of the store, the refusal that says so stays.
    if (this.#failure === null) this.admission.stopAccepting(CloseCode.restarting, RESTARTING);
    // Deadlines from now on are for the next start (L14): hosts that the relay disconnects have not left.
    this.#deadlines.stop();
  }

  /** Closes connections a few at a time, so that the clients reconnect a few at a time (docs/SPEC.md, R6). */
  async retire(): Promise<void> {
    this.stopAccepting();
    const all = this.rooms.loaded.flatMap((room) => [...room.connections].map((connection) => ({ room, connection })));
    // Hosts last, so that rooms are without one for as short a time as possible.
    await stagger(
      all,
      ({ connection }) => connection.isHost,
      this.#options.clock,
      ({ room, connection }) => room.sendAway(connection, CloseCode.restarting, RESTARTING),
    );
  }

  /** Closes all connections at once. The store stays open for what arrives until the sockets are closed. */
  closeAll(): void {
    this.stopAccepting();
    this.#stopTimers();
    for (const room of this.rooms.loaded) room.closeAll(CloseCode.restarting, RESTARTING);
  }

  /** Commits what is pending and closes the store; to be called after `closeAll`, when no socket is left. */
  async stop(): Promise<void> {
    await this.rooms.idle();
    await this.#journal.stop();
    await this.#options.store.close();
  }

  /** Stops a core that has served nobody. The store stays open. */
  async abandon(): Promise<void> {
    this.#stopTimers();
    this.#deadlines.stop();
    await this.#journal.stop();
  }

  #stopTimers(): void {
    this.#housekeeping.stop();
    this.#heartbeat.stop();
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#options.logger.fatal({ err: error }, "the store failed; all connections are closed");
    const reason = "the relay cannot store anything";
    this.admission.stopAccepting(CloseCode.tryAgainLater, reason);
    for (const room of this.rooms.loaded) room.closeAll(CloseCode.tryAgainLater, reason);
    this.#options.onFailure(error);
  }
}
