/** What a person should see, as a pure function of what happened: told stories, and properties of all of them. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Identity } from "../../../src/protocol/protocol.ts";
import {
  joinRequested,
  closed,
  failed,
  INITIAL_MODEL,
  joinAccepted as accepted,
  joinRefused as refused,
  joinSent as asked,
  left,
  connectionLost as lost,
  reduceRoom,
  screenOf,
  sessionRead as read,
  shouldJoin,
  started,
  welcomed,
} from "../../../src/client/room-reducer.ts";
import type { RoomEvent, RoomModel } from "../../../src/client/room-reducer.ts";
import { RoomError } from "../../../src/client/room-state.ts";
import type { Screen } from "../../../src/client/room-state.ts";
import type { Session, SessionEnd } from "../../../src/session/session.ts";

const guest: Identity = { id: "gus", name: "Gus", role: "participant", verified: true };
const host: Identity = { ...guest, id: "hera", role: "host" };
const end: SessionEnd = { at: 9, reason: "host-ended", by: null };

const waiting: Session = { status: "waiting", run: 0 };
const live = (run: number): Session => ({ status: "live", run, startedAt: run });
const ended = (run: number): Session => ({ status: "ended", run, startedAt: run, ended: { ...end, at: run } });

const after = (...events: RoomEvent[]): RoomModel => events.reduce(reduceRoom, INITIAL_MODEL);

/** Events that bring a person into run `run`. */
const into = (run: number, person = guest): RoomEvent[] => [
  joinRequested,
  welcomed(person),
  read(live(run)),
  asked(1),
  accepted(1, run),
];

const endedScreen = (run: number, can: { canStart?: boolean; canRejoin?: boolean } = {}): Screen => ({
  name: "ended",
  end: { ...end, at: run },
  canStart: false,
  canRejoin: false,
  ...can,
});

type Story = [what: string, events: RoomEvent[], screen: Screen, join: boolean];
const joined = (run: number): Screen => ({ name: "joined", run });
const onWaiting = (canStart = false): Screen => ({ name: "waiting", canStart });

const stories: Story[] = [
  ["nothing yet", [], { name: "connecting" }, false],
  ["a line, but no session yet", [joinRequested, welcomed(guest)], { name: "connecting" }, false],
  ["[U7] a guest of a waiting room waits", [joinRequested, welcomed(guest), read(waiting)], onWaiting(), false],
  [
    "[U7] and asks to come in at the start",
    [joinRequested, welcomed(guest), read(waiting), read(live(1))],
    { name: "connecting" },
    true,
  ],
  [
    "[L1] a host asks at once: that may start the room",
    [joinRequested, welcomed(host), read(waiting)],
    onWaiting(),
    true,
  ],
  [
    "[U4] told that it does not, a host may press Start",
    [joinRequested, welcomed(host), read(waiting), asked(1), refused(1, "not-started")],
    onWaiting(true),
    false,
  ],
  [
    "a guest may not, whatever was answered",
    [joinRequested, welcomed(guest), read(live(1)), asked(1), read(waiting), refused(1, "not-started")],
    onWaiting(),
    false,
  ],
  [
    "a Start by hand brings its host in",
    [joinRequested, welcomed(host), read(waiting), asked(1), refused(1, "not-started"), started(1), read(live(1))],
    { name: "connecting" },
    true,
  ],
  [
    "another host's Start does too",
    [joinRequested, welcomed(host), read(waiting), asked(1), refused(1, "not-started"), read(live(1))],
    { name: "connecting" },
    true,
  ],
  [
    "an automatic start: the ledger before the answer",
    [joinRequested, welcomed(host), read(waiting), asked(1), read(live(1)), accepted(1, 1)],
    joined(1),
    false,
  ],
  [
    "an automatic start: the answer before the ledger",
    [joinRequested, welcomed(host), read(waiting), asked(1), accepted(1, 1), read(live(1))],
    joined(1),
    false,
  ],
  ["in a live run one asks", [joinRequested, welcomed(guest), read(live(2))], { name: "connecting" }, true],
  ["but only once", [joinRequested, welcomed(guest), read(live(2)), asked(1)], { name: "connecting" }, false],
  ["and not before one wants in", [welcomed(guest), read(live(2))], { name: "connecting" }, false],
  ["nor before the relay has said who one is", [joinRequested, read(live(2))], { name: "connecting" }, false],
  ["the answer lets one in", into(2), joined(2), false],
  [
    "an answer to something else does not",
    [joinRequested, welcomed(guest), read(live(2)), asked(2), accepted(1, 2)],
    { name: "connecting" },
    false,
  ],
  [
    "a refusal waits for the ledger",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), refused(1, "ended")],
    { name: "connecting" },
    false,
  ],
  [
    "and with news of it one asks again",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), refused(1, "ended"), read(live(3))],
    { name: "connecting" },
    true,
  ],
  [
    "or at once if the news came before the refusal",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), read(live(3)), refused(1, "ended")],
    { name: "connecting" },
    true,
  ],

  ["[U8] a lost line leaves one where one was", [...into(2), lost], joined(2), false],
  ["[U8] a new line asks again, with the content in sight", [...into(2), lost, welcomed(guest)], joined(2), true],
  ["[U8] an end meanwhile shows as one", [...into(2), lost, welcomed(guest), read(ended(2))], endedScreen(2), false],
  [
    "[U8] also if the relay refuses first",
    [...into(2), lost, welcomed(guest), asked(2), refused(2, "ended"), read(ended(2))],
    endedScreen(2),
    false,
  ],
  ["an end and a new start meanwhile do not", [...into(2), lost, welcomed(guest), read(live(3))], joined(3), true],
  ["an unseen change of run on the line asks again", [...into(2), read(live(3))], joined(3), true],
  [
    "an answer of the lost line is nobody's",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), lost, accepted(1, 2)],
    { name: "connecting" },
    false,
  ],

  ["[U1] who left is out", [...into(2), left], { name: "left" }, false],
  ["[U1] and stays out on a new line", [...into(2), left, lost, welcomed(guest)], { name: "left" }, false],
  ["[U2] until they come back", [...into(2), left, joinRequested], { name: "connecting" }, true],
  ["[U2] and are let in", [...into(2), left, joinRequested, asked(2), accepted(2, 2)], joined(2), false],
  [
    "the answer to a join from before the leaving is too late",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), left, joinRequested, asked(2), accepted(1, 2)],
    { name: "connecting" },
    false,
  ],
  ["one can leave a waiting room", [joinRequested, welcomed(guest), read(waiting), left], { name: "left" }, false],
  [
    "and is not brought in by the start",
    [joinRequested, welcomed(guest), read(waiting), left, read(live(1))],
    { name: "left" },
    false,
  ],

  ["[U5] the end is the end for everyone", [...into(2), read(ended(2))], endedScreen(2), false],
  ["[U5] also for who had left", [...into(2), left, read(ended(2))], endedScreen(2), false],
  ["[U4] a host may start anew", [...into(2, host), read(ended(2))], endedScreen(2, { canStart: true }), false],
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
    "[U6] also to who had left before the end",
    [...into(2), left, read(ended(2)), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] also to who came during the end",
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
    "[U6] across a lost line",
    [...into(2), read(ended(2)), lost, welcomed(guest), read(live(3))],
    endedScreen(2, { canRejoin: true }),
    false,
  ],
  [
    "[U6] a second end shows as the one it is",
    [...into(2), read(ended(2)), read(live(3)), read(ended(3))],
    endedScreen(3),
    false,
  ],
  [
    "[U6] who takes the offer comes in",
    [...into(2), read(ended(2)), read(live(3)), joinRequested],
    { name: "connecting" },
    true,
  ],
  [
    "[U6] who asked before the start comes in with it",
    [...into(2), read(ended(2)), joinRequested, read(live(3))],
    { name: "connecting" },
    true,
  ],
  [
    "[L7] who started comes in: the answer first",
    [...into(2, host), read(ended(2)), started(3), read(live(3))],
    { name: "connecting" },
    true,
  ],
  [
    "[L7] who started comes in: the ledger first",
    [...into(2, host), read(ended(2)), read(live(3)), started(3)],
    { name: "connecting" },
    true,
  ],
  [
    "[L10] a Start that changed nothing brings nobody in",
    [...into(2, host), read(ended(3)), started(3), read(live(4))],
    endedScreen(3, { canRejoin: true }),
    false,
  ],
  [
    "the answer to a join that the end has overtaken lets nobody in",
    [joinRequested, welcomed(guest), read(live(2)), asked(1), read(ended(2)), accepted(1, 2)],
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
    { name: "connecting" },
    true,
  ],
  ["[S5] also at a lower run", [...into(2), lost, welcomed(guest), read(live(1))], joined(1), true],
  ["[S3] a session that breaks the rules is none", [...into(2), read(null)], { name: "connecting" }, false],
];

describe("the stories of a person", () => {
  it.each(stories)("%s", (_what, events, screen, join) => {
    const model = after(...events);
    expect(screenOf(model)).toEqual(screen);
    expect(shouldJoin(model)).toBe(join);
  });

  it("the line: connecting until the first welcome, then reconnecting", () => {
    expect(after(joinRequested, lost).connection).toBe("connecting");
    expect(after(joinRequested, welcomed(guest)).connection).toBe("online");
    expect(after(joinRequested, welcomed(guest), lost).connection).toBe("reconnecting");
  });

  it("a failure is final, and so is the end of the room client", () => {
    const error = new RoomError("forbidden", "no");
    const afterFailure = after(...into(2), failed(error));
    expect(screenOf(afterFailure)).toEqual({ name: "failed", error });
    for (const model of [afterFailure, after(...into(2), closed)]) {
      expect(model.connection).toBe("closed");
      for (const event of [joinRequested, left, lost, welcomed(host), read(live(9)), started(9)]) {
        expect(reduceRoom(model, event)).toBe(model);
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
  /** An event, and what the checks below need to know of it. */
  type Step = { readonly name: string; readonly happen: RoomEvent; readonly session?: Session | null };
  const number = fc.integer({ min: 1, max: 3 });
  const code = fc.constantFrom("ended" as const, "not-started" as const);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.constantFrom(
      { name: "joinRequested", happen: joinRequested },
      { name: "left", happen: left },
      { name: "lost", happen: lost },
    ),
    fc.constantFrom(guest, host).map((person) => ({ name: "welcomed", happen: welcomed(person) })),
    session.map((known) => ({ name: "read", happen: read(known), session: known })),
    number.map((id) => ({ name: "asked", happen: asked(id) })),
    fc.tuple(number, number).map(([id, run]) => ({ name: "accepted", happen: accepted(id, run) })),
    fc.tuple(number, code).map(([id, why]) => ({ name: "refused", happen: refused(id, why) })),
    number.map((run) => ({ name: "started", happen: started(run) })),
  );
  const forAll = (check: (before: RoomModel, what: Step, now: RoomModel) => void): void =>
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let model = INITIAL_MODEL;
        for (const what of steps) {
          // The room client asks when it is told to, and only then.
          if (what.name === "asked" && !shouldJoin(model)) continue;
          const now = reduceRoom(model, what.happen);
          check(model, what, now);
          model = now;
        }
      }),
      { numRuns: 2_000 },
    );

  it("[U1][U5] content shows only in a live run, to who wants in and has seen no end since", () => {
    forAll((_before, _what, now) => {
      if (screenOf(now).name !== "joined") return;
      expect(now).toMatchObject({ session: { status: "live" }, wish: "in", endSeen: null, inside: true });
    });
  });

  it("[P1] the content comes into sight by the relay's answer alone", () => {
    forAll((before, what, now) => {
      if (now.inside && !before.inside) expect(what.name).toBe("accepted");
    });
  });

  it("[U6] whoever has seen an end gets in only by asking, starting, or a relay that waits again", () => {
    forAll((before, what, now) => {
      if (before.endSeen === null || now.endSeen !== null) return;
      const isWaiting = what.name === "read" && what.session?.status === "waiting";
      expect(isWaiting || what.name === "joinRequested" || what.name === "started").toBe(true);
    });
  });

  it("asks to come in only on a line, wanting in, one at a time, and never twice for one run", () => {
    forAll((_before, _what, now) => {
      if (!shouldJoin(now)) return;
      expect(now).toMatchObject({ connection: "online", wish: "in", join: null });
      expect(now.joinedRun).not.toBe(now.session?.run);
    });
  });

  it("[U4] only hosts are offered a start, and nobody both a start and a way back", () => {
    forAll((_before, _what, now) => {
      const screen = screenOf(now);
      if (screen.name !== "waiting" && screen.name !== "ended") return;
      if (screen.canStart) expect(now.me?.role).toBe("host");
      if (screen.name === "ended") expect(screen.canStart && screen.canRejoin).toBe(false);
    });
  });
});
