/**
 * The session of one room: its stored record, its ledger, its lifecycle and its deadline. It executes the effects that
 * concern these, and returns those that concern content and connections.
 */
import type { Clock } from "../../../src/clock.ts";
import { toSession, transition } from "../../../src/session/lifecycle.ts";
import type { Effect, LifecycleEvent, LifecycleState, StartMode } from "../../../src/session/lifecycle.ts";
import { WAITING } from "../../../src/session/session.ts";
import type { RoomRecord } from "../../store/store.ts";
import { sessionFrame, updateFrame } from "../connection/messages.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Ledger } from "./ledger.ts";
import { addFormerLedgers, makeLedgerId } from "./ledger-ids.ts";
import type { FormerLedger } from "./ledger-ids.ts";

export type SessionContext = {
  readonly clock: Pick<Clock, "now">;
  /** Default limit of the absence, ms. */
  readonly hostAbsenceMs: number;
  /** Called with each deadline that is set (ms since the epoch). */
  readonly deadlineSet: (deadlineAt: number) => void;
};

/** Options of a room that are fixed when it is created; `hostAbsenceMs` `null`: the relay's default. */
export type SessionOptions = { readonly start: StartMode; readonly hostAbsenceMs: number | null };

/** An effect that is left to the room. */
export type ContentEffect = Extract<Effect["type"], "open-content" | "withhold-content">;

const settingsOf = ({ start, hostAbsenceMs }: RoomRecord, context: Pick<SessionContext, "hostAbsenceMs">) => ({
  start,
  hostAbsenceMs: hostAbsenceMs ?? context.hostAbsenceMs,
});

const idsOf = ({ ledgerId, formerLedgers }: RoomRecord): ReadonlySet<number> =>
  new Set([ledgerId, ...formerLedgers.map(({ id }) => id)]);

/** The record of a new room, in which no run has started. */
export const createRecord = (room: string, { start, hostAbsenceMs }: SessionOptions, now: number): RoomRecord => {
  const ledger = Ledger.create(
    WAITING,
    makeLedgerId(now, 0, () => false),
  );
  const ledgers = { ledgerId: ledger.id, ledger: ledger.encode(), formerLedgers: [], recoversUntil: 0 };
  return { room, ...ledgers, start, hostAbsenceMs, state: WAITING };
};

/**
 * The record of a live room at a start of the relay, before anybody is connected: with the deadline that it has then.
 * `null` if it stays as it is. Made of the record alone, since there may be very many.
 */
export const resumeRecord = (
  record: RoomRecord,
  graceMs: number,
  context: Pick<SessionContext, "clock" | "hostAbsenceMs">,
): RoomRecord | null => {
  const event = { type: "relay-started", graceMs } as const;
  const { state, effects } = transition(record.state, event, context.clock.now(), settingsOf(record, context));
  // The session stays as it is, so the ledger does too.
  return effects.length === 0 ? null : { ...record, state };
};

export class RoomSession {
  readonly #context: SessionContext;
  readonly #outbox: Outbox;
  #record: RoomRecord;
  #ledger: Ledger;
  /** The client ids of the room's ledgers, now and formerly. */
  #ledgerIds: ReadonlySet<number>;

  constructor(record: RoomRecord, context: SessionContext, outbox: Outbox) {
    this.#record = record;
    this.#ledger = Ledger.load(record.ledgerId, record.ledger);
    this.#ledgerIds = idsOf(record);
    this.#context = context;
    this.#outbox = outbox;
  }

  get state(): LifecycleState {
    return this.#record.state;
  }

  get isLive(): boolean {
    return this.state.status === "live";
  }

  get ledger(): Pick<Ledger, "id" | "clock" | "encode" | "isOutdatedBy"> {
    return this.#ledger;
  }

  /** Applies an event: stores what it changes, sends the ledger's update to all, and returns what the room must do. */
  apply(event: LifecycleEvent): readonly ContentEffect[] {
    const now = this.#context.clock.now();
    const { state, effects } = transition(this.state, event, now, settingsOf(this.#record, this.#context));
    if (effects.length === 0) return [];
    const updates: Uint8Array[] = [];
    const left: ContentEffect[] = [];
    let deadlineAt: number | null = null;
    for (const effect of effects) {
      switch (effect.type) {
        case "write-session":
          updates.push(this.#ledger.write(effect.session));
          break;
        case "set-deadline":
          deadlineAt = effect.deadlineAt;
          break;
        case "open-content":
        case "withhold-content":
          left.push(effect.type);
          break;
      }
    }
    this.#store({ ...this.#record, state, ledger: this.#ledger.encode() });
    if (deadlineAt !== null) this.#context.deadlineSet(deadlineAt);
    for (const update of updates) this.#outbox.sendToAll(updateFrame(update));
    return left;
  }

  get formerLedgers(): readonly FormerLedger[] {
    return this.#record.formerLedgers;
  }

  get recoversUntil(): number {
    return this.#record.recoversUntil;
  }

  /** Whether a client id is that of a ledger of this room, now or formerly. */
  isLedgerId(client: number): boolean {
    return this.#ledgerIds.has(client);
  }

  /**
   * Makes a new ledger of the same session, which replaces whatever clients hold of others.
   *
   * @param isHeld whether the content holds structs under a client id.
   * @param loss the store has lost content of the time of the ledger `lostId`, and takes it back `until` then (ms since
   * the epoch).
   */
  renewLedger(isHeld: (client: number) => boolean, loss?: { readonly lostId: number; readonly until: number }): void {
    const lost = loss === undefined || loss.lostId === this.#ledger.id ? [] : [{ id: loss.lostId, clock: 0 }];
    const recoversUntil = loss?.until ?? this.recoversUntil;
    const { id, clock } = this.#ledger;
    const formerLedgers = addFormerLedgers(this.formerLedgers, { id, clock }, ...lost);
    this.#ledger = Ledger.create(
      toSession(this.state),
      makeLedgerId(this.#context.clock.now(), formerLedgers.at(-1)!.id, isHeld),
    );
    const ledger = this.#ledger.encode();
    this.#store({ ...this.#record, ledgerId: this.#ledger.id, ledger, formerLedgers, recoversUntil });
    this.#ledgerIds = idsOf(this.#record);
    this.#outbox.sendToSessionClients(sessionFrame({ type: "ledger", id: this.#ledger.id }));
    this.#outbox.sendToAll(updateFrame(ledger));
  }

  #store(record: RoomRecord): void {
    this.#record = record;
    this.#outbox.storeRecord(record);
  }
}
