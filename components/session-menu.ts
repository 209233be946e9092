/**
 * `<session-menu>`: the 3-dot button and its menu, after the menu button pattern of the ARIA Authoring Practices
 * Guide. Emits `session-action`.
 */
import { css, html, LitElement } from "lit";
import { ActionEvent } from "./action-event.ts";
import { dotsIcon, doorIcon } from "./icons.ts";
import { PopupController } from "./popup-controller.ts";
import { base, dropdown } from "./theme.ts";

const ARROWS = ["ArrowDown", "ArrowUp"];

export class SessionMenu extends LitElement {
  static override styles = [
    base,
    dropdown,
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

  readonly #popup = new PopupController(this);

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
      <div id="menu" class="dropdown" role="menu" aria-label="Session" ?hidden=${!isOpen} @keydown=${this.#onMenuKey}>
        <button role="menuitem" tabindex="-1" @click=${this.#leave}>${doorIcon}Leave Session</button>
      </div>`;
  }

  #toggle(): void {
    if (this.#popup.isOpen) this.#popup.closeAndReturn();
    else void this.#open();
  }

  async #open(): Promise<void> {
    this.#popup.open();
    await this.updateComplete;
    this.renderRoot.querySelector<HTMLElement>("[role=menuitem]")?.focus();
  }

  /** Both arrows open the menu at its only item, which is the first and the last. */
  #openByKey(event: KeyboardEvent): void {
    if (!ARROWS.includes(event.key)) return;
    event.preventDefault();
    void this.#open();
  }

  /** With one item the keys have nowhere to move focus to, but they must not scroll the page. */
  #onMenuKey(event: KeyboardEvent): void {
    if (event.key === "Tab") this.#popup.close();
    if ([...ARROWS, "Home", "End"].includes(event.key)) event.preventDefault();
  }

  #leave(): void {
    // First, so that the dialog that opens returns focus to the button.
    this.#popup.closeAndReturn();
    this.dispatchEvent(new ActionEvent("leave"));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-menu": SessionMenu;
  }
}
