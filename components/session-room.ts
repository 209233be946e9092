/**
 * `<session-room>`: a hosted session around any page content. It owns the room client, shows what
 * the client's state says, and asks before it leaves or ends. The parts below it only render.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations, PropertyValues } from "lit";
import { quietPromise } from "../src/client/quiet-promise.ts";
import { RoomClient } from "../src/client/room-client.ts";
import { badSettings } from "../src/client/room-errors.ts";
import type { RoomClientOptions } from "../src/client/room-options.ts";
import { NOTHING_KNOWN, RoomError } from "../src/client/room-state.ts";
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
import type { Question } from "./session-confirm.ts";
import { headingOf } from "./session-screen.ts";
import { base, palette } from "./theme.ts";

const failedState = (error: RoomError): RoomState => ({
  ...NOTHING_KNOWN,
  screen: { name: "failed", error },
  connection: "closed",
});

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
 * and inert, and a screen stands in its place. Put the element into the page's `<main>`, not the
 * other way round: what is hidden is no landmark. An editor that follows slots to find its root
 * (CodeMirror) is told `root: document`, or its styles end up in here.
 *
 * Events, all bubbling: `session-room-state`, `-joined`, `-left`, `-ended` and `-error`; see
 * `events.ts`. CSS states: `:state(connecting)`, `:state(waiting)`, `:state(joined)`,
 * `:state(left)`, `:state(ended)`, `:state(failed)`. Parts: `bar`, `title`, `state`, `content`,
 * `screen`, `screen-heading`, `dialog`. Custom properties: `--session-room-accent`, `-on-accent`,
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
  /** JWT that admits to the room. Not reflected, since it is a secret. Another value opens the room anew. */
  declare token: string;
  /** The person's chosen name; may change at any time. A name in the token goes before it. */
  declare displayName: string;
  /** Title in the bar; empty: the room's name. */
  declare heading: string;
  /**
   * Gives a newer token of the same person when the present one is about to expire, or has: the
   * session goes on without an interruption. Without it, the session is over for the person then.
   */
  declare getToken: GetToken | undefined;

  #client: RoomClient | undefined;
  #unsubscribe: (() => void) | undefined;
  /** What the present client was opened with, so that the same settings never open it twice. */
  #openedWith = "";
  #state = NOTHING_KNOWN;
  /** The state that the page was last told of. */
  #told = NOTHING_KNOWN;
  #ready = quietPromise<RoomClient>();
  #isReadySettled = false;
  #question: Question | null = null;
  #busy: Action | null = null;
  /** What has failed last, and why; shown where it was asked for. */
  #failed: Action | null = null;
  #failure = "";
  #hadFocus = false;
  /** Listens to the page as long as the element is in it. */
  #pageEvents: AbortController | undefined;
  #announcement = "";
  readonly #internals = this.attachInternals();

  constructor() {
    super();
    this.relay = "";
    this.room = "";
    this.token = "";
    this.displayName = "";
    this.heading = "";
    this.#internals.states.add("connecting");
  }

  /** The shared document; `undefined` until `relay`, `room` and `token` are set. */
  get doc(): RoomClient["doc"] | undefined {
    return this.#client?.doc;
  }

  /** The awareness (who is here, cursors); `undefined` as `doc` is. */
  get awareness(): RoomClient["awareness"] | undefined {
    return this.#client?.awareness;
  }

  /** The y-websocket provider; `undefined` as `doc` is. */
  get provider(): RoomClient["provider"] | undefined {
    return this.#client?.provider;
  }

  /** What is going on, as a snapshot that never changes. */
  get state(): RoomState {
    return this.#state;
  }

  /**
   * Resolves with the room client (`doc`, `awareness`, `provider`, …) when the person has first
   * come in and the document is complete. Rejects with a `RoomError` if that can never be. Another
   * room has another promise.
   */
  get ready(): Promise<RoomClient> {
    return this.#ready.promise;
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

  override connectedCallback(): void {
    super.connectedCallback();
    const { signal } = (this.#pageEvents = new AbortController());
    const options = { signal };
    addEventListener("pagehide", this.#suspend, options);
    addEventListener("pageshow", this.#resume, options);
    // A tab in the background that is frozen to save energy is not hidden by a `pagehide`.
    document.addEventListener("freeze", this.#suspend, options);
    document.addEventListener("resume", this.#resume, options);
    // At once rather than with the first rendering, so that `doc` is there as soon as the element is.
    if (this.relay && this.room && this.token) this.#open();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#pageEvents?.abort();
    // An element that is only moved is connected again in the same turn, and stays in its session.
    queueMicrotask(() => {
      if (!this.isConnected) this.#close();
    });
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has("relay") || changed.has("room") || changed.has("token")) this.#open();
    if (changed.has("displayName") && this.#client !== undefined) this.#client.displayName = this.displayName;
    const { screen } = this.#state;
    if (screen.name !== "joined") this.#question = null;
    // What is about to be hidden loses focus, so this is the last moment to see whether it had it.
    // (`:focus-within` does not hold for focus in a modal dialog below two shadow roots, Chromium 156.)
    this.#hadFocus = this.contains((this.getRootNode() as Document | ShadowRoot).activeElement);
  }

  override render() {
    const { screen, me } = this.#state;
    const isJoined = screen.name === "joined";
    const question = this.#question;
    const busy = this.#busy;
    const failed = this.#failed;
    return html`<session-bar
        exportparts="bar, title, state"
        .heading=${this.heading || this.room}
        .state=${this.#state}
        @session-action=${this.#ask}
      ></session-bar>
      ${
        isJoined
          ? nothing
          : html`<session-screen
              exportparts="screen, screen-heading"
              .screen=${screen}
              .isHost=${me?.role === "host"}
              .busy=${busy === "start" || busy === "rejoin"}
              .error=${failed === "start" || failed === "rejoin" ? this.#failure : ""}
              @session-action=${this.#act}
            ></session-screen>`
      }
      <div part="content" class="content" ?hidden=${!isJoined} ?inert=${!isJoined}><slot></slot></div>
      <session-confirm
        exportparts="dialog"
        .question=${question}
        .busy=${busy !== null && busy === question}
        .error=${failed !== null && failed === question ? this.#failure : ""}
        @session-action=${this.#act}
        @close=${this.#dismiss}
      ></session-confirm>
      <div class="sr" role="status">${this.#announcement}</div>`;
  }

  protected override updated(): void {
    const before = this.#told;
    const now = this.#state;
    if (before === now) return;
    this.#told = now;
    if (before.screen.name !== now.screen.name) this.#showChange(before.screen, now.screen);
    this.#tell(before.screen, now.screen);
  }

  #open(): void {
    const { relay, room, token, displayName } = this;
    const settings = JSON.stringify([relay, room, token]);
    if (!this.isConnected || settings === this.#openedWith) return;
    this.#close();
    this.#openedWith = settings;
    if (this.#isReadySettled) this.#ready = quietPromise();
    this.#isReadySettled = false;
    try {
      const client = this.createRoom({ relay, room, token, displayName, getToken: () => this.getToken?.() ?? "" });
      this.#client = client;
      this.#unsubscribe = client.subscribe(this.#setState);
      client.ready.then(
        () => this.#settleReady(client),
        (error: unknown) => this.#settleReady(client, error),
      );
      this.#setState(client.state);
      client.join();
    } catch (error) {
      if (!(error instanceof RoomError)) throw error;
      this.#settleReady(undefined, error);
      this.#setState(failedState(error));
    }
  }

  #close(): void {
    this.#unsubscribe?.();
    this.#client?.destroy();
    this.#client = undefined;
    this.#openedWith = "";
    this.#failed = null;
    this.#setState(NOTHING_KNOWN);
  }

  #settleReady(client: RoomClient | undefined, error?: unknown): void {
    if (client !== this.#client) return;
    this.#isReadySettled = true;
    if (client !== undefined && error === undefined) this.#ready.resolve(client);
    else this.#ready.reject(error);
  }

  #setState = (state: RoomState): void => {
    if (state.screen.name !== this.#state.screen.name) this.#failed = null;
    this.#state = state;
    this.requestUpdate();
  };

  #suspend = (): void => this.#client?.suspend();

  #resume = (event: Event): void => {
    const isFirstShow = event.type === "pageshow" && !(event as PageTransitionEvent).persisted;
    if (!isFirstShow) this.#client?.resume();
  };

  #ask(event: ActionEvent): void {
    event.stopPropagation();
    this.#failed = null;
    this.#question = event.action as Question;
    this.requestUpdate();
  }

  #act(event: ActionEvent): void {
    event.stopPropagation();
    // The error is shown, and told by an event.
    this.#run(event.action).catch(() => undefined);
  }

  #dismiss(): void {
    this.#question = null;
    this.requestUpdate();
  }

  async #run(action: Action): Promise<void> {
    const client = this.#client;
    if (client === undefined) throw badSettings("There is no room: set relay, room and token.");
    this.#busy = action;
    this.#failed = null;
    this.requestUpdate();
    try {
      await client[action]();
      if (this.#question === action) this.#question = null;
    } catch (error) {
      if (error instanceof RoomError && client === this.#client) {
        this.#failed = action;
        this.#failure = error.message;
        this.dispatchEvent(new SessionRoomErrorEvent(error));
      }
      throw error;
    } finally {
      // Another may have been asked for meanwhile: leaving shows its screen before the relay has answered.
      if (this.#busy === action) this.#busy = null;
      this.requestUpdate();
    }
  }

  /** Leads focus to what is new, or announces it to those whose focus is elsewhere in the page. */
  #showChange(before: Screen, now: Screen): void {
    const states = this.#internals.states;
    states.delete(before.name);
    states.add(now.name);
    const isNowhere = (document.activeElement ?? document.body) === document.body;
    const isJoined = now.name === "joined";
    // Coming in takes focus only from a screen that is gone: the page may have plans for it.
    const moves = this.#hadFocus || (isNowhere && !isJoined);
    const part = this.renderRoot.querySelector<LitElement>(isJoined ? "session-bar" : "session-screen")!;
    const confirm = this.renderRoot.querySelector("session-confirm")!;
    // While a dialog is open nothing else can have focus.
    if (moves) void Promise.all([part.updateComplete, confirm.updateComplete]).then(() => part.focus());
    this.#announcement = moves ? "" : isJoined ? "You are in the session." : headingOf(now);
    this.requestUpdate();
  }

  #tell(before: Screen, now: Screen): void {
    this.dispatchEvent(new SessionRoomStateEvent(this.#state));
    if (now.name === "joined" && (before.name !== "joined" || before.run !== now.run)) {
      this.dispatchEvent(new SessionRoomJoinedEvent(now.run));
    }
    if (now.name === before.name) return;
    if (now.name === "left") this.dispatchEvent(new SessionRoomLeftEvent());
    if (now.name === "ended") this.dispatchEvent(new SessionRoomEndedEvent(now.end));
    if (now.name === "failed") this.dispatchEvent(new SessionRoomErrorEvent(now.error));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-room": SessionRoom;
  }
}
