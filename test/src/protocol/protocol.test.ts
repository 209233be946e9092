/** The wire protocol: round trips, and what a reader does with bytes that mean harm. */
import fc from "fast-check";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import {
  cleanPersonName,
  isRoomName,
  KEEPALIVE,
  MalformedError,
  MessageType,
  readClientMessage,
  readRelayMessage,
  writeAwareness,
  writeCommand,
  writeRelayMessage,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../../src/protocol/protocol.ts";
import type { Command, RelayMessage } from "../../../src/protocol/protocol.ts";

const bytes = fc.uint8Array({ maxLength: 300 });
const id = fc.maxSafeInteger();
const run = fc.maxSafeNat();
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ type: fc.constantFrom("join" as const, "leave" as const), id }),
  fc.record({
    type: fc.constant("join" as const),
    id,
    seen: fc.record({ ledger: run, count: run, proof: fc.string() }),
  }),
  fc.record({ type: fc.constantFrom("start" as const, "end" as const), id, run }),
  fc.record({ type: fc.constant("renew" as const), id, token: fc.string() }),
);
const relayMessage: fc.Arbitrary<RelayMessage> = fc.oneof(
  fc.record(
    {
      type: fc.constant("welcome" as const),
      person: fc.record({
        id: fc.string(),
        name: fc.string({ unit: "grapheme" }),
        role: fc.constantFrom("host" as const, "participant" as const),
        verified: fc.boolean(),
      }),
      token: fc.string(),
      expiresInMs: fc.maxSafeNat(),
    },
    { requiredKeys: ["type", "person", "expiresInMs"] },
  ),
  fc.record({ type: fc.constant("answer" as const), id, ok: fc.constant(true as const), run }),
  fc.record({
    type: fc.constant("answer" as const),
    id,
    ok: fc.constant(false as const),
    code: fc.constantFrom("not-a-host" as const, "ended" as const),
    message: fc.string(),
  }),
);

const sessionText = (text: string): Uint8Array => {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, MessageType.session);
  encoding.writeVarString(encoder, text);
  return encoding.toUint8Array(encoder);
};

const bodyOf = (frame: Uint8Array): decoding.Decoder => {
  const decoder = decoding.createDecoder(frame);
  expect(decoding.readVarUint(decoder)).toBe(MessageType.session);
  return decoder;
};

describe("round trips", () => {
  it("[W1] sync and awareness frames", () => {
    fc.assert(
      fc.property(bytes, (payload) => {
        expect(readClientMessage(writeSyncStep1(payload))).toEqual({ kind: "sync-step-1", stateVector: payload });
        expect(readClientMessage(writeSyncStep2(payload))).toEqual({ kind: "sync-step-2", update: payload });
        expect(readClientMessage(writeUpdate(payload))).toEqual({ kind: "update", update: payload });
        expect(readClientMessage(writeAwareness(payload))).toEqual({ kind: "awareness", update: payload });
      }),
    );
  });

  it("[W3] commands", () => {
    fc.assert(
      fc.property(command, (value) => {
        expect(readClientMessage(writeCommand(value))).toEqual({ kind: "session", command: value });
      }),
    );
  });

  it("[W3] messages of the relay", () => {
    fc.assert(
      fc.property(relayMessage, (value) => {
        expect(readRelayMessage(bodyOf(writeRelayMessage(value)))).toEqual(value);
      }),
    );
  });

  it("[W10] the keep-alive is an awareness update of nobody", () => {
    expect(readClientMessage(KEEPALIVE)).toEqual({ kind: "awareness", update: Uint8Array.of(0) });
  });

  it("[W1] bytes after the body are ignored, and a request for awareness has none", () => {
    expect(readClientMessage(Uint8Array.of(...writeUpdate(Uint8Array.of(7)), 1, 2, 3))).toMatchObject({
      kind: "update",
    });
    expect(readClientMessage(Uint8Array.of(3))).toEqual({ kind: "query-awareness" });
    expect(readClientMessage(Uint8Array.of(42))).toEqual({ kind: "unknown", type: 42 });
  });
});

describe("bad bytes", () => {
  const isMalformed = (frame: Uint8Array): boolean => {
    try {
      readClientMessage(frame);
      return false;
    } catch (error) {
      expect(error).toBeInstanceOf(MalformedError);
      return true;
    }
  };

  it("[G6] whatever they are, the reader throws MalformedError alone", () => {
    fc.assert(
      fc.property(bytes, (frame) => void isMalformed(frame)),
      { numRuns: 2_000 },
    );
    const type = fc.constantFrom(...Object.values(MessageType));
    fc.assert(
      fc.property(type, bytes, (first, rest) => void isMalformed(Uint8Array.of(first, ...rest))),
      { numRuns: 2_000 },
    );
  });

  it("[G6] every cut of a frame is malformed", () => {
    fc.assert(
      fc.property(fc.oneof(bytes.map(writeUpdate), bytes.map(writeAwareness), command.map(writeCommand)), (frame) => {
        for (let length = 0; length < frame.byteLength; length++)
          expect(isMalformed(frame.subarray(0, length))).toBe(true);
      }),
      { numRuns: 20 },
    );
  });

  it.each([
    ["nothing", Uint8Array.of()],
    ["a number that does not end", new Uint8Array(20).fill(0xff)],
    ["a sync step that there is not", Uint8Array.of(0, 3, 0)],
    ["a length beyond the frame", Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0x0f)],
    ["a command that is not JSON", sessionText("{")],
    ["null", sessionText("null")],
    ["a list", sessionText("[]")],
    ["no id", sessionText('{"type":"join"}')],
    ["a count of commits that is no object", sessionText('{"type":"join","id":1,"seen":3}')],
    ["no count of commits", sessionText('{"type":"join","id":1,"seen":null}')],
    ["a count without its proof", sessionText('{"type":"join","id":1,"seen":{"ledger":1,"count":1}}')],
    ["half a count", sessionText('{"type":"join","id":1,"seen":{"ledger":1,"count":0.5,"proof":""}}')],
    ["a negative ledger", sessionText('{"type":"join","id":1,"seen":{"ledger":-1,"count":1,"proof":""}}')],
    ["an id in words", sessionText('{"type":"join","id":"1"}')],
    ["no type", sessionText('{"id":1}')],
    ["a type from the prototype", sessionText('{"type":"toString","id":1}')],
    ["an End without its run", sessionText('{"type":"end","id":1}')],
    ["a Start for a negative run", sessionText('{"type":"start","id":1,"run":-1}')],
    ["a Start for half a run", sessionText('{"type":"start","id":1,"run":0.5}')],
    ["a renewal without a token", sessionText('{"type":"renew","id":1}')],
  ])("[G6] %s", (_what, frame) => {
    expect(isMalformed(frame)).toBe(true);
  });

  it("a command keeps its own fields and nothing else", () => {
    const frame = sessionText('{"type":"end","id":1,"run":2,"role":"host","__proto__":{"x":1}}');
    expect(readClientMessage(frame)).toEqual({ kind: "session", command: { type: "end", id: 1, run: 2 } });
    const seen = { ledger: 2 ** 52, count: 7, proof: "p" };
    const join = sessionText(JSON.stringify({ type: "join", id: 1, seen: { ...seen, more: 1 } }));
    expect(readClientMessage(join)).toEqual({ kind: "session", command: { type: "join", id: 1, seen } });
  });

  it("[W3] a message of a newer relay is nothing to an older client", () => {
    for (const text of ['{"type":"news"}', "null", "7", "[]"])
      expect(readRelayMessage(bodyOf(sessionText(text)))).toBeNull();
    expect(() => readRelayMessage(bodyOf(sessionText("{")))).toThrow(SyntaxError);
  });
});

describe("names", () => {
  it("a room has 1 to 128 characters, no control characters, and is not . or ..", () => {
    expect(
      ["a", "...", ".a", "ä/ö ?#", "👩‍🏫".repeat(32), "a".repeat(128), "𝒳".repeat(128)].map(isRoomName),
    ).not.toContain(false);
    expect(["", "a".repeat(129), "𝒳".repeat(129), "\ud800"].map(isRoomName)).not.toContain(true);
    expect([".", "..", "a\n", "\n", "\0", "a\x7fb", "\x85"].map(isRoomName)).not.toContain(true);
  });

  it.each([
    ["  Ada  ", "Ada"],
    ["", ""],
    [" \n\t ", ""],
    ["a\u0000b\u202Ec\u2066d\nd", "a b c d d"],
    ["a\u061Cb\u200Ec\u2028d\u2029e\uFEFFf", "a b c d e f"],
    ["<b>Ada</b>", "<b>Ada</b>"],
    ["می\u200Cخواهم", "می\u200Cخواهم"],
    ["👩‍🏫", "👩‍🏫"],
    ["\ud800", "\ufffd"],
    [undefined, ""],
    [{ name: "Ada" }, ""],
  ])("[P6] %j is shown as %j", (name, shown) => {
    expect(cleanPersonName(name)).toBe(shown);
  });

  it("[P6] at most 80 characters, whole ones, however it is cleaned again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 200 }), (name) => {
        const clean = cleanPersonName(name);
        expect([...clean].length).toBeLessThanOrEqual(80);
        expect(clean.isWellFormed()).toBe(true);
        expect(clean).toBe(clean.trim());
        expect(cleanPersonName(clean)).toBe(clean);
      }),
    );
  });
});
