/**
 * `<session-room>`: a hosted session around any page content. It shows what the state of the room client says, and
 * asks the person before it leaves or ends. The elements below it only render.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations } from "lit";
import { RoomClient } from "../src/client/room-client.ts";
import type { RoomClientOptions } from "../src/client/room-options.ts";
import { NOTHING_KNOWN } from "../src/client/room-state.ts";
import type { RoomState, Screen } from "../src/client/room-state.ts";
import type { GetToken } from "../src/client/token-renewal.ts";
import type { Action, ActionEvent } from "./action-event.ts";
import {
  SessionRoomEndedEvent,
  SessionRoomErrorEvent,
  SessionRoomJoinedEvent,
  SessionRoomLeftEvent,
  SessionRoomStateEvent,
} from "./events.ts";
import { FocusController } from "./focus-controller.ts";
import { RoomController } from "./room-controller.ts";
import type { ConfirmAction } from "./session-confirm.ts";
import { base, palette } from "./theme.ts";

/**
 * A hosted session on a shared Yjs document, around any page content.
 *
 * ```html
 * <session-room id="lesson" relay="http://localhost:1234" room="algebra" token="…" display-name="Ann">
 *   <textarea aria-label="Notes"></textarea>
 * </session-room>
 * <script type="module">
 *   import "http://localhost:1234/session-room.js";
 *   const { doc } = await document.querySelector("#lesson").ready;
 *   const notes = doc.getMap("notes");
 *   const area = document.querySelector("textarea");
 *   notes.observe(() => (area.value = notes.get("text") ?? ""));
 *   area.value = notes.get("text") ?? "";
 *   area.oninput = () => notes.set("text", area.value);
 * </script>
 * ```
 *
 * The content stays in the page (light DOM). While the person is not in the session it is hidden
 * and inert, and a screen replaces it. Put the element into the page's `<main>`, not the other way
 * round: a hidden `<main>` is no landmark. Give an editor that follows slots to find its root
 * (CodeMirror) the option `root: document`, or its styles are added to this shadow root.
 *
 * Events, all bubbling: `session-room-state`, `-joined`, `-left`, `-ended`, `-error` and
 * `-refused`; see `events.ts`. CSS states: `:state(connecting)`, `:state(waiting)`, `:state(joined)`,
 * `:state(left)`, `:state(ended)`, `:state(failed)`. Parts: `bar`, `title`, `state`, `notices`,
 * `content`, `screen`, `screen-heading`, `dialog`. Custom properties: `--session-room-accent`, `-on-accent`,
 * `-surface`, `-text`, `-muted`, `-border`, `-danger`, `-on-danger`, `-radius`, `-font`. The
 * elements are dark where the page's `color-scheme` is.
 */
export class SessionRoom extends LitElement {
  static override styles = [
    palette,
    base,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-block-size: 20rem;
        background: var(--_surface);
      }
      .content {
        flex: 1;
        min-block-size: 0;
        isolation: isolate;
      }
    `,
  ];
  static override properties: PropertyDeclarations = {
    relay: { reflect: true },
    room: { reflect: true },
    token: {},
    displayName: { attribute: "display-name", reflect: true },
    heading: { reflect: true },
    getToken: { attribute: false },
  };

  /** Address of the relay: `http(s)://` or `ws(s)://`. Another value opens another room. */
  declare relay: string;
  /** Name of the room, 1 to 128 characters. Another value opens another room. */
  declare room: string;
  /** JWT for the room. Not reflected, since it is a secret. Another value opens the room again. */
  declare token: string;
  /** The person's chosen name; may change at any time. A name in the token takes precedence. */
  declare displayName: string;
  /** Title in the bar; empty: the room's name. */
  declare heading: string;
  /**
   * Gives a newer token of the same person when the present one is about to expire, or has expired:
   * the session continues without an interruption. Without it, the session is over for the person then.
   */
  declare getToken: GetToken | undefined;

  readonly #room = new RoomController(this, (options) => this.createRoom(options));
  readonly #focus = new FocusController(this, () => this.#room.state.screen);
  readonly #internals = this.attachInternals();
  /** The state that the last events were dispatched for. */
  #dispatchedState = NOTHING_KNOWN;
  /** What the dialog asks the person to confirm. */
  #confirming: ConfirmAction | null = null;

  constructor() {
    super();
    this.relay = "";
    this.room = "";
    this.token = "";
    this.displayName = "";
    this.heading = "";
    this.#internals.states.add(NOTHING_KNOWN.screen.name);
  }

  /** The shared document; `undefined` until `relay`, `room` and `token` are set. */
  get doc(): RoomClient["doc"] | undefined {
    return this.#room.client?.doc;
  }

  /** The awareness (who is here, cursors); `undefined` as `doc` is. */
  get awareness(): RoomClient["awareness"] | undefined {
    return this.#room.client?.awareness;
  }

  /** The y-websocket provider; `undefined` as `doc` is. */
  get provider(): RoomClient["provider"] | undefined {
    return this.#room.client?.provider;
  }

  /** The current state, as a snapshot that never changes. */
  get state(): RoomState {
    return this.#room.state;
  }

  /**
   * Resolves with the room client (`doc`, `awareness`, `provider`, …) when the person is in the session for the first
   * time and the document is complete. Rejects with a `RoomError` if that can never be. Another room has another
   * promise.
   */
  get ready(): Promise<RoomClient> {
    return this.#room.ready;
  }

  /** Leaves without asking. @throws RoomError `refused` or `disconnected`, as the next three do. */
  leave(): Promise<void> {
    return this.#run("leave");
  }

  /** Comes back after leaving, or into the next run. */
  rejoin(): Promise<void> {
    return this.#run("rejoin");
  }

  /** Ends the session for everyone, without asking; hosts only. */
  end(): Promise<void> {
    return this.#run("end");
  }

  /** Starts the first or the next run; hosts only. */
  start(): Promise<void> {
    return this.#run("start");
  }

  /** Makes the room client; for tests and for pages that need another one. */
  protected createRoom(options: RoomClientOptions): RoomClient {
    return new RoomClient(options);
  }

  override render() {
    const { screen, me, unsaved, notices } = this.state;
    const isJoined = screen.name === "joined";
    const confirming = isJoined ? this.#confirming : null;
    return html`<session-bar
        exportparts="bar, title, state"
        .heading=${this.heading || this.room}
        .state=${this.state}
        @session-action=${this.#onAsk}
      ></session-bar>
      <session-notices
        exportparts="notices"
        .notices=${notices}
        @dismissed=${this.#onNoticeDismissed}
      ></session-notices>
      ${
        isJoined
          ? nothing
          : html`<session-screen
              exportparts="screen, screen-heading"
              .screen=${screen}
              .unsaved=${unsaved}
              .isHost=${me?.role === "host"}
              .busy=${this.#room.isBusy("start", "rejoin")}
              .error=${this.#room.failureOf("start", "rejoin")}
              @session-action=${this.#onAction}
            ></session-screen>`
      }
      <div part="content" class="content" ?hidden=${!isJoined} ?inert=${!isJoined}><slot></slot></div>
      <session-confirm
        exportparts="dialog"
        .action=${confirming}
        .unsaved=${unsaved}
        .busy=${confirming !== null && this.#room.isBusy(confirming)}
        .error=${confirming === null ? "" : this.#room.failureOf(confirming)}
        @session-action=${this.#onAction}
        @close=${this.#onDismissed}
      ></session-confirm>
      <div class="visually-hidden" role="status">${this.#focus.announcement}</div>`;
  }

  protected override updated(): void {
    const before = this.#dispatchedState;
    const now = this.state;
    if (before === now) return;
    this.#dispatchedState = now;
    if (before.screen.name !== now.screen.name) this.#onScreenChanged(before.screen, now.screen);
    this.#dispatchChanges(before.screen, now.screen);
  }

  #onScreenChanged(before: Screen, now: Screen): void {
    if (now.name !== "joined") this.#confirming = null;
    const { states } = this.#internals;
    states.delete(before.name);
    states.add(now.name);
  }

  #dispatchChanges(before: Screen, now: Screen): void {
    this.dispatchEvent(new SessionRoomStateEvent(this.state));
    if (now.name === "joined" && (before.name !== "joined" || before.run !== now.run)) {
      this.dispatchEvent(new SessionRoomJoinedEvent(now.run));
    }
    if (now.name === before.name) return;
    if (now.name === "left") this.dispatchEvent(new SessionRoomLeftEvent());
    if (now.name === "ended") this.dispatchEvent(new SessionRoomEndedEvent(now.end));
    if (now.name === "failed") this.dispatchEvent(new SessionRoomErrorEvent(now.error));
  }

  /** The bar offers only what has to be confirmed. */
  #onAsk(event: ActionEvent): void {
    event.stopPropagation();
    this.#room.clearFailure();
    this.#setConfirming(event.action as ConfirmAction);
  }

  #onAction(event: ActionEvent): void {
    event.stopPropagation();
    // The error is shown, and dispatched as an event.
    this.#run(event.action).catch(() => undefined);
  }

  #onDismissed(): void {
    this.#setConfirming(null);
  }

  /** The button that had focus is gone. */
  #onNoticeDismissed(): void {
    this.renderRoot.querySelector("session-bar")!.focus();
  }

  async #run(action: Action): Promise<void> {
    await this.#room.run(action);
    if (this.#confirming === action) this.#setConfirming(null);
  }

  #setConfirming(action: ConfirmAction | null): void {
    this.#confirming = action;
    this.requestUpdate();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-room": SessionRoom;
  }
}
