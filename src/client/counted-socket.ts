/**
 * Sees what y-websocket sends: a WebSocket that reports the sync messages that go out on it, in their order. The relay
 * numbers the same messages, so nothing may be sent past this.
 */
import * as decoding from "lib0/decoding";
import { MessageType, SyncStep } from "../protocol/protocol.ts";

/** A SyncStep2 or an Update was sent; `update` is what it carries. */
export type OnSyncSent = (isComplete: boolean, update: Uint8Array) => void;

const report = (message: Uint8Array, onSyncSent: OnSyncSent): void => {
  const decoder = decoding.createDecoder(message);
  if (decoding.readVarUint(decoder) !== MessageType.sync) return;
  const step = decoding.readVarUint(decoder);
  if (step !== SyncStep.step1) onSyncSent(step === SyncStep.step2, decoding.readVarUint8Array(decoder));
};

export const countedSocket = (Socket: typeof WebSocket, onSyncSent: OnSyncSent): typeof WebSocket =>
  class extends Socket {
    override send(data: Parameters<WebSocket["send"]>[0]): void {
      super.send(data);
      if (data instanceof Uint8Array) report(data, onSyncSent);
    }
  };
