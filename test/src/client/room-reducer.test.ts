/** What a person is shown and what their page does, as a pure function of events: single stories, and properties. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Identity, RefusalCode } from "../../../src/protocol/protocol.ts";
import { INITIAL_MODEL } from "../../../src/client/room-model.ts";
import type { RoomEffect, RoomEvent, RoomModel } from "../../../src/client/room-model.ts";
import { reduceRoom } from "../../../src/client/room-reducer.ts";
import { RoomError } from "../../../src/client/room-state.ts";
import type { Screen } from "../../../src/client/room-state.ts";
import { screenOf } from "../../../src/client/room-view.ts";
import type { Session, SessionEnd } from "../../../src/session/session.ts";

const guest: Identity = { id: "gus", name: "Gus", role: "participant", verified: true };
const host: Identity = { ...guest, id: "hera", role: "host" };
const end: SessionEnd = { at: 9, reason: "host-ended", by: null };

const waiting: Session = { status: "waiting", run: 0 };
const live = (run: number): Session => ({ status: "live", run, startedAt: run });
const ended = (run: number): Session => ({ status: "ended", run, startedAt: run, ended: { ...end, at: run } });

const joinRequested: RoomEvent = { type: "join-requested" };
const left: RoomEvent = { type: "leave-requested" };
const lost: RoomEvent = { type: "disconnected" };
const welcomed = (me: Identity): RoomEvent => ({ type: "welcomed", me });
const read = (session: Session | null): RoomEvent => ({ type: "document-received", session });
const accepted = (attempt: number, run: number): RoomEvent => ({ type: "join-accepted", attempt, run });
const refused = (attempt: number, code: RefusalCode): RoomEvent => ({ type: "join-refused", attempt, code });
const started = (run: number): RoomEvent => ({ type: "start-accepted", run });

type Outcome = { readonly model: RoomModel; readonly effects: readonly RoomEffect[] };

/** The model after the events, and the effects of the last one. */
const after = (...events: RoomEvent[]): Outcome => {
  let outcome: Outcome = { model: INITIAL_MODEL, effects: [] };
  for (const event of events) outcome = reduceRoom(outcome.model, event);
  return outcome;
};

const typesOf = (effects: readonly RoomEffect[]): string[] => effects.map(({ type }) => type);

/** Events that bring a person into run `run`, by their first join. */
const into = (run: number, person = guest): RoomEvent[] => [
  joinRequested,
  welcomed(person),
  read(live(run)),
  accepted(1, run),
];

const endedScreen = (run: number, can: { canStart?: boolean; canRejoin?: boolean } = {}): Screen => ({
  name: "ended",
  end: { ...end, at: run },
  canStart: false,
  canRejoin: false,
  ...can,
});

/** `join`: the last event makes the page send a join. */
type Story = [what: string, events: RoomEvent[], screen: Screen, join: boolean];
const joined = (run: number): Screen => ({ name: "joined", run });
const onWaiting = (canStart = false): Screen => ({ name: "waiting", canStart });
const connecting: Screen = { name: "connecting" };

const stories: Story[] = [
  ["nothing has happened", [], connecting, false],
  ["a connection without a session yet", [joinRequested, welcomed(guest)], connecting, false],
  ["[U7] a guest of a waiting room waits", [joinRequested, welcomed(guest), read(waiting)], onWaiting(), false],
  ["[U7] and joins at the start", [joinRequested, welcomed(guest), read(waiting), read(live(1))], connecting, true],
  [
    "[L1] a host joins at once: that may start the room",
    [joinRequested, welcomed(host), read(waiting)],
    onWaiting(),
    true,
  ],
  [
    "[U4] if it does not, a host may press Start",
    [joinRequested, welcomed(host), read(waiting), refused(1, "not-started")],
    onWaiting(true),
    false,
  ],
  [
    "a guest may not, whatever was answered",
    [joinRequested, welcomed(guest), read(live(1)), read(waiting), refused(1, "not-started")],
    onWaiting(),
    false,
  ],
  [
    "a manual start makes its host join",
    [joinRequested, welcomed(host), read(waiting), refused(1, "not-started"), started(1), read(live(1))],
    connecting,
    true,
  ],
  [
    "so does another host's start",
    [joinRequested, welcomed(host), read(waiting), refused(1, "not-started"), read(live(1))],
    connecting,
    true,
  ],
  [
    "an automatic start: the ledger before the answer",
    [joinRequested, welcomed(host), read(waiting), read(live(1)), accepted(1, 1)],
    joined(1),
    false,
  ],
  [
    "an automatic start: the answer before the ledger",
    [joinRequested, welcomed(host), read(waiting), accepted(1, 1), read(live(1))],
    joined(1),
    false,
  ],
  ["in a live run the page joins", [joinRequested, welcomed(guest), read(live(2))], connecting, true],
  ["but only once", [joinRequested, welcomed(guest), read(live(2)), joinRequested], connecting, false],
  ["and not before the person wants in", [welcomed(guest), read(live(2))], connecting, false],
  ["nor before the relay has identified the person", [joinRequested, read(live(2))], connecting, false],
  ["an accepted join shows the content", into(2), joined(2), false],
  [
    "an answer to another join does not",
    [joinRequested, welcomed(guest), read(live(2)), accepted(2, 2)],
    connecting,
    false,
  ],
  [
    "after a refusal the page waits for the ledger",
    [joinRequested, welcomed(guest), read(live(2)), refused(1, "ended")],
    connecting,
    false,
  ],
  [
    "and joins again when it changes",
    [joinRequested, welcomed(guest), read(live(2)), refused(1, "ended"), read(live(3))],
    connecting,
    true,
  ],
  [
    "or at once if it changed before the refusal",
    [joinRequested, welcomed(guest), read(live(2)), read(live(3)), refused(1, "ended")],
    connecting,
    true,
  ],

  ["[U8] a lost connection changes nothing on the screen", [...into(2), lost], joined(2), false],
  ["[U8] a new connection joins again, with the content shown", [...into(2), lost, welcomed(guest)], joined(2), true],
  ["[U8] an end in the meantime shows", [...into(2), lost, welcomed(guest), read(ended(2))], endedScreen(2), false],
  [
    "[U8] also if the relay refuses first",
    [...into(2), lost, welcomed(guest), refused(2, "ended"), read(ended(2))],
    endedScreen(2),
    false,
  ],
  [
    "an end and a new start in the meantime do not",
    [...into(2), lost, welcomed(guest), read(live(3)), accepted(2, 3)],
    joined(3),
    false,
  ],
  ["a change of run without an end in between joins again", [...into(2), read(live(3))], joined(3), true],
  [
    "an answer of the lost connection is ignored",
    [joinRequested, welcomed(guest), read(live(2)), lost, accepted(1, 2)],
    connecting,
    false,
  ],

  ["[U1] a person who left is out", [...into(2), left], { name: "left" }, false],
  ["[U1] and stays out on a new connection", [...into(2), left, lost, welcomed(guest)], { name: "left" }, false],
  ["[U2] until they rejoin", [...into(2), left, joinRequested], connecting, true],
  ["[U2] and are accepted", [...into(2), left, joinRequested, accepted(2, 2)], joined(2), false],
  [
    "the answer to a join from before the leave is ignored",
    [joinRequested, welcomed(guest), read(live(2)), left, joinRequested, accepted(1, 2)],
    connecting,
    false,
  ],
  ["one can leave a waiting room", [joinRequested, welcomed(guest), read(waiting), left], { name: "left" }, false],
  [
    "and the start does not bring one in",
    [joinRequested, welcomed(guest), read(waiting), left, read(live(1))],
    { name: "left" },
    false,
  ],

  ["[U5] the end is shown to everyone", [...into(2), read(ended(2))], endedScreen(2), false],
  ["[U5] also to people who had left", [...into(2), left, read(ended(2))], endedScreen(2), false],
  ["[U4] a host may start again", [...into(2, host), read(ended(2))], endedScreen(2, { canStart: true }), false],
  [
    "[L8] a host who arrives at the end does not restart it",
    [joinRequested, welcomed(host), read(ended(2))],
    endedScreen(2, { canStart: true }),
    false,
  ],
  [
    "[U6] a new run is offered",
    [...into(2), read(ended(2)), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] also to people who had left before the end",
    [...into(2), left, read(ended(2)), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] also to people who came while it was ended",
    [joinRequested, welcomed(guest), read(ended(2)), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] also to a host who did not start it",
    [...into(2, host), read(ended(2)), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] across a lost connection",
    [...into(2), read(ended(2)), lost, welcomed(guest), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] a second end replaces the first on the screen",
    [...into(2), read(ended(2)), read(live(3)), read(ended(3))],
    endedScreen(3),
    false,
  ],
  [
    "[U6] a person who accepts the offer joins",
    [...into(2), read(ended(2)), read(live(3)), joinRequested],
    connecting,
    true,
  ],
  [
    "[U6] a person who asked before the start joins with it",
    [...into(2), read(ended(2)), joinRequested, read(live(3))],
    connecting,
    true,
  ],
  [
    "[L7] the host who started joins: the answer first",
    [...into(2, host), read(ended(2)), started(3), read(live(3))],
    connecting,
    true,
  ],
  [
    "[L7] the host who started joins: the ledger first",
    [...into(2, host), read(ended(2)), read(live(3)), started(3)],
    connecting,
    true,
  ],
  [
    "[L10] a Start that changed nothing brings nobody in",
    [...into(2, host), read(ended(3)), started(3), read(live(4))],
    endedScreen(3, { canRejoin: true }),
    false,
  ],
  [
    "an accepted join that the end has overtaken brings nobody in",
    [joinRequested, welcomed(guest), read(live(2)), read(ended(2)), accepted(1, 2)],
    endedScreen(2),
    false,
  ],

  [
    "[S5] a relay that lost its store waits again",
    [...into(2), lost, welcomed(guest), read(waiting)],
    onWaiting(),
    false,
  ],
  [
    "[S5] and its first start brings everyone in",
    [...into(2), read(ended(2)), lost, welcomed(guest), read(waiting), read(live(1))],
    connecting,
    true,
  ],
  ["[S5] also at a lower run", [...into(2), lost, welcomed(guest), read(live(1)), accepted(2, 1)], joined(1), false],
  ["[S3] a session that breaks the rules is none", [...into(2), read(null)], connecting, false],
];

describe("the stories of a person", () => {
  it.each(stories)("%s", (_what, events, screen, join) => {
    const { model, effects } = after(...events);
    expect(screenOf(model)).toEqual(screen);
    expect(typesOf(effects).includes("send-join")).toBe(join);
  });

  it("the connection: connecting until the first welcome, then reconnecting", () => {
    expect(after(joinRequested, lost).model.connection).toBe("connecting");
    expect(after(joinRequested, welcomed(guest)).model.connection).toBe("online");
    expect(after(joinRequested, welcomed(guest), lost).model.connection).toBe("reconnecting");
  });

  it("the session of a stored document counts only once the relay has sent some of it", () => {
    const changed: RoomEvent = { type: "session-changed", session: ended(1) };
    expect(after(joinRequested, welcomed(guest), changed).model.session).toBeNull();
    expect(after(joinRequested, welcomed(guest), read(waiting), changed).model.session).toEqual(ended(1));
  });
});

describe("the effects", () => {
  const error = new RoomError("forbidden", "no");

  it("of a join: the document is requested only if the relay has withheld it", () => {
    expect(typesOf(after(joinRequested, welcomed(guest), read(live(1))).effects)).toEqual([
      "show-presence",
      "send-join",
    ]);
    expect(typesOf(after(...into(1), left, joinRequested).effects)).toEqual([
      "connect",
      "request-document",
      "show-presence",
      "send-join",
    ]);
  });

  it("[U1] of leaving: the presence is removed before the relay is asked, which needs a connection", () => {
    const out = ["hide-presence", "mark-unsynced", "forget-others"];
    expect(typesOf(after(...into(1), left).effects)).toEqual([...out, "send-leave"]);
    expect(typesOf(after(...into(1), lost, left).effects)).toEqual(out);
  });

  it("[U5] of an end: presence is hidden, and everybody else's is forgotten", () => {
    const { effects } = after(...into(1), read(ended(1)));
    expect(typesOf(effects)).toEqual(["hide-presence", "mark-unsynced", "forget-others"]);
  });

  it("[P1] of a join that was accepted into a run after the end that the person looks at: they leave it", () => {
    const { effects } = after(...into(1), lost, welcomed(guest), read(ended(1)), read(live(2)), accepted(2, 2));
    expect(typesOf(effects)).toEqual(["send-leave"]);
  });

  it("[P11] of edits that the page made as somebody else: checked once they are in, and fatal if they are missing", () => {
    const requested = (lacksFormerEdits: boolean): RoomEvent => ({ type: "document-requested", lacksFormerEdits });
    const checked: RoomEvent = { type: "former-edits-checked" };
    const before = [joinRequested, welcomed(guest), read(live(1)), requested(true), accepted(1, 1)];
    expect(typesOf(after(...before).effects)).toEqual(["check-former-edits"]);
    expect(screenOf(after(...before, checked).model)).toMatchObject({ name: "failed", error: { code: "bad-message" } });
    expect(screenOf(after(...before, requested(false), checked).model)).toEqual(joined(1));
  });

  it("[U9] of a suspended page: it disconnects, and connects to nothing until it resumes", () => {
    const suspended: RoomEvent = { type: "suspended" };
    expect(typesOf(after(joinRequested).effects)).toEqual(["connect"]);
    expect(typesOf(after(joinRequested, suspended).effects)).toEqual(["disconnect"]);
    const away = [joinRequested, suspended, lost];
    for (const type of ["join-requested", "network-lost", "network-returned", "token-renewed"] as const) {
      expect(typesOf(after(...away, { type }).effects)).toEqual([]);
    }
    expect(typesOf(after(...away, { type: "resumed" }).effects)).toEqual(["connect"]);
    expect(typesOf(after({ type: "resumed" }).effects), "a page that has not joined").toEqual([]);
  });

  it("[W12] of a refused token: the personal one is dropped, then the page is asked, once until the next welcome", () => {
    const unauthorized = new RoomError("unauthorized", "no");
    const refusedFor = (hadPersonalToken: boolean, canRequestToken: boolean): RoomEvent => ({
      type: "connection-refused",
      error: unauthorized,
      hadPersonalToken,
      canRequestToken,
    });
    const ask = refusedFor(false, true);
    expect(typesOf(after(joinRequested, refusedFor(true, true)).effects)).toEqual(["drop-personal-token", "connect"]);
    expect(typesOf(after(joinRequested, ask).effects)).toEqual(["request-token"]);
    expect(typesOf(after(joinRequested, ask, { type: "token-renewed" }).effects)).toEqual(["connect"]);
    const gaveUp = [
      after(joinRequested, refusedFor(false, false)),
      after(joinRequested, ask, { type: "token-renewed" }, ask),
      after(joinRequested, ask, { type: "token-unavailable", refusal: unauthorized }),
    ];
    for (const { model, effects } of gaveUp) {
      expect(effects).toEqual([{ type: "give-up", error: unauthorized }]);
      expect(model).toMatchObject({ connection: "closed", error: unauthorized });
    }
    expect(typesOf(after(joinRequested, ask, welcomed(guest), ask).effects)).toEqual(["request-token"]);
  });

  it("[W4] of any other final refusal: the room closes, whatever tokens there are", () => {
    const { model, effects } = after(...into(1), lost, {
      type: "connection-refused",
      error,
      hadPersonalToken: true,
      canRequestToken: true,
    });
    expect(typesOf(effects)).toEqual(["give-up", "hide-presence"]);
    expect(screenOf(model)).toEqual({ name: "failed", error });
  });

  it("of nothing any more, once the room has failed or is destroyed", () => {
    for (const final of [{ type: "failed", error } as const, { type: "destroyed" } as const]) {
      const { model } = after(...into(2), final);
      expect(model.connection).toBe("closed");
      for (const event of [joinRequested, left, lost, welcomed(host), read(live(9)), started(9)]) {
        expect(reduceRoom(model, event)).toEqual({ model, effects: [] });
      }
    }
  });
});

describe("all stories", () => {
  const session = fc.oneof(
    fc.constant(waiting),
    fc.integer({ min: 1, max: 3 }).map(live),
    fc.integer({ min: 1, max: 3 }).map(ended),
    fc.constant(null),
  );
  const number = fc.integer({ min: 1, max: 3 });
  const code = fc.constantFrom<RefusalCode>("ended", "not-started");
  const anyEvent: fc.Arbitrary<RoomEvent> = fc.oneof(
    fc.constantFrom(joinRequested, left, lost),
    fc.constantFrom(guest, host).map(welcomed),
    session.map(read),
    fc.tuple(number, number).map(([attempt, run]) => accepted(attempt, run)),
    fc.tuple(number, code).map(([attempt, why]) => refused(attempt, why)),
    number.map(started),
  );
  type Step = { readonly before: RoomModel; readonly event: RoomEvent } & Outcome;
  const forAll = (check: (step: Step) => void): void =>
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        let before = INITIAL_MODEL;
        for (const event of events) {
          const { model, effects } = reduceRoom(before, event);
          check({ before, event, model, effects });
          before = model;
        }
      }),
      { numRuns: 2_000 },
    );

  it("[U1][U5] content shows only in a live run, to people who want in and have seen no end since", () => {
    forAll(({ model }) => {
      if (screenOf(model).name !== "joined") return;
      expect(model).toMatchObject({ session: { status: "live" }, wish: "in", endSeen: null, inside: true });
    });
  });

  it("[P1] the content is shown by the relay's answer alone", () => {
    forAll(({ before, event, model }) => {
      if (model.inside && !before.inside) expect(event.type).toBe("join-accepted");
    });
  });

  it("[U5] whenever the content is hidden, so is the presence", () => {
    forAll(({ before, model, effects }) => {
      if (before.inside && !model.inside) expect(typesOf(effects)).toContain("hide-presence");
    });
  });

  it("[U6] a person who has seen an end gets in only by asking, by starting, or if the relay waits again", () => {
    forAll(({ before, event, model }) => {
      if (before.endSeen === null || model.endSeen !== null) return;
      const isWaiting = event.type === "document-received" && event.session?.status === "waiting";
      expect(isWaiting || event.type === "join-requested" || event.type === "start-accepted").toBe(true);
    });
  });

  it("joins only when online, wanting in, one join at a time, and never twice for one run", () => {
    forAll(({ before, event, model, effects }) => {
      if (!typesOf(effects).includes("send-join")) return;
      expect(model).toMatchObject({ connection: "online", wish: "in", join: { isRefused: false } });
      expect(model.joinedRun).not.toBe(model.session?.run);
      expect(model.joinAttempts).toBe(before.joinAttempts + 1);
      const settlesFormer = ["join-refused", "join-accepted", "document-received"].includes(event.type);
      if (before.join !== null) expect(settlesFormer).toBe(true);
    });
  });

  it("[U4] only hosts are offered a start, and nobody is offered both a start and a rejoin", () => {
    forAll(({ model }) => {
      const screen = screenOf(model);
      if (screen.name !== "waiting" && screen.name !== "ended") return;
      if (screen.canStart) expect(model.me?.role).toBe("host");
      if (screen.name === "ended") expect(screen.canStart && screen.canRejoin).toBe(false);
    });
  });
});
