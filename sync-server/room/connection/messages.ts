/**
 * The messages of the relay (grammar: `src/protocol/protocol.ts`), each written straight into the WebSocket frame
 * in which it goes out: with lib0's encoder and a copy into the frame, a small update takes twice the time.
 */
import { MessageType, QUERY_AWARENESS, SyncStep, writeRelayMessage } from "../../../src/protocol/protocol.ts";
import type { RelayMessage } from "../../../src/protocol/protocol.ts";
import { Frame } from "../../websocket/frame.ts";
import { varUintBytes, writeVarUint } from "./var-uint.ts";

const SYNC_STEP_1 = [MessageType.sync, SyncStep.step1];
const SYNC_STEP_2 = [MessageType.sync, SyncStep.step2];
const UPDATE = [MessageType.sync, SyncStep.update];

/** @param kind the bytes before the body and its length. */
const frameWithBody = (kind: readonly number[], body: Uint8Array): Frame => {
  const frame = Frame.allocate(kind.length + varUintBytes(body.byteLength) + body.byteLength);
  const { payload } = frame;
  payload.set(kind);
  payload.set(body, writeVarUint(payload, kind.length, body.byteLength));
  return frame;
};

/** Asks for what somebody with this state vector lacks. */
export const syncStep1Frame = (stateVector: Uint8Array): Frame => frameWithBody(SYNC_STEP_1, stateVector);

/** The answer to a SyncStep1. */
export const syncStep2Frame = (update: Uint8Array): Frame => frameWithBody(SYNC_STEP_2, update);

export const updateFrame = (update: Uint8Array): Frame => frameWithBody(UPDATE, update);

export const sessionFrame = (message: RelayMessage): Frame => Frame.of(writeRelayMessage(message));

/** Asks for the awareness states that the receiver knows; a client answers with its own among them. */
export const QUERY_AWARENESS_FRAME = Frame.of(QUERY_AWARENESS);
