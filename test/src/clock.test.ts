/** The clocks: the manual one of the tests, and the real one. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { manualClock } from "../manual-clock.ts";

describe("the manual clock", () => {
  it("does not move until it is advanced", () => {
    const clock = manualClock(1_000);
    expect([clock.now(), clock.wallNow()]).toEqual([1_000, 1_000]);
    clock.advance(5);
    expect([clock.now(), clock.wallNow()]).toEqual([1_005, 1_005]);
  });

  it("[L15] a jump of the wall clock moves neither now nor a timer", () => {
    const clock = manualClock(1_000);
    let fired = 0;
    clock.setTimer(10, () => fired++);
    clock.jumpWall(3_600_000);
    expect([clock.now(), clock.wallNow()]).toEqual([1_000, 3_601_000]);
    clock.advance(9);
    expect(fired).toBe(0);
    clock.jumpWall(-7_200_000);
    clock.advance(1);
    expect(fired).toBe(1);
    expect(clock.wallNow()).toBe(1_010 - 3_600_000);
  });

  it("fires each timer once, in order of its due time, at its due time", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -5, max: 100 }), { maxLength: 20 }), (delays) => {
        const clock = manualClock(0);
        const fired: { index: number; at: number }[] = [];
        for (const [index, delay] of delays.entries()) {
          clock.setTimer(delay, () => fired.push({ index, at: clock.now() }));
        }
        clock.advance(100);
        const expected = [...delays.entries()]
          .map(([index, delay]) => ({ index, at: Math.max(delay, 0) }))
          .toSorted((a, b) => a.at - b.at || a.index - b.index);
        expect(fired).toEqual(expected);
        expect([clock.timers, clock.now()]).toEqual([0, 100]);
      }),
    );
  });

  it("fires a timer that another timer has set, if it is due in the same advance", () => {
    const clock = manualClock(0);
    const at: number[] = [];
    const again = (): void => {
      at.push(clock.now());
      clock.setTimer(10, again);
    };
    clock.setTimer(10, again);
    clock.advance(35);
    expect(at).toEqual([10, 20, 30]);
    expect(clock.timers).toBe(1);
  });

  it("does not fire what was cancelled, and cancelling twice is harmless", () => {
    const clock = manualClock(0);
    const cancel = clock.setTimer(1, () => expect.unreachable());
    cancel();
    cancel();
    clock.advance(10);
    expect(clock.timers).toBe(0);
  });
});

describe("the real clock", () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it("[L15] is not moved by a jump of the wall clock", () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    const clock = systemClock();
    const before = clock.now();
    vi.setSystemTime(Date.now() + 3_600_000);
    expect(clock.now() - before).toBeLessThan(60_000);
    expect(clock.wallNow() - before).toBeGreaterThan(3_500_000);
  });

  it("[L15] waits the given time, also after such a jump", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    const clock = systemClock();
    vi.setSystemTime(Date.now() + 3_600_000);
    let fired = 0;
    clock.setTimer(1_000, () => fired++);
    vi.advanceTimersByTime(999);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(2);
    expect(fired).toBe(1);
  });

  it("waits longer than setTimeout can", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    const clock = systemClock();
    const days = 24 * 3_600_000;
    let fired = 0;
    clock.setTimer(40 * days, () => fired++);
    vi.advanceTimersByTime(40 * days - 1_000);
    expect(fired).toBe(0);
    vi.advanceTimersByTime(2_000);
    expect(fired).toBe(1);
  });

  it("cancels a timer that it has armed again", () => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
    const clock = systemClock();
    const days = 24 * 3_600_000;
    const cancel = clock.setTimer(40 * days, () => expect.unreachable());
    vi.advanceTimersByTime(30 * days);
    cancel();
    expect(vi.getTimerCount()).toBe(0);
  });
});
