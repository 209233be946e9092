/**
 * `<session-bar>`: the upper bar with title and state of the connection, and for people in the session
 * who is here, End Session (hosts only) and the menu. Emits `session-action`.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations, PropertyValues, TemplateResult } from "lit";
import { backgroundTimers } from "../src/clock.ts";
import type { CancelTimer } from "../src/clock.ts";
import type { Connection, RoomState } from "../src/client/room-state.ts";
import { ActionEvent } from "./action-event.ts";
import { arcIcon, checkIcon, crossIcon, stopIcon, warningIcon } from "./icons.ts";
import { base } from "./theme.ts";

type ConnectionLabel = { readonly icon: TemplateResult; readonly text: string };

const CONNECTIONS: Readonly<Record<Connection, ConnectionLabel>> = {
  connecting: { icon: arcIcon, text: "Connecting…" },
  online: { icon: checkIcon, text: "Connected" },
  reconnecting: { icon: arcIcon, text: "Reconnecting…" },
  closed: { icon: crossIcon, text: "Not connected" },
};

/** How long something must be unsaved before that is shown, in ms: whoever types always has something on its way. */
const UNSAVED_DELAY_MS = 3_000;

const SAVING: ConnectionLabel = { icon: arcIcon, text: "Saving…" };
const NOT_SAVED: ConnectionLabel = { icon: warningIcon, text: "Not saved" };

export class SessionBar extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        position: sticky;
        inset-block-start: 0;
        z-index: 1;
        container-type: inline-size;
      }
      header {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 2px;
        min-block-size: 56px;
        padding: 5px 8px;
        padding-inline-start: 16px;
        background: var(--_surface);
        border-block-end: 1px solid var(--_border);
      }
      h1 {
        flex: 1;
        font-size: 17px;
        font-weight: 650;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .state {
        display: flex;
        align-items: center;
        gap: 0.35em;
        padding: 2px 0.7em;
        margin-inline-end: 6px;
        border-radius: 99px;
        font-size: 14px;
        color: var(--_muted);
      }
      .state svg {
        font-size: 0.88em;
      }
      .online svg {
        color: var(--_good);
        stroke-width: 3;
      }
      .reconnecting,
      .unsaved {
        background: var(--_notice);
        color: var(--_on-notice);
      }
      .end {
        color: var(--_danger);
      }
      @container (inline-size < 42rem) {
        .reconnecting,
        .unsaved {
          order: 1;
          flex: 1 0 100%;
          margin-block: 4px;
          margin-inline: 0 8px;
        }
      }
      @container (inline-size < 26rem) {
        .online span {
          position: absolute;
          clip-path: inset(50%);
        }
        .online {
          padding: 2px;
          margin: 0;
        }
      }
    `,
  ];
  static override properties: PropertyDeclarations = { heading: {}, state: { attribute: false } };
  declare heading: string;
  declare state: RoomState;

  /** Whether something has been unsaved for a while. */
  #showsUnsaved = false;
  #cancelTimer: CancelTimer | undefined;

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has("state")) return;
    const wasUnsaved = changed.get("state")?.unsaved ?? false;
    const { unsaved } = this.state;
    if (unsaved === wasUnsaved) return;
    this.#cancelTimer?.();
    this.#showsUnsaved = false;
    if (!unsaved) return;
    this.#cancelTimer = backgroundTimers.setTimer(UNSAVED_DELAY_MS, () => {
      this.#showsUnsaved = true;
      this.requestUpdate();
    });
  }

  override render() {
    const { connection, screen, me, people } = this.state;
    const isJoined = screen.name === "joined";
    // The other screens show the connection only while there is a problem with it.
    const showsConnection = isJoined || connection === "reconnecting";
    const showsUnsaved = isJoined && this.#showsUnsaved;
    const style = connection === "online" && showsUnsaved ? "unsaved" : connection;
    return html`<header part="bar">
      <h1 part="title" tabindex="-1"><bdi>${this.heading}</bdi></h1>
      <div role="status" part="state" class=${showsConnection ? `state ${style}` : ""}>
        ${showsConnection ? this.#connectionLabel(showsUnsaved) : nothing}
      </div>
      ${isJoined ? html`<session-people .people=${people}></session-people>` : nothing}
      ${isJoined && me?.role === "host" ? this.#endButton() : nothing}
      ${isJoined ? html`<session-menu></session-menu>` : nothing}
    </header>`;
  }

  /** Moves focus to the title, for when the element that had it is gone. */
  override focus(): void {
    this.renderRoot.querySelector("h1")?.focus();
  }

  #connectionLabel(showsUnsaved: boolean) {
    const { connection, notices } = this.state;
    const isSaving = !notices.some(({ code }) => code === "content-set-aside");
    const isUnsavedOnline = showsUnsaved && connection === "online";
    const { icon, text } = isUnsavedOnline ? (isSaving ? SAVING : NOT_SAVED) : CONNECTIONS[connection];
    const warning = showsUnsaved && connection === "reconnecting" ? " Not saved yet: keep this page open." : "";
    return html`${icon}<span>${text}${warning}</span>`;
  }

  #endButton() {
    return html`<button class="icon end" title="End Session" aria-label="End Session" @click=${this.#end}>
      ${stopIcon}
    </button>`;
  }

  #end(): void {
    this.dispatchEvent(new ActionEvent("end"));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-bar": SessionBar;
  }
}
