/** The keeper of deadlines alone: one timer, the store's deadlines, nothing early and nothing twice (docs/SPEC.md, L3 to L5). */
import { describe, expect, it } from "vitest";
import { manualClock } from "../../../manual-clock.ts";
import { Deadlines } from "../../../../sync-server/room/session/deadlines.ts";

/** Lets everything run that waits for no more than promises. */
const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};

/** A keeper over a plain map of deadlines; checking a room that is due ends it. */
const makeKeeper = () => {
  const clock = manualClock();
  const deadlines = new Map<string, number>();
  const checked: { room: string; at: number }[] = [];
  const errors: unknown[] = [];
  let failure: Error | null = null;
  let onAsked = () => {};
  const store = {
    dueRooms: async (now: number, limit: number) => {
      if (failure !== null) throw failure;
      const due = [...deadlines].filter(([, at]) => at <= now).sort((a, b) => a[1] - b[1]);
      return due.slice(0, limit).map(([room]) => room);
    },
    earliestDeadline: async () => {
      const earliest = deadlines.size === 0 ? null : Math.min(...deadlines.values());
      onAsked();
      return earliest;
    },
  };
  const keeper = new Deadlines({
    store,
    journal: { settled: async () => {} },
    clock,
    check: async (room) => {
      checked.push({ room, at: clock.now() });
      const at = deadlines.get(room);
      if (at !== undefined && at <= clock.now()) deadlines.delete(room);
    },
    onError: (error) => void errors.push(error),
  });
  return {
    clock,
    deadlines,
    checked,
    errors,
    keeper,
    fail: (error: Error) => void (failure = error),
    /** Does something once, just after the store has looked for its earliest deadline. */
    whenAsked: (act: () => void) => {
      onAsked = () => {
        onAsked = () => {};
        act();
      };
    },
  };
};

describe("the keeper of deadlines", () => {
  it("[L5] checks each room when it is due, not before, with one timer for all", async () => {
    const { clock, deadlines, checked, keeper } = makeKeeper();
    const start = clock.now();
    deadlines.set("late", start + 2_000).set("soon", start + 1_000);
    await keeper.start();
    expect(clock.timers).toBe(1);
    clock.advance(999);
    await turn();
    expect(checked).toEqual([]);
    clock.advance(1);
    await turn();
    expect(checked).toEqual([{ room: "soon", at: start + 1_000 }]);
    expect(clock.timers).toBe(1);
    clock.advance(1_000);
    await turn();
    expect(checked.map(({ room }) => room)).toEqual(["soon", "late"]);
    expect(clock.timers).toBe(0);
  });

  it("[L3] a deadline that is noticed moves the timer forwards, never back", async () => {
    const { clock, deadlines, checked, keeper } = makeKeeper();
    const start = clock.now();
    await keeper.start();
    for (const [room, ms] of [
      ["b", 2_000],
      ["a", 1_000],
      ["c", 3_000],
    ] as const) {
      deadlines.set(room, start + ms);
      keeper.noticed(start + ms);
      expect(clock.timers).toBe(1);
    }
    for (let i = 0; i < 3; i++) {
      clock.advance(1_000);
      await turn();
    }
    expect(checked).toEqual([
      { room: "a", at: start + 1_000 },
      { room: "b", at: start + 2_000 },
      { room: "c", at: start + 3_000 },
    ]);
  });

  it("[L4] a deadline that was cleared ends nothing, and the next one is still kept", async () => {
    const { clock, deadlines, checked, keeper } = makeKeeper();
    const start = clock.now();
    deadlines.set("cleared", start + 1_000).set("kept", start + 5_000);
    await keeper.start();
    deadlines.delete("cleared");
    clock.advance(1_000);
    await turn();
    expect(checked).toEqual([]);
    clock.advance(4_000);
    await turn();
    expect(checked).toEqual([{ room: "kept", at: start + 5_000 }]);
  });

  it("serves a thousand rooms that are due at once, each once", async () => {
    const { clock, deadlines, checked, keeper } = makeKeeper();
    for (let i = 0; i < 1_000; i++) deadlines.set(`room ${i}`, clock.now() + 1_000);
    await keeper.start();
    clock.advance(1_000);
    await turn();
    expect(new Set(checked.map(({ room }) => room)).size).toBe(1_000);
    expect(checked).toHaveLength(1_000);
  });

  it("a deadline that is noticed while others are served is not forgotten", async () => {
    const { clock, deadlines, checked, keeper, whenAsked } = makeKeeper();
    const start = clock.now();
    deadlines.set("first", start + 1_000);
    await keeper.start();
    // The store's answer does not hold this one any more.
    whenAsked(() => {
      keeper.noticed(start + 1_500);
      deadlines.set("second", start + 1_500);
    });
    clock.advance(1_000);
    await turn();
    clock.advance(500);
    await turn();
    expect(checked.map(({ room }) => room)).toEqual(["first", "second"]);
  });

  it("a store that fails is reported; a keeper that was stopped does nothing more", async () => {
    const { clock, deadlines, checked, errors, keeper, fail } = makeKeeper();
    deadlines.set("room", clock.now() + 1_000);
    await keeper.start();
    fail(new Error("damaged"));
    clock.advance(1_000);
    await turn();
    expect(errors).toEqual([new Error("damaged")]);
    keeper.stop();
    keeper.noticed(clock.now() + 10);
    expect(clock.timers).toBe(0);
    expect(checked).toEqual([]);
  });
});
