/** How the parts of `<session-room>` tell it what the person wants. Stops at `<session-room>`. */

/** What a person can do by a button, an item or a link. */
export type Action = "leave" | "rejoin" | "start" | "end";

export class ActionEvent extends Event {
  readonly action: Action;
  constructor(action: Action) {
    super("session-action", { bubbles: true, composed: true });
    this.action = action;
  }
}

declare global {
  interface HTMLElementEventMap {
    "session-action": ActionEvent;
  }
}
