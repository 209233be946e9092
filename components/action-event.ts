/** The event by which the parts of `<session-room>` report what the person wants. It stops at `<session-room>`. */

import { BubblingEvent } from "./bubbling-event.ts";

/** What a person can do by a button, an item or a link. */
export type Action = "leave" | "rejoin" | "start" | "end";

export class ActionEvent extends BubblingEvent {
  readonly action: Action;
  constructor(action: Action) {
    super("session-action");
    this.action = action;
  }
}

declare global {
  interface HTMLElementEventMap {
    "session-action": ActionEvent;
  }
}
