/** Who is here, read from awareness states that may hold anything. */
import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Awareness, applyAwarenessUpdate, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as Y from "yjs";
import { listParticipants, OtherParticipants, readIdentity } from "../../../src/client/participants.ts";
import type { AwarenessChange } from "../../../src/client/participants.ts";
import type { Identity } from "../../../src/protocol/protocol.ts";

const someone = (id: string, more: Partial<Identity> = {}): Identity => ({
  id,
  name: id.toUpperCase(),
  role: "participant",
  verified: true,
  ...more,
});
const me = someone("me");

describe("a state", () => {
  it("[P3] yields the four fields that the relay has set, and no others", () => {
    const state = { cursor: 1, user: { ...someone("a"), color: "red" } };
    expect(readIdentity(state)).toEqual(someone("a"));
  });

  it.each([
    [null],
    [undefined],
    [1],
    ["user"],
    [{}],
    [{ user: null }],
    [{ user: "a" }],
    [{ user: { name: "A" } }],
    [{ user: { id: "" } }],
    [{ user: { id: 1 } }],
  ])("[P3] without a person is nobody: %j", (state) => {
    expect(readIdentity(state)).toBeNull();
  });

  it("[P3] whatever it holds, reading it throws nothing and makes nobody a host by chance", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), fc.anything(), (name, role, verified) => {
        expect(readIdentity({ user: { id: "a", name, role, verified } })).toEqual({
          id: "a",
          name: expect.any(String),
          role: role === "host" ? "host" : "participant",
          verified: verified === true,
        });
      }),
    );
  });
});

describe("the list", () => {
  const list = (...others: Identity[]) => listParticipants(others, me);

  it("contains the person at this page, marked", () => {
    expect(list()).toEqual([{ ...me, self: true }]);
  });

  it("is sorted by role (hosts first), then name, then id", () => {
    const order = list(
      someone("c", { name: "Zoe", role: "host" }),
      someone("a", { name: "émile" }),
      someone("b", { name: "Zoe" }),
      someone("e", { name: "Eva" }),
      someone("d", { name: "Zoe" }),
    ).map(({ id }) => id);
    expect(order).toEqual(["c", "a", "e", "me", "b", "d"]);
  });

  it("[P4] lists several tabs of one person once, those of the person at this page too", () => {
    expect(list(someone("a"), someone("a"), someone("me")).map(({ id }) => id)).toEqual(["a", "me"]);
  });

  it("[P4] prefers the host's role and the verified name where tabs of one person differ", () => {
    const chosen = someone("a", { name: "Queen Ann", verified: false, role: "host" });
    const [first] = list(chosen, someone("a", { name: "Ann" }));
    expect(first).toEqual({ id: "a", name: "Ann", role: "host", verified: true, self: false });
    const nameless = someone("a", { name: "", verified: false });
    expect(list(nameless, someone("a", { name: "Ann", verified: false }))[0]).toMatchObject({ name: "Ann" });
  });

  it("shows a person without a name as Guest", () => {
    expect(list(someone("a", { name: "", verified: false })).map(({ name }) => name)).toContain("Guest");
    expect(listParticipants([], { ...me, name: "" })[0]).toMatchObject({ name: "Guest", self: true });
  });

  it("does not depend on the order in which people came", () => {
    const person = fc.record({
      id: fc.constantFrom("a", "b", "c", "d", "me"),
      name: fc.constantFrom("", "Ann", "ann", "Bo"),
      role: fc.constantFrom("host" as const, "participant" as const),
      verified: fc.constant(false),
    });
    const people = fc.uniqueArray(person, { selector: ({ id }) => id });
    fc.assert(
      fc.property(people, (others) => {
        const listed = listParticipants(others, me);
        expect(listParticipants(others.toReversed(), me).map(({ id }) => id)).toEqual(listed.map(({ id }) => id));
      }),
    );
  });
});

describe("the others", () => {
  const awarenesses: Awareness[] = [];
  afterEach(() => {
    for (const awareness of awarenesses.splice(0)) awareness.destroy();
  });
  const make = (): Awareness => {
    const awareness = new Awareness(new Y.Doc());
    awarenesses.push(awareness);
    return awareness;
  };
  /** Our awareness, another's, and what each of the other's states changed for us. */
  const pair = () => {
    const ours = make();
    const theirs = make();
    const others = new OtherParticipants(ours);
    const changes: boolean[] = [];
    ours.on("change", (change: AwarenessChange) => changes.push(others.handleChange(change)));
    const show = (state: Record<string, unknown> | null): void => {
      theirs.setLocalState(state);
      applyAwarenessUpdate(ours, encodeAwarenessUpdate(theirs, [theirs.clientID]), "wire");
    };
    return { ours, others, changes, show };
  };

  it("appear, change and disappear; a cursor that moves changes nothing", () => {
    const { others, changes, show } = pair();
    show({ user: someone("a") });
    show({ user: someone("a"), cursor: 1 });
    show({ user: someone("a", { name: "Ann" }), cursor: 1 });
    expect([...others.identities]).toEqual([someone("a", { name: "Ann" })]);
    show(null);
    expect([...others.identities]).toEqual([]);
    expect(changes).toEqual([true, false, true, true]);
  });

  it("exclude the person at this page and states without an identity", () => {
    const { ours, others, changes, show } = pair();
    ours.setLocalStateField("user", someone("me"));
    show({ user: { name: "nobody" } });
    show({ user: someone("a") });
    show({ user: {} });
    expect([...others.identities]).toEqual([]);
    expect(changes).toEqual([false, false, true, true]);
  });
});
