/** Everything of session-room that needs no custom elements: the room client, and the types of its state. */
export type { CancelTimer, Timers } from "./clock.ts";
export type { TokenStorage } from "./client/personal-token.ts";
export { RoomClient as Room } from "./client/room-client.ts";
export type { RoomClientOptions as RoomOptions } from "./client/room-options.ts";
export { RoomError } from "./client/room-state.ts";
export type { Connection, Participant, RoomErrorCode, RoomNotice, RoomState, Screen } from "./client/room-state.ts";
export type { GetToken } from "./client/token-renewal.ts";
export type { Refusal } from "./client/content-status.ts";
export type { ContentRefusal, Identity } from "./protocol/protocol.ts";
export { readSession, SESSION_ROOT } from "./session/session.ts";
export type {
  EndReason,
  EndedSession,
  LiveSession,
  PersonRef,
  Role,
  Session,
  SessionEnd,
  WaitingSession,
} from "./session/session.ts";
