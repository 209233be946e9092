/**
 * What a menu and a list that open from a button have in common: open or not, and everything that
 * closes them. Escape closes and returns focus to the button; a press or focus elsewhere closes.
 */
import type { LitElement } from "lit";

export type Popup = {
  isOpen: boolean;
  /** Closes it and puts focus on the button, for those who were inside. */
  closeAndReturn(): void;
};

/** What the first button of `host` opens. */
export const popupOf = (host: LitElement): Popup => {
  let isOpen = false;

  const set = (open: boolean): void => {
    if (open === isOpen) return;
    isOpen = open;
    // At the document: not every browser gives focus to a button that is clicked.
    const listen = open ? "addEventListener" : "removeEventListener";
    document[listen]("pointerdown", closeOnPressElsewhere);
    document[listen]("keydown", closeOnEscape);
    host.requestUpdate();
  };

  const close = (): void => set(false);

  const closeAndReturn = (): void => {
    close();
    host.renderRoot.querySelector("button")?.focus();
  };

  const closeOnEscape = (event: Event): void => {
    if ((event as KeyboardEvent).key === "Escape") closeAndReturn();
  };

  const closeOnPressElsewhere = (event: Event): void => {
    if (!event.composedPath().includes(host)) close();
  };

  host.addController({ hostDisconnected: close });
  // Focus that moves within the host's shadow root never gets here: its event does not leave the root.
  host.addEventListener("focusout", ({ relatedTarget }) => {
    if (relatedTarget !== null) close();
  });

  return {
    get isOpen() {
      return isOpen;
    },
    set isOpen(open) {
      set(open);
    },
    closeAndReturn,
  };
};
