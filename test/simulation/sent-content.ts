/** Reads from a frame of the relay what it reveals to its receiver: the document up to which clocks, which run, or what is saved. */
import * as decoding from "lib0/decoding";
import * as Y from "yjs";
import { MessageType, SyncStep } from "../../src/protocol/protocol.ts";
import type { RelayMessage } from "../../src/protocol/protocol.ts";

type SentContent =
  | { readonly kind: "document"; readonly upTo: ReadonlyMap<number, number> }
  | { readonly kind: "answer"; readonly run: number }
  | { readonly kind: "saved"; readonly n: number };

const known = new WeakMap<Uint8Array, SentContent | null>();

const read = (frame: Uint8Array): SentContent | null => {
  const decoder = decoding.createDecoder(frame);
  const type = decoding.readVarUint(decoder);
  if (type === MessageType.sync) {
    if (decoding.readVarUint(decoder) === SyncStep.step1) return null;
    return { kind: "document", upTo: Y.parseUpdateMeta(decoding.readVarUint8Array(decoder)).to };
  }
  if (type !== MessageType.session) return null;
  const message = JSON.parse(decoding.readVarString(decoder)) as RelayMessage;
  if (message.type === "saved") return { kind: "saved", n: message.n };
  return message.type === "answer" && message.ok ? { kind: "answer", run: message.run } : null;
};

/** `null` if the frame contains nothing that a crash could undo. A frame sent to many is read once. */
export const readSentContent = (frame: Uint8Array): SentContent | null => {
  let sent = known.get(frame);
  if (sent === undefined) known.set(frame, (sent = read(frame)));
  return sent;
};
