/** What a frame of the relay tells its receiver: up to which clocks of the document, or of which run. */
import * as decoding from "lib0/decoding";
import * as Y from "yjs";
import { MessageType, SyncStep } from "../../src/protocol/protocol.ts";
import type { RelayMessage } from "../../src/protocol/protocol.ts";

export type Told =
  | { readonly kind: "document"; readonly upTo: ReadonlyMap<number, number> }
  | { readonly kind: "answer"; readonly run: number };

const known = new WeakMap<Uint8Array, Told | null>();

const read = (frame: Uint8Array): Told | null => {
  const decoder = decoding.createDecoder(frame);
  const type = decoding.readVarUint(decoder);
  if (type === MessageType.sync) {
    if (decoding.readVarUint(decoder) === SyncStep.step1) return null;
    return { kind: "document", upTo: Y.parseUpdateMeta(decoding.readVarUint8Array(decoder)).to };
  }
  if (type !== MessageType.session) return null;
  const message = JSON.parse(decoding.readVarString(decoder)) as RelayMessage;
  return message.type === "answer" && message.ok ? { kind: "answer", run: message.run } : null;
};

/** `null`: nothing that could be taken back. A frame that goes to many is read once. */
export const readTold = (frame: Uint8Array): Told | null => {
  let told = known.get(frame);
  if (told === undefined) known.set(frame, (told = read(frame)));
  return told;
};
