/** Everything of session-room that needs no custom elements: the room client and what its state is made of. */
export type { CancelTimer, Timers } from "./clock.ts";
export type { TokenStorage } from "./personal-token.ts";
export type { Identity } from "./protocol.ts";
export { Room } from "./room-client.ts";
export type { RoomOptions } from "./room-client.ts";
export { RoomError } from "./room-state.ts";
export type { Connection, Participant, RoomErrorCode, RoomState, Screen } from "./room-state.ts";
export { readSession, SESSION_ROOT } from "./session.ts";
export type { GetToken } from "./token-renewal.ts";
export type {
  EndReason,
  EndedSession,
  LiveSession,
  PersonRef,
  Role,
  Session,
  SessionEnd,
  WaitingSession,
} from "./session.ts";
