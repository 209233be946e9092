import { describe, expect, it } from "vitest";
import { judgeFlatness, LEAST_SAMPLES } from "./flatness.ts";

const FLOOR = 500;
/** One sample for each night. `scatter` is periodic and without a trend. */
const nights = (count: number, at: (night: number) => number): number[] =>
  Array.from({ length: count }, (_, night) => at(night));
const scatter = (night: number): number => [0, 90, -70, 40, -60, 80, -90][night % 7]!;

describe("flatness", () => {
  it("is not judged with too few samples", () => {
    expect(
      judgeFlatness(
        nights(LEAST_SAMPLES - 1, () => 1),
        FLOOR,
      ),
    ).toBeNull();
  });

  it("is detected despite scatter", () => {
    expect(
      judgeFlatness(
        nights(20, (night) => 10_000 + scatter(night)),
        FLOOR,
      ),
    ).toMatchObject({ isFlat: true });
  });

  it("does not depend on the warm-up or on one outlier", () => {
    const values = nights(
      20,
      (night) => (night < 6 ? night * 5_000 : 30_000) + (night === 15 ? 9_000 : scatter(night)),
    );
    expect(judgeFlatness(values, FLOOR)).toMatchObject({ isFlat: true });
  });

  it("includes shrinking, and excludes growth above the allowed one", () => {
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

  it("detects smaller leaks in longer series", () => {
    const leak = (night: number): number => 10_000 + night * 20 + scatter(night);
    expect(judgeFlatness(nights(20, leak), FLOOR)).toMatchObject({ isFlat: true });
    expect(judgeFlatness(nights(200, leak), FLOOR)).toMatchObject({ isFlat: false });
  });
});
