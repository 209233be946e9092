/**
 * What `<session-room>` tells its page: typed events that bubble and cross shadow roots. They are
 * dispatched after the element has rendered, so that a listener finds the content shown or hidden.
 */
import type { RoomError, RoomState } from "../src/client/room-state.ts";
import type { SessionEnd } from "../src/session/session.ts";
import { BubblingEvent } from "./bubbling-event.ts";

/** Anything in the state has changed. */
export class SessionRoomStateEvent extends BubblingEvent {
  readonly state: RoomState;
  constructor(state: RoomState) {
    super("session-room-state");
    this.state = state;
  }
}

/** The person has come in: the content shows. Also when the next run begins without a screen between. */
export class SessionRoomJoinedEvent extends BubblingEvent {
  /** Number of the run, from 1. */
  readonly run: number;
  constructor(run: number) {
    super("session-room-joined");
    this.run = run;
  }
}

/** The person has left; the session may go on. */
export class SessionRoomLeftEvent extends BubblingEvent {
  constructor() {
    super("session-room-left");
  }
}

/** The session has ended, or was found ended. */
export class SessionRoomEndedEvent extends BubblingEvent {
  readonly end: SessionEnd;
  constructor(end: SessionEnd) {
    super("session-room-ended");
    this.end = end;
  }
}

/** Something failed: for good (the failed screen shows), or a command that was refused. */
export class SessionRoomErrorEvent extends BubblingEvent {
  readonly error: RoomError;
  constructor(error: RoomError) {
    super("session-room-error");
    this.error = error;
  }
}

declare global {
  interface HTMLElementEventMap {
    "session-room-state": SessionRoomStateEvent;
    "session-room-joined": SessionRoomJoinedEvent;
    "session-room-left": SessionRoomLeftEvent;
    "session-room-ended": SessionRoomEndedEvent;
    "session-room-error": SessionRoomErrorEvent;
  }
}
