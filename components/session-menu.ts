/**
 * `<session-menu>`: the 3-dot button and its menu, by the menu button pattern of the ARIA practices.
 * Emits `session-action`.
 */
import { css, html, LitElement } from "lit";
import { ActionEvent } from "./action-event.ts";
import { dotsIcon, doorIcon } from "./icons.ts";
import { popupOf } from "./popup.ts";
import { base, hanging } from "./theme.ts";

const ARROWS = ["ArrowDown", "ArrowUp"];

export class SessionMenu extends LitElement {
  static override styles = [
    base,
    hanging,
    css`
      #button svg {
        stroke-width: 3;
      }
      [role="menuitem"] {
        inline-size: 100%;
        justify-content: start;
        font-weight: 500;
        padding-inline: 0.75em;
      }
      [role="menuitem"]:focus-visible {
        outline-offset: -3px;
      }
    `,
  ];

  readonly #popup = popupOf(this);

  override render() {
    const { isOpen } = this.#popup;
    return html`<button
        id="button"
        class="icon"
        title="Session menu"
        aria-label="Session menu"
        aria-haspopup="menu"
        aria-expanded=${isOpen}
        aria-controls="menu"
        @click=${this.#toggle}
        @keydown=${this.#openByKey}
      >
        ${dotsIcon}
      </button>
      <div id="menu" class="hanging" role="menu" aria-label="Session" ?hidden=${!isOpen} @keydown=${this.#stay}>
        <button role="menuitem" tabindex="-1" @click=${this.#leave}>${doorIcon}Leave Session</button>
      </div>`;
  }

  #toggle(): void {
    if (this.#popup.isOpen) this.#popup.closeAndReturn();
    else void this.#open();
  }

  async #open(): Promise<void> {
    this.#popup.isOpen = true;
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }

  /** Both arrows open it at its only item, which is the first and the last. */
  #openByKey(event: KeyboardEvent): void {
    if (!ARROWS.includes(event.key)) return;
    event.preventDefault();
    void this.#open();
  }

  /** There is nowhere to move to, but the page below must not move either. */
  #stay(event: KeyboardEvent): void {
    if (event.key === "Tab") this.#popup.isOpen = false;
    if ([...ARROWS, "Home", "End"].includes(event.key)) event.preventDefault();
  }

  #leave(): void {
    // Focus first goes back to the button, which is where a dialog will return it to.
    this.#popup.closeAndReturn();
    this.dispatchEvent(new ActionEvent("leave"));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-menu": SessionMenu;
  }
}
