/**
 * The relay without its network: store, rooms, deadlines, heartbeat and admission. It is handed time,
 * tokens and sockets, so that the same code runs behind real ports and in the simulation.
 */
import type { Logger } from "pino";
import { CloseCode } from "../src/protocol/close-codes.ts";
import type { Clock } from "../src/clock.ts";
import { AwarenessClock } from "./room/presence/awareness-clock.ts";
import { Deadlines } from "./room/session/deadlines.ts";
import { Heartbeat, HOUSEKEEPING_PARTS } from "./gateway/heartbeat.ts";
import { RECOVERY_MS } from "./room/content/intake.ts";
import { Journal } from "./store/journal.ts";
import type { Limits } from "./config/limits.ts";
import { Admission } from "./gateway/admission.ts";
import { Rooms } from "./room/rooms.ts";
import { stagger } from "./gateway/stagger.ts";
import type { Store } from "./store/store.ts";
import type { Tokens } from "./auth/tokens.ts";

export type RelayCoreOptions = {
  readonly clock: Clock;
  readonly store: Store;
  readonly tokens: Tokens;
  readonly limits: Limits;
  /** Default limit of the absence, ms. */
  readonly hostAbsenceMs: number;
  /** Least time that a host has to come back after a start, ms. */
  readonly restartGraceMs: number;
  readonly logger: Pick<Logger, "info" | "error" | "fatal">;
  /** Called about every 20 s. */
  readonly onHousekeeping: () => void;
  /** Told when the store has failed and everybody was sent away; nothing can be kept any more. */
  readonly onFailure: (error: Error) => void;
};

/** Live rooms that are looked at together at the start. */
const START_BATCH = 1_000;
/** How long the start may take, in ms: until then the grace goes on from later moments. */
const SLOWEST_START_MS = 60_000;
const RESTARTING = "the relay is restarting";

/** Meta value that tells how the last life of the relay on this store ended, and one until when lost content is taken back. */
const SHUTDOWN_STATE_KEY = "life";
const RECOVERY_KEY = "recovers-until";
const RUNNING = "running";
const STOPPED = "stopped";

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

export class RelayCore {
  readonly rooms: Rooms;
  readonly admission: Admission;
  readonly #options: RelayCoreOptions;
  readonly #journal: Journal;
  readonly #deadlines: Deadlines;
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
    const wasCutOff = (await store.readMeta(SHUTDOWN_STATE_KEY)) === RUNNING;
    // A time that an orderly restart does not cut short: whoever holds what was lost may be yet to return.
    const recoversUntil = wasCutOff ? clock.now() + RECOVERY_MS : Number(await store.readMeta(RECOVERY_KEY));
    const core = new RelayCore(options, awareness.awarenessClock, recoversUntil);
    core.#journal.write({ type: "put-meta", key: awareness.key, value: awareness.value }, "flushed");
    core.#journal.write({ type: "put-meta", key: SHUTDOWN_STATE_KEY, value: RUNNING }, "flushed");
    core.#journal.write({ type: "put-meta", key: RECOVERY_KEY, value: String(recoversUntil) }, "flushed");
    try {
      // Deadlines that are further off than the grace stay as they are.
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

  private constructor(options: RelayCoreOptions, awarenessClock: AwarenessClock, recoversUntil: number) {
    const { store, clock, tokens, limits, logger, hostAbsenceMs } = options;
    this.#options = options;
    this.#journal = new Journal(
      store,
      clock,
      (error) => this.#fail(error),
      (error) => logger.error({ err: error }, "something could not be told after a commit"),
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
      awarenessClock,
      limits,
      hostAbsenceMs,
      startedAt: clock.now(),
      recoversUntil,
      deadlineSet: (deadlineAt) => this.#deadlines.noticed(deadlineAt),
    });
    this.#heartbeat = new Heartbeat(clock, (part) => {
      this.rooms.refreshPresence(part, HOUSEKEEPING_PARTS);
      if (part === 0) options.onHousekeeping();
    });
    this.admission = new Admission({ rooms: this.rooms, tokens, clock, limits, heartbeat: this.#heartbeat, logger });
  }

  /** What the store failed with, if it did. */
  get failure(): Error | null {
    return this.#failure;
  }

  /** Lets nobody in any more. Who is in stays, and is served. */
  stopAccepting(): void {
    // A relay that has failed goes on saying so.
    if (this.#failure === null) this.admission.stopAccepting(CloseCode.restarting, RESTARTING);
    // What falls due from now on is the next start's to serve (L14): hosts are sent away, they do not leave.
    this.#deadlines.stop();
  }

  /** Sends people away little by little, so that they come back little by little (docs/SPEC.md, R6). */
  async retire(): Promise<void> {
    this.stopAccepting();
    const all = this.rooms.loaded.flatMap((room) => [...room.connections].map((connection) => ({ room, connection })));
    // Hosts last: the less time a class is without one, the better.
    await stagger(
      all,
      ({ connection }) => connection.isHost,
      this.#options.clock,
      ({ room, connection }) => room.sendAway(connection, CloseCode.restarting, RESTARTING),
    );
  }

  /** Sends everybody away at once; their sockets may still have a last word, so the store stays open. */
  closeAll(): void {
    this.stopAccepting();
    this.#heartbeat.stop();
    for (const room of this.rooms.loaded) room.closeAll(CloseCode.restarting, RESTARTING);
  }

  /** Keeps everything that is to be kept, and lets go of the store; after `closeAll`, when no socket is left. */
  async stop(): Promise<void> {
    this.#journal.write({ type: "put-meta", key: SHUTDOWN_STATE_KEY, value: STOPPED }, "flushed");
    await this.#journal.stop();
    await this.#options.store.close();
  }

  /** Stops the timers of a core that never served anybody, and leaves the store to whoever opened it. */
  async abandon(): Promise<void> {
    this.#heartbeat.stop();
    this.#deadlines.stop();
    await this.#journal.stop();
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#options.logger.fatal({ err: error }, "the store failed; everybody is sent away");
    const reason = "the relay cannot store anything";
    this.admission.stopAccepting(CloseCode.tryAgainLater, reason);
    for (const room of this.rooms.loaded) room.closeAll(CloseCode.tryAgainLater, reason);
    this.#options.onFailure(error);
  }
}
