/**
 * `<session-menu>`: the 3-dot button and its menu, by the menu button pattern of the ARIA practices.
 * Emits `session-action`.
 */
import { css, html, LitElement } from "lit";
import { ActionEvent } from "./action-event.ts";
import { dotsIcon, doorIcon } from "./icons.ts";
import { Popup } from "./popup.ts";
import { base, hanging } from "./theme.ts";

export class SessionMenu extends LitElement {
  static override styles = [
    base,
    hanging,
    css`
      :host {
        display: block;
      }
      #button svg {
        stroke-width: 3;
      }
      [role="menuitem"] {
        inline-size: 100%;
        justify-content: start;
        font-weight: 500;
        padding-inline: 0.75em;
      }
      [role="menuitem"] svg:dir(rtl) {
        scale: -1 1;
      }
      [role="menuitem"]:focus-visible {
        outline-offset: -3px;
      }
    `,
  ];

  readonly #popup = new Popup(this, () => this.#button);

  get #button(): HTMLElement {
    return this.renderRoot.querySelector<HTMLElement>("#button")!;
  }

  override render() {
    const { isOpen } = this.#popup;
    return html` <button
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
      <div id="menu" class="hanging" role="menu" aria-label="Session" ?hidden=${!isOpen} @keydown=${this.#move}>
        <button role="menuitem" tabindex="-1" @click=${this.#leave}>${doorIcon}Leave Session</button>
      </div>`;
  }

  #toggle(): void {
    if (this.#popup.isOpen) this.#popup.closeAndReturn();
    else void this.#openAt(0);
  }

  /** @param index which item gets focus; -1 is the last. */
  async #openAt(index: number): Promise<void> {
    this.#popup.open();
    await this.updateComplete;
    this.#items().at(index)?.focus();
  }

  #items(): HTMLElement[] {
    return [...this.renderRoot.querySelectorAll<HTMLElement>("[role=menuitem]")];
  }

  #openByKey(event: KeyboardEvent): void {
    if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
    event.preventDefault();
    void this.#openAt(event.key === "ArrowDown" ? 0 : -1);
  }

  #move(event: KeyboardEvent): void {
    if (event.key === "Tab") this.#popup.close();
    const items = this.#items();
    const at = items.indexOf(event.target as HTMLElement);
    const next: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 };
    const index = next[event.key];
    if (index === undefined) return;
    event.preventDefault();
    items.at(index % items.length)?.focus();
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
