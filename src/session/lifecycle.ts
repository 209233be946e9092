/**
 * The lifecycle of a session: one pure function of state, event and time (docs/SPEC.md, part L). It knows no document,
 * socket, timer or clock. The relay feeds it and executes its effects; nothing else decides the state of a session.
 */
import type { EndReason, LiveSession, EndedSession, PersonRef, Session, WaitingSession } from "./session.ts";

/** Whether a new room is started by the first host's arrival, or only by Start Session. */
export type StartMode = "auto" | "manual";

/** The time in which a live run has no host connected; both moments in ms since the epoch. */
export type Absence = { readonly since: number; readonly deadlineAt: number };

export type WaitingState = WaitingSession;
export type LiveState = LiveSession & { readonly absence: Absence | null };
export type EndedState = EndedSession;
export type LifecycleState = WaitingState | LiveState | EndedState;

export type LifecycleSettings = {
  readonly start: StartMode;
  /** How long a live run may have no host, in ms. */
  readonly hostAbsenceMs: number;
};

export type LifecycleEvent =
  /** A host who was not present is present; others may have been before. */
  | { readonly type: "host-arrived" }
  /** No host is present any more in this run. */
  | { readonly type: "last-host-left"; readonly run: number }
  /** A new run was requested. `run`: the one that the person saw; absent means the present one. */
  | { readonly type: "start-requested"; readonly run?: number | undefined; readonly hostPresent: boolean }
  | {
      readonly type: "end-requested";
      readonly run?: number | undefined;
      readonly reason: EndReason;
      readonly by: PersonRef | null;
    }
  /** Time has passed: the deadline of this run may be due. */
  | { readonly type: "deadline-checked"; readonly run: number }
  /** The relay has read this state from its store at its start; nobody is connected. */
  | { readonly type: "relay-started"; readonly graceMs: number };

export type Effect =
  /** Write this to the ledger, durably, before it is sent to anybody. */
  | { readonly type: "write-session"; readonly session: Session }
  /** Store this deadline (ms since the epoch) durably, or none. */
  | { readonly type: "set-deadline"; readonly deadlineAt: number | null }
  /** A run begins: serve content, and request from everyone what they wrote offline. */
  | { readonly type: "open-content" }
  /** The run is over: withhold content, empty the presence, close the connections of stock clients. */
  | { readonly type: "withhold-content" };

export type Transition = { readonly state: LifecycleState; readonly effects: readonly Effect[] };

const unchanged = (state: LifecycleState): Transition => ({ state, effects: [] });

/** The part of a state that the document shows: everything but the absence, which participants never see. */
export const toSession = (state: LifecycleState): Session =>
  state.status === "live" ? { status: "live", run: state.run, startedAt: state.startedAt } : state;

const begin = (run: number, now: number, absence: Absence | null): Transition => {
  const state: LiveState = { status: "live", run, startedAt: now, absence };
  const effects: Effect[] = [{ type: "write-session", session: toSession(state) }];
  if (absence !== null) effects.push({ type: "set-deadline", deadlineAt: absence.deadlineAt });
  effects.push({ type: "open-content" });
  return { state, effects };
};

const finish = (state: LiveState, now: number, reason: EndReason, by: PersonRef | null): Transition => {
  const { run, startedAt, absence } = state;
  const ended: EndedState = { status: "ended", run, startedAt, ended: { at: now, reason, by } };
  const effects: Effect[] = [{ type: "write-session", session: ended }];
  if (absence !== null) effects.push({ type: "set-deadline", deadlineAt: null });
  effects.push({ type: "withhold-content" });
  return { state: ended, effects };
};

const withAbsence = (state: LiveState, absence: Absence | null): Transition => ({
  state: { ...state, absence },
  effects: [{ type: "set-deadline", deadlineAt: absence === null ? null : absence.deadlineAt }],
});

const absenceFrom = (now: number, settings: LifecycleSettings): Absence => ({
  since: now,
  deadlineAt: now + settings.hostAbsenceMs,
});

/** Whether an event is about the present run; without a number it is. */
const isOfThisRun = (state: LifecycleState, run: number | undefined): boolean => run === undefined || run === state.run;

/** Whether the deadline of a live state has passed with no host back. */
export const isDue = (state: LifecycleState, now: number): state is LiveState & { absence: Absence } =>
  state.status === "live" && state.absence !== null && now >= state.absence.deadlineAt;

const onWaiting = (
  state: WaitingState,
  event: LifecycleEvent,
  now: number,
  settings: LifecycleSettings,
): Transition => {
  switch (event.type) {
    case "host-arrived":
      return settings.start === "auto" ? begin(1, now, null) : unchanged(state);
    case "start-requested":
      if (!isOfThisRun(state, event.run)) return unchanged(state);
      return begin(1, now, event.hostPresent ? null : absenceFrom(now, settings));
    case "last-host-left":
    case "end-requested":
    case "deadline-checked":
    case "relay-started":
      return unchanged(state);
  }
};

const onLive = (state: LiveState, event: LifecycleEvent, now: number, settings: LifecycleSettings): Transition => {
  switch (event.type) {
    case "host-arrived":
      return state.absence === null ? unchanged(state) : withAbsence(state, null);
    case "last-host-left":
      if (event.run !== state.run || state.absence !== null) return unchanged(state);
      return withAbsence(state, absenceFrom(now, settings));
    case "end-requested":
      return isOfThisRun(state, event.run) ? finish(state, now, event.reason, event.by) : unchanged(state);
    case "relay-started": {
      // Time in which the relay was down counts, but a host always has the grace to return.
      const absence = state.absence ?? absenceFrom(now, settings);
      const deadlineAt = Math.max(absence.deadlineAt, now + event.graceMs);
      if (state.absence !== null && deadlineAt === state.absence.deadlineAt) return unchanged(state);
      return withAbsence(state, { since: absence.since, deadlineAt });
    }
    case "start-requested":
    case "deadline-checked":
      return unchanged(state);
  }
};

const onEnded = (state: EndedState, event: LifecycleEvent, now: number, settings: LifecycleSettings): Transition => {
  switch (event.type) {
    case "start-requested":
      if (!isOfThisRun(state, event.run)) return unchanged(state);
      return begin(state.run + 1, now, event.hostPresent ? null : absenceFrom(now, settings));
    case "host-arrived":
    case "last-host-left":
    case "end-requested":
    case "deadline-checked":
    case "relay-started":
      return unchanged(state);
  }
};

/**
 * What an event does to a session at the time `now` (ms since the epoch).
 *
 * A deadline that has passed is applied first: a host who arrives after it is too late, however late the timer is.
 * The start of the relay is the exception, since it grants the grace.
 */
export const transition = (
  state: LifecycleState,
  event: LifecycleEvent,
  now: number,
  settings: LifecycleSettings,
): Transition => {
  if (event.type !== "relay-started" && isDue(state, now)) {
    const expired = finish(state, now, "host-absent", null);
    // The event may still apply to the ended session: an operator's Start, for instance.
    const after = transition(expired.state, event, now, settings);
    return { state: after.state, effects: [...expired.effects, ...after.effects] };
  }
  switch (state.status) {
    case "waiting":
      return onWaiting(state, event, now, settings);
    case "live":
      return onLive(state, event, now, settings);
    case "ended":
      return onEnded(state, event, now, settings);
  }
};
