import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameError, FrameReader, Opcode } from "../../../sync-server/websocket/frame-reader.ts";

type Heard =
  | { readonly kind: "message"; readonly bytes: readonly number[]; readonly isBinary: boolean }
  | { readonly kind: "control"; readonly opcode: number; readonly bytes: readonly number[] };

/** A frame as a browser sends it. */
const frame = (opcode: number, payload: Uint8Array, mask: number, isFinal = true): Uint8Array => {
  const { byteLength } = payload;
  const extended = byteLength < 126 ? 0 : byteLength < 65_536 ? 2 : 8;
  const header = new DataView(new ArrayBuffer(2 + extended + 4));
  header.setUint8(0, (isFinal ? 0x80 : 0) | opcode);
  header.setUint8(1, 0x80 | (extended === 0 ? byteLength : extended === 2 ? 126 : 127));
  if (extended === 2) header.setUint16(2, byteLength);
  if (extended === 8) header.setBigUint64(2, BigInt(byteLength));
  header.setUint32(2 + extended, mask);
  const key = [mask >>> 24, (mask >>> 16) & 0xff, (mask >>> 8) & 0xff, mask & 0xff];
  const masked = payload.map((byte, i) => byte ^ key[i % 4]!);
  return Buffer.concat([new Uint8Array(header.buffer), masked]);
};

const listen = (maxMessageBytes = 1_000_000): { reader: FrameReader; heard: Heard[] } => {
  const heard: Heard[] = [];
  const reader = new FrameReader(maxMessageBytes, {
    message: (bytes, isBinary) => void heard.push({ kind: "message", bytes: [...bytes], isBinary }),
    control: (opcode, bytes) => void heard.push({ kind: "control", opcode, bytes: [...bytes] }),
  });
  return { reader, heard };
};

const codeOf = (run: () => void): number => {
  try {
    run();
  } catch (error) {
    if (error instanceof FrameError) return error.code;
    throw error;
  }
  return 0;
};

const control = fc.record({
  kind: fc.constant("control" as const),
  opcode: fc.constantFrom(Opcode.ping, Opcode.pong, Opcode.close),
  payload: fc.uint8Array({ maxLength: 125 }),
  mask: fc.nat(0xffff_ffff),
});
const message = fc.record({
  kind: fc.constant("message" as const),
  isBinary: fc.boolean(),
  // Its frames, with control frames in between.
  parts: fc.array(
    fc.record({
      payload: fc.oneof(
        fc.uint8Array({ maxLength: 200 }),
        fc.integer({ min: 60_000, max: 70_000 }).map((bytes) => new Uint8Array(bytes).fill(7)),
      ),
      mask: fc.nat(0xffff_ffff),
      before: fc.option(control, { nil: null }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
});

describe("the reader of frames", () => {
  it("[W14] hears the same messages, in whatever frames and pieces they come", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(control, message), { maxLength: 6 }),
        fc.array(fc.integer({ min: 1, max: 5_000 }), { minLength: 1 }),
        (things, pieces) => {
          const frames: Uint8Array[] = [];
          const said: Heard[] = [];
          const sayControl = ({
            opcode,
            payload,
            mask,
          }: {
            opcode: number;
            payload: Uint8Array;
            mask: number;
          }): void => {
            frames.push(frame(opcode, payload, mask));
            said.push({ kind: "control", opcode, bytes: [...payload] });
          };
          for (const thing of things) {
            if (thing.kind === "control") {
              sayControl(thing);
              continue;
            }
            const first = thing.isBinary ? Opcode.binary : Opcode.text;
            thing.parts.forEach(({ payload, mask, before }, i) => {
              if (before !== null) sayControl(before);
              frames.push(frame(i === 0 ? first : Opcode.continuation, payload, mask, i === thing.parts.length - 1));
            });
            const bytes = thing.parts.flatMap(({ payload }) => [...payload]);
            said.push({ kind: "message", bytes, isBinary: thing.isBinary });
          }
          const all = Buffer.concat(frames);
          const { reader, heard } = listen();
          for (let at = 0, i = 0; at < all.byteLength; i++) {
            const end = at + pieces[i % pieces.length]!;
            // The reader's from now on: it unmasks them where they lie.
            reader.read(Uint8Array.prototype.slice.call(all, at, end));
            at = end;
          }
          expect(heard).toEqual(said);
        },
      ),
      { numRuns: 200 },
    );
  });

  it("[W14] any bytes are read or refused, and nothing is heard after a refusal or a stop", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
        const { reader, heard } = listen(100);
        for (const piece of pieces) {
          if (codeOf(() => reader.read(piece)) === 0) continue;
          reader.stop();
          const before = heard.length;
          reader.read(frame(Opcode.binary, Uint8Array.of(1), 0));
          expect(heard).toHaveLength(before);
          return;
        }
      }),
    );
  });

  it("[W14] stops in the middle of a piece", () => {
    let messages = 0;
    const reader: FrameReader = new FrameReader(100, {
      message: () => {
        messages++;
        reader.stop();
      },
      control: () => {},
    });
    const one = frame(Opcode.binary, Uint8Array.of(1), 7);
    reader.read(Buffer.concat([one, one]));
    expect(messages).toBe(1);
  });

  it("[W13] [W14] a message over the limit is refused by its length, whole or in parts, before it is read", () => {
    const half = new Uint8Array(60);
    expect(codeOf(() => listen(100).reader.read(frame(Opcode.binary, new Uint8Array(101), 1).slice(0, 14)))).toBe(1009);
    expect(codeOf(() => listen(100).reader.read(frame(Opcode.binary, new Uint8Array(100), 1)))).toBe(0);
    const { reader } = listen(100);
    reader.read(frame(Opcode.binary, half, 1, false));
    // Control frames are no part of the message.
    reader.read(frame(Opcode.ping, half, 1));
    expect(codeOf(() => reader.read(frame(Opcode.continuation, half, 1)))).toBe(1009);
    expect(codeOf(() => listen().reader.read(Uint8Array.of(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0)))).toBe(1009);
  });

  it("[W13] [W14] a message in endless parts is refused, however small they are", () => {
    const { reader } = listen();
    reader.read(frame(Opcode.binary, new Uint8Array(), 1, false));
    const parts = Buffer.concat(
      Array.from({ length: 16_384 }, () => frame(Opcode.continuation, new Uint8Array(), 1, false)),
    );
    expect(codeOf(() => reader.read(parts))).toBe(1009);
  });

  it("[W14] what has come in part takes the memory of what has come", () => {
    const { reader } = listen(16_000_000);
    const claim = frame(Opcode.binary, new Uint8Array(15_000_000), 1);
    const readers = Array.from({ length: 200 }, () => listen(16_000_000).reader);
    const before = process.memoryUsage().arrayBuffers;
    for (const each of [reader, ...readers]) each.read(claim.slice(0, 20));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
  });
});
