/** A button that copies a text and says so. */
import { html, LitElement } from "lit";
import type { PropertyDeclarations } from "lit";

export class CopyButton extends LitElement {
  static override properties: PropertyDeclarations = { text: { attribute: false }, label: {}, result: { state: true } };
  declare text: string;
  /** What the button says before it was used. */
  declare label: string;
  declare result: string;

  constructor() {
    super();
    this.text = "";
    this.label = "Copy";
    this.result = "";
  }

  /** In the page's own tree: the page's style sheet is the button's. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    return html`<button type="button" @click=${this.#copy}>${this.label}</button>
      <span class="copied" role="status">${this.result}</span>`;
  }

  async #copy(): Promise<void> {
    // An unchanged text would not be announced a second time.
    this.result = "";
    await this.updateComplete;
    this.result = (await copyText(this.text)) ? "Copied" : "Copying is not allowed here";
  }
}

/** Copies `text`; without a clipboard (plain http) by way of a selection. */
const copyText = async (text: string): Promise<boolean> => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "offscreen";
    document.body.append(area);
    area.select();
    // Deprecated, and still the only way where the page is not a secure context.
    const copied = document.execCommand("copy");
    area.remove();
    if (focused instanceof HTMLElement) focused.focus();
    return copied;
  }
};

customElements.define("copy-button", CopyButton);

declare global {
  interface HTMLElementTagNameMap {
    "copy-button": CopyButton;
  }
}
