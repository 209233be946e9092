/**
 * `<session-confirm>`: the two questions, "Leave?" and "End?", as a modal alert dialog. The browser
 * traps focus, closes on Escape and gives focus back to where it was. Emits `session-action` for
 * Yes and `close` when it was dismissed.
 */
import { css, html, LitElement } from "lit";
import type { PropertyDeclarations, PropertyValues } from "lit";
import { ActionEvent } from "./action-event.ts";
import { base } from "./theme.ts";

export type Question = "leave" | "end";

const QUESTIONS: Record<Question, readonly [title: string, text: string, yes: string]> = {
  leave: ["Leave the session?", "The session goes on without you, and you can rejoin it.", "Yes"],
  end: [
    "End the session for everyone?",
    "Everyone goes to a closing screen, you included. The document is kept, and a host can start the session again.",
    "Yes, End Session",
  ],
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
    question: { attribute: false },
    busy: { type: Boolean },
    error: {},
  };
  /** What is asked; `null`: nothing, the dialog is closed. */
  declare question: Question | null;
  /** The relay has been asked and has not answered yet. */
  declare busy: boolean;
  /** Why it did not work; empty if nothing failed. */
  declare error: string;

  override render() {
    const { question, busy, error } = this;
    // Closed, it keeps some question: what is not shown needs no state of its own.
    const [title, text, yes] = QUESTIONS[question ?? "leave"];
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
      <p class="alert" role="alert">${error}</p>
      <div class="buttons">
        <button class="line" aria-disabled=${busy} @click=${this.#cancel}>Cancel</button>
        <button class=${question === "end" ? "grave" : "main"} aria-disabled=${busy} @click=${this.#confirm}>
          ${yes}
        </button>
      </div>
    </dialog>`;
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (!changed.has("question")) return;
    if (this.question === null) this.#dialog.close();
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

  /** The dialog's own event comes a moment later, by when it may have been opened again. */
  #dismiss(): void {
    if (!this.#dialog.open) this.dispatchEvent(new Event("close"));
  }

  #confirm(): void {
    if (!this.busy && this.question !== null) this.dispatchEvent(new ActionEvent(this.question));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-confirm": SessionConfirm;
  }
}
