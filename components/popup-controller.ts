/**
 * What a menu and a list that open from a button have in common: whether they are open, and everything that closes
 * them. Escape closes and returns focus to the button; a press or focus outside the element closes.
 */
import type { LitElement, ReactiveController } from "lit";

export class PopupController implements ReactiveController {
  readonly #host: LitElement;
  #isOpen = false;
  /** Aborted when the popup closes: the document is listened to only while it is open. */
  #openListeners: AbortController | undefined;

  /** The popup of the first button in the shadow root of `host`. */
  constructor(host: LitElement) {
    this.#host = host;
    host.addController(this);
    // Focus that moves within the shadow root causes no event here: such an event does not leave the root.
    host.addEventListener("focusout", ({ relatedTarget }) => {
      if (relatedTarget !== null) this.close();
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#openListeners = new AbortController();
    const { signal } = this.#openListeners;
    // On the document, since not every browser moves focus to a button that is clicked.
    document.addEventListener("pointerdown", this.#onPointerDown, { signal });
    document.addEventListener("keydown", this.#onKeyDown, { signal });
    this.#host.requestUpdate();
  }

  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#openListeners?.abort();
    this.#host.requestUpdate();
  }

  /** Closes it and moves focus to the button, for people whose focus was inside. */
  closeAndReturn(): void {
    this.close();
    this.#host.renderRoot.querySelector("button")?.focus();
  }

  hostDisconnected(): void {
    this.close();
  }

  readonly #onKeyDown = (event: KeyboardEvent): void => {
    if (event.key === "Escape") this.closeAndReturn();
  };

  readonly #onPointerDown = (event: PointerEvent): void => {
    if (!event.composedPath().includes(this.#host)) this.close();
  };
}
