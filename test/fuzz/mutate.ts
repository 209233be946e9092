/** Mutates captured frames: flips, cuts, splices, repeats and inserts bytes, and replaces client ids. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { MessageType } from "../../src/protocol/protocol.ts";
import type { Random } from "../random.ts";

const flip = (frame: Uint8Array, random: Random): Uint8Array => {
  const copy = frame.slice();
  for (let left = 1 + random.below(4); left > 0 && copy.length > 0; left--) {
    const at = random.below(copy.length);
    copy[at] = random.percent(50) ? copy[at]! ^ (1 << random.below(8)) : random.below(256);
  }
  return copy;
};

const cut = (frame: Uint8Array, random: Random): Uint8Array => frame.slice(0, random.below(frame.length + 1));

const splice = (frame: Uint8Array, other: Uint8Array, random: Random): Uint8Array => {
  const head = frame.subarray(0, random.below(frame.length + 1));
  const tail = other.subarray(random.below(other.length + 1));
  return Buffer.concat([head, tail]);
};

/** Repeats a part of the frame. */
const repeat = (frame: Uint8Array, random: Random): Uint8Array => {
  const from = random.below(frame.length + 1);
  const to = from + random.below(frame.length + 1 - from);
  return Buffer.concat([frame.subarray(0, to), frame.subarray(from, to), frame.subarray(to)]);
};

const insert = (frame: Uint8Array, random: Random): Uint8Array => {
  const at = random.below(frame.length + 1);
  return Buffer.concat([frame.subarray(0, at), random.bytes(1 + random.below(16)), frame.subarray(at)]);
};

const varUint = (value: number): Uint8Array => encoding.encode((encoder) => encoding.writeVarUint(encoder, value));

/** Replaces the bytes of one client id by those of another wherever they occur, and corrects the length. */
const renameClient = (frame: Uint8Array, from: number, to: number): Uint8Array => {
  const decoder = decoding.createDecoder(frame);
  const type = decoding.readVarUint(decoder);
  const step = type === MessageType.sync ? decoding.readVarUint(decoder) : null;
  let payload = Buffer.from(decoding.readVarUint8Array(decoder));
  const before = Buffer.from(varUint(from));
  const after = Buffer.from(varUint(to));
  for (let at = payload.indexOf(before); at !== -1; at = payload.indexOf(before, at + after.length)) {
    payload = Buffer.concat([payload.subarray(0, at), after, payload.subarray(at + before.length)]);
  }
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    if (step !== null) encoding.writeVarUint(encoder, step);
    encoding.writeVarUint8Array(encoder, payload);
  });
};

/**
 * A frame derived from captured ones.
 *
 * @param clientIds ids to replace, and to replace them by.
 */
export const mutate = (captured: readonly Uint8Array[], clientIds: readonly number[], random: Random): Uint8Array => {
  const frame = random.pick(captured);
  switch (random.below(8)) {
    case 0:
      return frame;
    case 1:
      return flip(frame, random);
    case 2:
      return cut(frame, random);
    case 3:
      return splice(frame, random.pick(captured), random);
    case 4:
      return repeat(frame, random);
    case 5:
      return insert(frame, random);
    case 6:
      return flip(splice(frame, random.pick(captured), random), random);
    default:
      try {
        return renameClient(
          frame,
          random.pick(clientIds),
          random.percent(50) ? random.pick(clientIds) : random.uint32(),
        );
      } catch {
        // Not a frame with a payload.
        return frame;
      }
  }
};
