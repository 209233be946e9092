/** The walk over JSON, beside `JSON.parse`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { findJsonFault, MAX_VALUE_DEPTH } from "../../../sync-server/update/json.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const expectSame = (text: string): void =>
  expect([text, findJsonFault(encode(text)) === null]).toEqual([text, isJson(text)]);

describe("findJsonFault", () => {
  it("[G6] accepts every value that JSON.stringify writes", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.nat(3), (value, space) => {
        expectSame(JSON.stringify(value, null, space));
      }),
    );
  });

  it("[G6] agrees with JSON.parse on values that were damaged", () => {
    const damage = fc.record({
      at: fc.nat(),
      by: fc.constantFrom(...'{}[]",:\\ue0123-+.tfn \n\u0001é'),
      cut: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.jsonValue(), fc.array(damage, { maxLength: 3 }), (value, damages) => {
        let text = JSON.stringify(value);
        for (const { at, by, cut } of damages) {
          const place = at % (text.length + 1);
          text = text.slice(0, place) + by + text.slice(cut ? place + 1 : place);
        }
        expectSame(text);
      }),
      { numRuns: 2_000 },
    );
  });

  it("[G6] agrees with JSON.parse on corner cases", () => {
    const cases = [
      "",
      " ",
      "nul",
      "nulll",
      "-",
      "-0",
      "01",
      "1.",
      ".5",
      "1e",
      "1e+",
      "1E-7",
      "[",
      "]",
      "[,]",
      "[1,]",
      "{}",
    ];
    const more = [
      '{"a"}',
      '{"a":}',
      '{"a":1,}',
      "{a:1}",
      '"\\u12"',
      '"\\u12g4"',
      '"\\x"',
      '"\\',
      '"\\"',
      '"a\nb"',
      "[]]",
      "[] x",
    ];
    for (const text of [...cases, ...more, ' [ { "a" : [ ] } ] ', "\u00a01", "truefalse"]) expectSame(text);
  });

  it("[G13] refuses what is nested deeper than the bound, however deep, and neither recurses nor takes long", () => {
    const nested = (depth: number): Uint8Array => encode("[".repeat(depth) + "]".repeat(depth));
    expect(findJsonFault(nested(MAX_VALUE_DEPTH))).toBe(null);
    expect(findJsonFault(nested(MAX_VALUE_DEPTH + 1))).toBe("too deep");
    expect(findJsonFault(nested(2_000_000))).toBe("too deep");
    expect(findJsonFault(encode(`[${"0,".repeat(4_000_000)}0]`))).toBe("too many parts");
  });
});
