/**
 * Focus and announcements of `<session-room>`. When the screen changes, whoever had focus in what is hidden is led to
 * what is shown instead; to people whose focus is elsewhere in the page the change is announced.
 */
import type { LitElement, ReactiveController } from "lit";
import type { Screen } from "../src/client/room-state.ts";
import { headingOf } from "./session-screen.ts";

export class FocusController implements ReactiveController {
  readonly #host: LitElement;
  readonly #currentScreen: () => Screen;
  /** The screen that was rendered last. */
  #shownScreen: Screen;
  #hadFocus = false;
  #announcement = "";

  constructor(host: LitElement, currentScreen: () => Screen) {
    this.#host = host;
    this.#currentScreen = currentScreen;
    this.#shownScreen = currentScreen();
    host.addController(this);
  }

  /** Text for a live region. */
  get announcement(): string {
    return this.#announcement;
  }

  hostUpdate(): void {
    // Rendering takes focus from what it hides, so this is the last moment to see where it was.
    // (`:focus-within` does not match for focus in a modal dialog below two shadow roots, Chromium 156.)
    const { activeElement } = this.#host.getRootNode() as Document | ShadowRoot;
    this.#hadFocus = this.#host.contains(activeElement);
  }

  hostUpdated(): void {
    const before = this.#shownScreen;
    const screen = this.#currentScreen();
    this.#shownScreen = screen;
    if (screen.name !== before.name) this.#onChange(screen);
  }

  #onChange(screen: Screen): void {
    const isJoined = screen.name === "joined";
    const isNowhere = (document.activeElement ?? document.body) === document.body;
    // Joining moves focus only from a screen that is gone: the page may have plans for it.
    const moves = this.#hadFocus || (isNowhere && !isJoined);
    if (moves) void this.#moveFocus(isJoined ? "session-bar" : "session-screen");
    this.#announcement = moves ? "" : isJoined ? "You are in the session." : headingOf(screen);
    this.#host.requestUpdate();
  }

  async #moveFocus(tag: "session-bar" | "session-screen"): Promise<void> {
    const { renderRoot } = this.#host;
    const target = renderRoot.querySelector<LitElement>(tag)!;
    const confirm = renderRoot.querySelector("session-confirm")!;
    // Nothing else can have focus while a modal dialog is open.
    await Promise.all([target.updateComplete, confirm.updateComplete]);
    target.focus();
  }
}
