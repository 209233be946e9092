/**
 * `<session-confirm>`: asks before leaving and before ending, in a modal alert dialog. The browser traps focus,
 * closes the dialog on Escape and returns focus to where it was. Emits `session-action` for Yes and `close` when the
 * dialog is dismissed.
 */
import { css, html, LitElement } from "lit";
import type { PropertyDeclarations, PropertyValues } from "lit";
import { ActionEvent } from "./action-event.ts";
import type { Action } from "./action-event.ts";
import { base } from "./theme.ts";

/** What has to be confirmed. */
export type ConfirmAction = Extract<Action, "leave" | "end">;

type ConfirmText = { readonly title: string; readonly text: string; readonly yes: string };

const TEXTS: Readonly<Record<ConfirmAction, ConfirmText>> = {
  leave: {
    title: "Leave the session?",
    text: "The session goes on without you, and you can rejoin it.",
    yes: "Yes",
  },
  end: {
    title: "End the session for everyone?",
    text: "Everyone goes to a closing screen, you included. The document is kept, and a host can start the session again.",
    yes: "Yes, End Session",
  },
};

export class SessionConfirm extends LitElement {
  static override styles = [
    base,
    css`
      dialog {
        inline-size: 26rem;
        padding: 24px;
        color: var(--_text);
        background: var(--_surface);
        border: 1px solid var(--_border);
        border-radius: calc(var(--_radius) * 1.5);
        box-shadow: 0 20px 60px #0000004d;
      }
      dialog::backdrop {
        background: #0a0e1680;
      }
      h2 {
        font-size: 20px;
        line-height: 1.3;
      }
      p {
        margin-block-start: 8px;
      }
      .buttons {
        display: flex;
        flex-wrap: wrap;
        justify-content: end;
        gap: 8px;
        margin-block-start: 24px;
      }
    `,
  ];
  static override properties: PropertyDeclarations = {
    action: { attribute: false },
    busy: { type: Boolean },
    unsaved: { type: Boolean },
    error: {},
  };
  /** What the person is asked to confirm; `null`: the dialog is closed. */
  declare action: ConfirmAction | null;
  /** The action was sent and is not answered yet. */
  declare busy: boolean;
  /** Something that the person wrote is not saved yet. */
  declare unsaved: boolean;
  /** Why the action failed; empty if it did not. */
  declare error: string;

  override render() {
    const { action, busy, error, unsaved } = this;
    // The texts of a closed dialog do not matter.
    const { title, text, yes } = TEXTS[action ?? "leave"];
    return html`<dialog
      part="dialog"
      role="alertdialog"
      aria-labelledby="title"
      aria-describedby="text"
      aria-busy=${busy}
      @cancel=${this.#keepWhileBusy}
      @close=${this.#dismiss}
    >
      <h2 id="title">${title}</h2>
      <p id="text">${text}</p>
      <p role="status">${busy && unsaved ? "Saving what you wrote…" : ""}</p>
      <p class="alert" role="alert">${error}</p>
      <div class="buttons">
        <button class="outlined" aria-disabled=${busy} @click=${this.#cancel}>Cancel</button>
        <button class=${action === "end" ? "danger" : "primary"} aria-disabled=${busy} @click=${this.#confirm}>
          ${yes}
        </button>
      </div>
    </dialog>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("action")) return;
    if (this.action === null) this.#dialog.close();
    else if (!this.#dialog.open) this.#dialog.showModal();
  }

  get #dialog(): HTMLDialogElement {
    return this.renderRoot.querySelector("dialog")!;
  }

  #keepWhileBusy(event: Event): void {
    if (this.busy) event.preventDefault();
  }

  #cancel(): void {
    if (this.busy) return;
    this.#dialog.close();
    this.#dismiss();
  }

  /** The dialog's own event is dispatched later, when the dialog may be open again. */
  #dismiss(): void {
    if (!this.#dialog.open) this.dispatchEvent(new Event("close"));
  }

  #confirm(): void {
    if (!this.busy && this.action !== null) this.dispatchEvent(new ActionEvent(this.action));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-confirm": SessionConfirm;
  }
}
