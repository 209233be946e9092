/** Long work in slices: all rooms in turn, and in one room one after the other. */
import { describe, expect, it } from "vitest";
import { Lane } from "../../../../sync-server/room/content/lane.ts";
import { Slices } from "../../../../sync-server/room/content/slices.ts";
import type { SlicedWork } from "../../../../sync-server/room/content/slices.ts";

/** Slices whose turns are taken by hand. */
const make = () => {
  const turns: (() => void)[] = [];
  const bugs: unknown[] = [];
  const onBug = (error: unknown): void => void bugs.push(error);
  const slices = new Slices({ afterTurn: (run) => void turns.push(run) }, onBug);
  const done: string[] = [];
  const work = (name: string, count: number): (() => SlicedWork) =>
    function* work() {
      for (let i = 1; i <= count; i++) {
        done.push(`${name}${i}`);
        if (i < count) yield;
      }
    };
  const turn = (): void => turns.shift()?.();
  const takeAll = (): void => {
    while (turns.length > 0) turn();
  };
  return { slices, onBug, bugs, turns, done, work, turn, takeAll };
};

describe("slices", () => {
  it("[W24] each turn does one slice of one room, all rooms in turn", () => {
    const { slices, done, work, turns, turn, takeAll } = make();
    for (const [name, count] of [
      ["a", 3],
      ["b", 1],
      ["c", 2],
    ] as const) {
      slices.run(work(name, count)());
    }
    expect(done).toEqual([]);
    expect(turns).toHaveLength(1);
    turn();
    expect(done).toEqual(["a1"]);
    takeAll();
    expect(done).toEqual(["a1", "b1", "c1", "a2", "c2", "a3"]);
  });

  it("[W24] work that throws ends alone", () => {
    const { slices, bugs, done, work, takeAll } = make();
    const broken = function* broken(): SlicedWork {
      yield;
      throw new Error("a fault");
    };
    slices.run(broken());
    slices.run(work("a", 3)());
    takeAll();
    expect(done).toEqual(["a1", "a2", "a3"]);
    expect(bugs).toEqual([new Error("a fault")]);
  });
});

describe("a lane", () => {
  it("[W24] does one after the other, whatever throws, and is idle then", () => {
    const { slices, onBug, bugs, done, work, takeAll } = make();
    const lane = new Lane(slices, onBug);
    lane.inOrder(() => done.push("at once"));
    lane.push(work("a", 3));
    lane.push(() => {
      throw new Error("a fault");
    });
    lane.inOrder(() => done.push("after it"));
    lane.push(work("b", 1));
    let idle = 0;
    lane.whenIdle(() => idle++);
    expect(done).toEqual(["at once"]);
    expect(lane.isBusy).toBe(true);
    takeAll();
    expect(done).toEqual(["at once", "a1", "a2", "a3", "after it", "b1"]);
    expect(bugs).toEqual([new Error("a fault")]);
    expect([lane.isBusy, idle]).toEqual([false, 1]);
    lane.whenIdle(() => idle++);
    expect(idle).toBe(2);
  });
});
