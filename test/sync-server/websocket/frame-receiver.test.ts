import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReceiver } from "../../../sync-server/websocket/frame-receiver.ts";

/** A masked frame of a client. */
const frame = (opcode: number, payload: Uint8Array, isFinal: boolean): Buffer => {
  const header = Buffer.alloc(14);
  header[0] = (isFinal ? 0x80 : 0) | opcode;
  header[1] = 0x80 | 127;
  header.writeBigUInt64BE(BigInt(payload.byteLength), 2);
  header.set([1, 2, 3, 4], 10);
  return Buffer.concat([header, payload.map((byte, i) => byte ^ header[10 + (i % 4)]!)]);
};

const newReceiver = (messages: Uint8Array[]): FrameReceiver =>
  new FrameReceiver(10_000_000, {
    onMessage: (bytes) => void messages.push(bytes),
    onPing: () => {},
    onPong: () => {},
    onCloseFrame: () => {},
    onFault: (code, reason) => {
      throw new Error(`${code} ${reason}`);
    },
  });

describe("the receiver of frames", () => {
  it("[W14] reads the same messages, in whatever pieces their bytes arrive", () => {
    const sizes = fc.array(fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 3 }), {
      minLength: 1,
      maxLength: 3,
    });
    const cuts = fc.array(fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 70_000 })), {
      minLength: 1,
    });
    fc.assert(
      fc.property(sizes, cuts, (messages, pieces) => {
        let seed = 1;
        const payloads = messages.map((fragments) =>
          fragments.map((size) => Buffer.alloc(size, (seed = (seed * 7 + 3) % 251))),
        );
        const bytes = Buffer.concat(
          payloads.flatMap((fragments) =>
            fragments.map((payload, i) => frame(i === 0 ? 2 : 0, payload, i === fragments.length - 1)),
          ),
        );
        const received: Uint8Array[] = [];
        const receiver = newReceiver(received);
        for (let at = 0, i = 0; at < bytes.byteLength; i++) {
          const piece = pieces[i % pieces.length]! + Math.floor(i / 1_000) * 1_000;
          receiver.read(Buffer.from(bytes.subarray(at, at + piece)));
          at += piece;
          // What waits follows what has arrived, whatever the header announces.
          expect(receiver.unfinishedBytes).toBeLessThanOrEqual(2 * at + 1_024);
        }
        expect(received.map((message) => Buffer.from(message))).toEqual(payloads.map((each) => Buffer.concat(each)));
        expect(receiver.unfinishedBytes).toBe(0);
      }),
      { numRuns: 60 },
    );
  });

  it("[W14] hands a message that arrives byte by byte to ws in few pieces: that takes quadratic time in them", () => {
    const received: Uint8Array[] = [];
    const receiver = newReceiver(received);
    const bytes = frame(2, new Uint8Array(1_000_000).fill(7), true);
    let most = 0;
    for (let at = 0; at < bytes.byteLength; at++) {
      receiver.read(bytes.subarray(at, at + 1));
      most = Math.max(most, (receiver as unknown as { _buffers: Buffer[] })._buffers.length);
    }
    expect(received[0]).toEqual(Buffer.alloc(1_000_000, 7));
    expect(most).toBeLessThanOrEqual(1_000_000 / (64 * 1024) + 1);
  });
});
