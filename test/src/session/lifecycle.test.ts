/** The lifecycle, exhaustively: every state against every event, and properties of all histories. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isDue, toSession, transition } from "../../../src/session/lifecycle.ts";
import type {
  EndedState,
  Effect,
  LifecycleEvent,
  LifecycleSettings,
  LifecycleState,
  LiveState,
} from "../../../src/session/lifecycle.ts";
import { WAITING } from "../../../src/session/session.ts";

const NOW = 1_000_000;
const LIMIT = 900_000;
const GRACE = 30_000;
const AUTO: LifecycleSettings = { start: "auto", hostAbsenceMs: LIMIT };
const MANUAL: LifecycleSettings = { start: "manual", hostAbsenceMs: LIMIT };
const BY = { id: "hera", name: "Hera" };

const absence = { since: NOW - 1_000, deadlineAt: NOW - 1_000 + LIMIT };
const waiting: LifecycleState = { status: "waiting", run: 0 };
const live: LiveState = { status: "live", run: 3, startedAt: 5, absence: null };
const alone: LiveState = { ...live, absence };
const ended: EndedState = {
  status: "ended",
  run: 3,
  startedAt: 5,
  ended: { at: 9, reason: "host-ended", by: BY },
};

const arrived: LifecycleEvent = { type: "host-arrived" };
const left = (run = 3): LifecycleEvent => ({ type: "last-host-left", run });
const start = (run?: number, hostPresent = true): LifecycleEvent => ({ type: "start-requested", run, hostPresent });
const end = (run?: number): LifecycleEvent => ({ type: "end-requested", run, reason: "host-ended", by: BY });
const adminEnd: LifecycleEvent = { type: "end-requested", reason: "admin", by: null };
const checked = (run = 3): LifecycleEvent => ({ type: "deadline-checked", run });
const relayStarted: LifecycleEvent = { type: "relay-started", graceMs: GRACE };

const begun = (run: number, away = false): LiveState => ({
  status: "live",
  run,
  startedAt: NOW,
  absence: away ? { since: NOW, deadlineAt: NOW + LIMIT } : null,
});
const over = (reason: string, by: typeof BY | null, at = NOW): EndedState => ({
  status: "ended",
  run: 3,
  startedAt: 5,
  ended: { at, reason, by },
});
const away = (since: number, deadlineAt: number): LiveState => ({ ...live, absence: { since, deadlineAt } });

type Row = [
  rule: string,
  from: LifecycleState,
  event: LifecycleEvent,
  to: LifecycleState | "same",
  settings?: LifecycleSettings,
];

const rows: Row[] = [
  ["[L1] the first host starts a waiting room", waiting, arrived, begun(1)],
  ["[L2] the first host does not start a room with manual start", waiting, arrived, "same", MANUAL],
  ["[L2] Start starts it", waiting, start(0), begun(1), MANUAL],
  ["[L9] Start starts a room with automatic start too", waiting, start(), begun(1)],
  ["[L12] a first run without a host has its deadline at once", waiting, start(0, false), begun(1, true), MANUAL],
  ["[L10] a Start for a run that a waiting room has not had", waiting, start(1), "same", MANUAL],
  ["[L10] a host who leaves changes nothing in a waiting room", waiting, left(0), "same"],
  ["[L13] End while waiting changes nothing", waiting, end(0), "same"],
  ["[L13] an operator's End neither", waiting, adminEnd, "same"],
  ["a waiting room has no deadline", waiting, checked(0), "same"],
  ["[L14] a start of the relay changes nothing in a waiting room", waiting, relayStarted, "same"],

  ["another host changes nothing", live, arrived, "same"],
  ["[L3] the deadline starts when the last host goes", live, left(), away(NOW, NOW + LIMIT)],
  ["[L10] a late close of an earlier run does not start it", live, left(2), "same"],
  ["[L9] a Start in a live run changes nothing", live, start(3), "same"],
  ["[L10] a Start that saw the run before changes nothing", live, start(2), "same"],
  ["[L6] a host ends it", live, end(3), over("host-ended", BY)],
  ["[L6] an End without a run means the present one", live, end(), over("host-ended", BY)],
  ["[L6] an operator ends it", live, adminEnd, over("admin", null)],
  ["[L10] an End for an earlier run does not", live, end(2), "same"],
  ["[L10] an End for a later run does not", live, end(4), "same"],
  ["with a host in it there is no deadline", live, checked(), "same"],
  ["[L14] a run found with a host in it gets the whole limit", live, relayStarted, away(NOW, NOW + LIMIT)],
  [
    "[L14] or the grace, if that is longer",
    live,
    relayStarted,
    away(NOW, NOW + GRACE),
    { start: "auto", hostAbsenceMs: 10 },
  ],

  ["[L4] a host who comes back clears the deadline", alone, arrived, live],
  ["[L11] a repeated leave does not move the deadline", alone, left(), "same"],
  ["a Start does not clear the deadline", alone, start(3, false), "same"],
  ["[L6] an End ends an absence too", alone, end(), over("host-ended", BY)],
  ["[L6] and so does an operator's", alone, adminEnd, over("admin", null)],
  ["[L5] a check before the deadline changes nothing", alone, checked(), "same"],
  ["[L14] a stored deadline that is far enough stays", alone, relayStarted, "same"],
  ["[L14] a stored deadline within the grace moves to its end", away(1, NOW + 1), relayStarted, away(1, NOW + GRACE)],
  ["[L14] and so does one that passed while the relay was down", away(1, 2), relayStarted, away(1, NOW + GRACE)],

  ["[L5] the deadline ends the run", away(1, NOW), checked(), over("host-absent", null)],
  ["[L16] a timer of another run applies it as well", away(1, NOW), checked(2), over("host-absent", null)],
  ["[L16] a host who comes after it is too late", away(1, NOW), arrived, over("host-absent", null)],
  ["[L16] even if nothing was checked for a while", away(1, NOW - 77), arrived, over("host-absent", null)],
  ["[L9] an End after it does not win", away(1, NOW), end(3), over("host-absent", null)],
  ["[L16] a late close after it is too late as well", away(1, NOW), left(), over("host-absent", null)],
  ["[L16] a Start after it starts the next run", away(1, NOW), start(), begun(4)],

  ["[L7] Start begins the next run", ended, start(3), begun(4)],
  ["[L7] without a run it means the present one", ended, start(), begun(4)],
  ["[L12] without a host the next run has its deadline at once", ended, start(3, false), begun(4, true)],
  ["[L10] a Start that saw an earlier run changes nothing", ended, start(2), "same"],
  ["[L10] nor one that names a later run", ended, start(4), "same"],
  ["[L8] a host who merely arrives does not restart it", ended, arrived, "same"],
  ["[L8] with manual start neither", ended, arrived, "same", MANUAL],
  ["[L10] a late close changes nothing", ended, left(), "same"],
  ["[L9] a second End changes nothing", ended, end(3), "same"],
  ["[L9] an operator's second End changes nothing", ended, adminEnd, "same"],
  ["[L9] a deadline after the End changes nothing", ended, checked(), "same"],
  ["[L14] a start of the relay changes nothing in an ended run", ended, relayStarted, "same"],
];

describe("every state against every event", () => {
  it.each(rows)("%s", (_rule, from, event, to, settings = AUTO) => {
    const { state, effects } = transition(from, event, NOW, settings);
    if (to === "same") {
      expect(state).toBe(from);
      expect(effects).toEqual([]);
    } else {
      expect(state).toEqual(to);
      expect(effects).not.toEqual([]);
    }
  });

  it("covers every pair of state and event", () => {
    const states = ["waiting", "live", "alone", "due", "ended"];
    const nameOf = (state: LifecycleState): string => {
      if (state.status !== "live" || state.absence === null) return state.status;
      return isDue(state, NOW) ? "due" : "alone";
    };
    const covered = new Set(rows.map(([, from, event]) => `${nameOf(from)} ${event.type}`));
    const events = new Set(rows.map(([, , event]) => event.type));
    expect(events.size).toBe(6);
    expect(covered.size).toBe(states.length * events.size);
  });
});

describe("the effects", () => {
  const effectsOf = (from: LifecycleState, event: LifecycleEvent): readonly Effect[] =>
    transition(from, event, NOW, AUTO).effects;

  it("[L1] a start is written before content opens", () => {
    expect(effectsOf(waiting, arrived)).toEqual([
      { type: "write-session", session: { status: "live", run: 1, startedAt: NOW } },
      { type: "open-content" },
    ]);
  });

  it("[L12] a start without a host sets the deadline as well", () => {
    expect(effectsOf(ended, start(3, false))).toEqual([
      { type: "write-session", session: { status: "live", run: 4, startedAt: NOW } },
      { type: "set-deadline", deadlineAt: NOW + LIMIT },
      { type: "open-content" },
    ]);
  });

  it("[L6] an end is written before content closes, and removes the deadline", () => {
    expect(effectsOf(live, end())).toEqual([
      { type: "write-session", session: over("host-ended", BY) },
      { type: "withhold-content" },
    ]);
    expect(effectsOf(alone, end())).toEqual([
      { type: "write-session", session: over("host-ended", BY) },
      { type: "set-deadline", deadlineAt: null },
      { type: "withhold-content" },
    ]);
  });

  it("[L3][L4] an absence changes the deadline alone, never the document", () => {
    expect(effectsOf(live, left())).toEqual([{ type: "set-deadline", deadlineAt: NOW + LIMIT }]);
    expect(effectsOf(alone, arrived)).toEqual([{ type: "set-deadline", deadlineAt: null }]);
    expect(toSession(alone)).toEqual({ status: "live", run: 3, startedAt: 5 });
  });

  it("[L16] a Start after the deadline writes the end first, then the new run", () => {
    expect(effectsOf(away(1, NOW), start()).map(({ type }) => type)).toEqual([
      "write-session",
      "set-deadline",
      "withhold-content",
      "write-session",
      "open-content",
    ]);
  });
});

describe("all histories", () => {
  const run = fc.option(fc.nat({ max: 4 }), { nil: undefined });
  const event: fc.Arbitrary<LifecycleEvent> = fc.oneof(
    fc.constant(arrived),
    fc.record({ type: fc.constant("last-host-left" as const), run: fc.nat({ max: 4 }) }),
    fc.record({ type: fc.constant("start-requested" as const), run, hostPresent: fc.boolean() }),
    run.map((which) => end(which)),
    fc.constant(adminEnd),
    fc.record({ type: fc.constant("deadline-checked" as const), run: fc.nat({ max: 4 }) }),
    fc.constant(relayStarted),
  );
  const settings = fc.record({
    start: fc.constantFrom("auto" as const, "manual" as const),
    hostAbsenceMs: fc.integer({ min: 1, max: 1_000 }),
  });
  const step = fc.record({ event, afterMs: fc.nat({ max: 700 }) });
  type Seen = {
    before: LifecycleState;
    after: LifecycleState;
    effects: readonly Effect[];
    event: LifecycleEvent;
    now: number;
  };

  const play = (steps: readonly { event: LifecycleEvent; afterMs: number }[], by: LifecycleSettings): Seen[] => {
    let now = NOW;
    let before: LifecycleState = WAITING;
    return steps.map(({ event: what, afterMs }) => {
      now += afterMs;
      const { state: after, effects } = transition(before, what, now, by);
      const seen = { before, after, effects, event: what, now };
      before = after;
      return seen;
    });
  };
  const forAll = (check: (seen: Seen, by: LifecycleSettings) => void): void =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), settings, (steps, by) => {
        for (const seen of play(steps, by)) check(seen, by);
      }),
    );

  it("[L7][L10] the run never falls, and grows by one, only when a run is written as live", () => {
    forAll(({ before, after, effects }) => {
      const begins = effects.filter((effect) => effect.type === "write-session" && effect.session.status === "live");
      expect(after.run - before.run).toBe(begins.length);
      expect(begins.length).toBeLessThanOrEqual(1);
    });
  });

  it("[S1] the session in the document is always the last one written", () => {
    forAll(({ before, after, effects }) => {
      const written = effects.filter((effect) => effect.type === "write-session").at(-1);
      expect(toSession(after)).toEqual(written === undefined ? toSession(before) : written.session);
    });
  });

  it("[L3] the stored deadline is always the one of the state", () => {
    forAll(({ before, after, effects }) => {
      const deadlineOf = (state: LifecycleState): number | null =>
        state.status === "live" && state.absence !== null ? state.absence.deadlineAt : null;
      const set = effects.filter((effect) => effect.type === "set-deadline").at(-1);
      expect(deadlineOf(after)).toBe(set === undefined ? deadlineOf(before) : set.deadlineAt);
    });
  });

  it("[L16] only a start of the relay can leave a passed deadline", () => {
    forAll(({ after, event: what, now }) => {
      if (what.type !== "relay-started") expect(isDue(after, now)).toBe(false);
    });
  });

  it("[L14] within the grace after a start of the relay nothing is due", () => {
    forAll(({ after, event: what, now }) => {
      if (what.type === "relay-started") expect(isDue(after, now + GRACE - 1)).toBe(false);
    });
  });

  it("[L9] the same Start or End again changes nothing", () => {
    forAll(({ before, event: what, now }, by) => {
      if (what.type !== "start-requested" && what.type !== "end-requested") return;
      const repeat = { ...what, run: before.run };
      const first = transition(before, repeat, now, by).state;
      const second = transition(first, repeat, now, by);
      // A Start that names the run before is too late; an End finds the run ended.
      expect(second.state).toBe(first);
      expect(second.effects).toEqual([]);
    });
  });

  it("[L10] a Start, an End or a close that names another run does nothing by itself", () => {
    forAll(({ before, now }, by) => {
      if (isDue(before, now)) return;
      for (const other of [before.run + 1, before.run - 1]) {
        for (const what of [start(other), end(other), left(other)]) {
          expect(transition(before, what, now, by).state).toBe(before);
        }
      }
    });
  });
});
