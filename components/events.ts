/**
 * The events of `<session-room>` for its page. They are dispatched after the element has rendered, so that a
 * listener finds the content shown or hidden.
 */
import type { Refusal } from "../src/client/content-status.ts";
import type { ContentRefusal } from "../src/protocol/protocol.ts";
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

/** The person has joined: the content shows. Also dispatched when the next run begins without a screen in between. */
export class SessionRoomJoinedEvent extends BubblingEvent {
  /** Number of the run, from 1. */
  readonly run: number;
  constructor(run: number) {
    super("session-room-joined");
    this.run = run;
  }
}

/** The person has left; the session may continue. */
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

/** Something failed: the room for good (the failed screen shows), or a command. */
export class SessionRoomErrorEvent extends BubblingEvent {
  readonly error: RoomError;
  constructor(error: RoomError) {
    super("session-room-error");
    this.error = error;
  }
}

/**
 * Something that this page sent was refused for good, so that nobody else gets it. A page can keep the update, or offer
 * it for download.
 */
export class SessionRoomRefusedEvent extends BubblingEvent {
  readonly code: ContentRefusal;
  /** The Yjs update; `null` if it was no change of the document but an awareness state. */
  readonly update: Uint8Array | null;
  constructor({ code, update }: Refusal) {
    super("session-room-refused");
    this.code = code;
    this.update = update;
  }
}

declare global {
  interface HTMLElementEventMap {
    "session-room-state": SessionRoomStateEvent;
    "session-room-joined": SessionRoomJoinedEvent;
    "session-room-left": SessionRoomLeftEvent;
    "session-room-ended": SessionRoomEndedEvent;
    "session-room-error": SessionRoomErrorEvent;
    "session-room-refused": SessionRoomRefusedEvent;
  }
}
