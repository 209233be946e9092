/**
 * What a menu and a list that open from a button have in common: open or not, and everything that
 * closes them. Escape closes and returns focus to the button; a press or focus elsewhere closes.
 */
import type { ReactiveController, ReactiveControllerHost } from "lit";

export class Popup implements ReactiveController {
  #open = false;
  readonly #host: ReactiveControllerHost & HTMLElement;
  readonly #button: () => HTMLElement;

  /** @param button finds the button that opens it, in the host's rendered content. */
  constructor(host: ReactiveControllerHost & HTMLElement, button: () => HTMLElement) {
    this.#host = host;
    this.#button = button;
    host.addController(this);
    host.addEventListener("focusout", this.#closeOnFocusElsewhere);
  }

  get isOpen(): boolean {
    return this.#open;
  }

  open(): void {
    this.#set(true);
  }

  close(): void {
    this.#set(false);
  }

  /** Closes it and puts focus on the button, for those who were inside. */
  closeAndReturn(): void {
    this.#set(false);
    this.#button().focus();
  }

  hostDisconnected(): void {
    this.#set(false);
  }

  #set(open: boolean): void {
    if (open === this.#open) return;
    this.#open = open;
    // At the document: not every browser gives focus to a button that is clicked.
    const listen = open ? "addEventListener" : "removeEventListener";
    document[listen]("pointerdown", this.#closeOnPressElsewhere);
    document[listen]("keydown", this.#closeOnEscape);
    this.#host.requestUpdate();
  }

  #closeOnEscape = (event: Event): void => {
    if ((event as KeyboardEvent).key === "Escape") this.closeAndReturn();
  };

  #closeOnPressElsewhere = (event: Event): void => {
    if (!event.composedPath().includes(this.#host)) this.close();
  };

  /** Focus that moves within the host's shadow root never gets here: its event does not leave the root. */
  #closeOnFocusElsewhere = (event: FocusEvent): void => {
    if (event.relatedTarget !== null) this.close();
  };
}
