/** A button that copies a text and confirms it. */
import { html, LitElement } from "lit";
import type { PropertyDeclarations } from "lit";

export class CopyButton extends LitElement {
  static override properties: PropertyDeclarations = { text: { attribute: false }, label: {}, result: { state: true } };
  declare text: string;
  /** Text of the button. */
  declare label: string;
  declare result: string;

  constructor() {
    super();
    this.text = "";
    this.label = "Copy";
    this.result = "";
  }

  /** No shadow root, so that the page's style sheet applies. */
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render() {
    return html`<button type="button" @click=${this.#copy}>${this.label}</button>
      <span class="copied" role="status">${this.result}</span>`;
  }

  async #copy(): Promise<void> {
    // Emptied first: an unchanged text is not announced a second time.
    this.result = "";
    await this.updateComplete;
    this.result = (await copyText(this.text)) ? "Copied" : "Copying is not allowed here";
  }
}

/** Copies `text`; without a clipboard (plain http) with a selection. */
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
    // Deprecated, but the only way in a page that is not a secure context.
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
