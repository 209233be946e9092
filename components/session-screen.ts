/**
 * `<session-screen>`: replaces the content while the person is not in the session. It has a heading, an explanation,
 * and the one action to take next. Emits `session-action`.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations, TemplateResult } from "lit";
import type { RoomErrorCode, Screen } from "../src/client/room-state.ts";
import type { SessionEnd } from "../src/session/session.ts";
import { ActionEvent } from "./action-event.ts";
import type { Action } from "./action-event.ts";
import { arcIcon, clockIcon, crossIcon, doorIcon, stopIcon } from "./icons.ts";
import { base } from "./theme.ts";

/** Every screen but the session itself. */
export type CoverScreen = Exclude<Screen, { name: "joined" }>;

type Title = { readonly icon: TemplateResult; readonly heading: string };

const TITLES: Readonly<Record<CoverScreen["name"], Title>> = {
  connecting: { icon: arcIcon, heading: "Connecting to the session…" },
  waiting: { icon: clockIcon, heading: "The session has not started yet" },
  left: { icon: doorIcon, heading: "You have left the session" },
  ended: { icon: stopIcon, heading: "The session has ended" },
  failed: { icon: crossIcon, heading: "The session cannot go on here" },
};

/** Headings for failures that have a more precise one. */
const FAILURE_HEADINGS: Partial<Record<RoomErrorCode, string>> = {
  unauthorized: "This link does not open the session",
  forbidden: "You cannot take part in this session",
  "room-deleted": "This room was deleted",
};

/** The heading of each screen; also what is announced when focus stays elsewhere. */
export const headingOf = (screen: CoverScreen): string =>
  (screen.name === "failed" && FAILURE_HEADINGS[screen.error.code]) || TITLES[screen.name].heading;

/** Why it ended; empty for a reason that this version does not know. */
const reasonOf = ({ reason, by }: SessionEnd): string => {
  switch (reason) {
    case "host-ended":
      return `${by?.name || "The host"} ended the session.`;
    case "host-absent":
      return "The host did not return.";
    case "admin":
      return "An operator ended the session.";
    default:
      return "";
  }
};

export class SessionScreen extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        flex: 1;
        display: grid;
        place-items: center;
        background: var(--_surface);
      }
      section {
        inline-size: 100%;
        max-inline-size: 34rem;
        padding: 48px 24px 72px;
        text-align: center;
        overflow-wrap: anywhere;
      }
      .badge {
        display: inline-grid;
        padding: 18px;
        border-radius: 50%;
        color: var(--_accent);
        background: color-mix(in srgb, currentColor 12%, transparent);
      }
      .badge svg {
        font-size: 22.4px;
        stroke-width: 1.75;
      }
      .failed {
        color: var(--_danger);
      }
      h2 {
        margin-block: 20px 8px;
        font-size: clamp(22px, 4vw + 10px, 28px);
        line-height: 1.25;
        letter-spacing: -0.01em;
        text-wrap: balance;
      }
      p {
        color: var(--_muted);
        text-wrap: pretty;
      }
      .alert {
        margin-block-start: 16px;
      }
      .action {
        margin-block-start: 24px;
      }
    `,
  ];
  static override properties: PropertyDeclarations = {
    screen: { attribute: false },
    isHost: { attribute: false },
    unsaved: { type: Boolean },
    busy: { type: Boolean },
    error: {},
  };
  declare screen: CoverScreen;
  declare isHost: boolean;
  /** Something that the person wrote is not saved. */
  declare unsaved: boolean;
  /** A command was sent and is not answered yet. */
  declare busy: boolean;
  /** Why the command failed; empty if it did not. */
  declare error: string;

  override render() {
    const { screen, error } = this;
    return html`<section part="screen" aria-labelledby="heading" aria-busy=${this.busy}>
      <div class="badge ${screen.name}">${TITLES[screen.name].icon}</div>
      <h2 id="heading" part="screen-heading" tabindex="-1">${headingOf(screen)}</h2>
      ${this.#details(screen)}
      <p class="alert" role="alert">${error}</p>
    </section>`;
  }

  /** Moves focus to the heading. */
  override focus(): void {
    this.renderRoot.querySelector("h2")?.focus();
  }

  #details(screen: CoverScreen) {
    switch (screen.name) {
      case "connecting":
        return html`<progress class="visually-hidden" aria-label="Connecting"></progress>`;
      case "waiting":
        return screen.canStart
          ? html`<p>People who have opened the invite link come in when you start it.</p>
              ${this.#button()}`
          : html`<p>
              ${this.isHost ? "You will come in by yourself." : "You will come in by yourself when the host starts it."}
            </p>`;
      case "left":
        return html`<p>
            ${
              this.unsaved
                ? "Some of what you wrote is not saved yet. Rejoin the session to save it, and keep this page open until then."
                : "What you wrote is saved."
            }
          </p>
          ${this.#link()}`;
      case "ended":
        return html`<p>${reasonOf(screen.end)}</p>
          ${
            this.unsaved
              ? html`<p>
                  Some of what you wrote last is not saved. Keep this page open: it is saved when the session is started
                  again.
                </p>`
              : nothing
          }
          ${
            screen.canRejoin
              ? html`<p>A new one is on.</p>
                  ${this.#link()}`
              : screen.canStart
                ? this.#button()
                : nothing
          }`;
      case "failed":
        return html`<p>${screen.error.message}</p>
          ${this.unsaved ? html`<p>Some of what you wrote last is not saved.</p>` : nothing}`;
    }
  }

  #button() {
    return html`<p class="action">
      <button class="primary" aria-disabled=${this.busy} @click=${() => this.#ask("start")}>Start Session</button>
    </p>`;
  }

  /** A link to the page, since opening it again is a rejoin as well: in a new tab, for instance. */
  #link() {
    return html`<p class="action">
      <a class="button primary" href=${location.href} aria-disabled=${this.busy} @click=${this.#rejoin}
        >Rejoin the session?</a
      >
    </p>`;
  }

  #rejoin(event: MouseEvent): void {
    if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.#ask("rejoin");
  }

  #ask(action: Action): void {
    if (!this.busy) this.dispatchEvent(new ActionEvent(action));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-screen": SessionScreen;
  }
}
