import { describe, expect, it } from "vitest";
import { judgeFlatness, LEAST_SAMPLES } from "./flatness.ts";

const FLOOR = 500;
/** A figure over so many nights; the scatter repeats and has no direction. */
const nights = (count: number, at: (night: number) => number): number[] =>
  Array.from({ length: count }, (_, night) => at(night));
const scatter = (night: number): number => [0, 90, -70, 40, -60, 80, -90][night % 7]!;

describe("whether a figure is flat", () => {
  it("cannot be said of a few samples", () => {
    expect(
      judgeFlatness(
        nights(LEAST_SAMPLES - 1, () => 1),
        FLOOR,
      ),
    ).toBeNull();
  });

  it("is seen through scatter", () => {
    expect(
      judgeFlatness(
        nights(20, (night) => 10_000 + scatter(night)),
        FLOOR,
      ),
    ).toMatchObject({ isFlat: true });
  });

  it("does not hang on how it warms up, or on one night that is different", () => {
    const values = nights(
      20,
      (night) => (night < 6 ? night * 5_000 : 30_000) + (night === 15 ? 9_000 : scatter(night)),
    );
    expect(judgeFlatness(values, FLOOR)).toMatchObject({ isFlat: true });
  });

  it("is said of what shrinks, and not of what grows by more than is allowed", () => {
    expect(
      judgeFlatness(
        nights(20, (night) => 10_000 - night * 100),
        FLOOR,
      ),
    ).toMatchObject({ isFlat: true });
    expect(
      judgeFlatness(
        nights(20, (night) => 10_000 + night * 100 + scatter(night)),
        FLOOR,
      )?.isFlat,
    ).toBe(false);
  });

  it("finds the smaller leaks the longer it looks", () => {
    const leak = (night: number): number => 10_000 + night * 20 + scatter(night);
    expect(judgeFlatness(nights(20, leak), FLOOR)).toMatchObject({ isFlat: true });
    expect(judgeFlatness(nights(200, leak), FLOOR)).toMatchObject({ isFlat: false });
  });
});
