/**
 * `<session-notices>`: what the person should know about the document: something was refused, it is nearly full, or it
 * cannot be shown or served any more. Emits `dismissed` when a notice that had focus is gone.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations } from "lit";
import type { RoomNotice } from "../src/client/room-state.ts";
import { crossIcon, warningIcon } from "./icons.ts";
import { base } from "./theme.ts";

const textOf = (notice: RoomNotice): string => {
  switch (notice.code) {
    case "refused":
      return notice.refusal === "document-full"
        ? "The document is full: what you wrote last is not saved, and nobody else sees it. Copy it to another place. There is room again once something is deleted."
        : "Something that you wrote could not be saved, and nobody else sees it. Copy it to another place, then load the page again.";
    case "document-nearly-full":
      return `The document is nearly full (${Math.floor((100 * notice.bytes) / notice.limit)} %). Delete something, or go on in a new session.`;
    case "content-set-aside":
      return "There is a problem with the document: nothing new is saved or sent to others. Copy what you need to another place. The session goes on.";
    case "document-broken":
      return "This page can no longer show the document. Load the page again.";
  }
};

/** What a dismissed notice is remembered by: another refusal shows again. */
const keyOf = (notice: RoomNotice): string => (notice.code === "refused" ? `refused ${notice.count}` : notice.code);

/** The others describe a state that lasts. */
const isDismissible = ({ code }: RoomNotice): boolean => code === "refused" || code === "document-nearly-full";

export class SessionNotices extends LitElement {
  static override styles = [
    base,
    css`
      :host {
        display: block;
        overflow-wrap: anywhere;
      }
      .notice {
        display: flex;
        align-items: center;
        gap: 10px;
        min-block-size: 44px;
        padding-inline: 16px 8px;
        background: var(--_notice);
        color: var(--_on-notice);
        border-block-end: 1px solid var(--_border);
      }
      p {
        flex: 1;
        padding-block: 9px;
        font-size: 15px;
      }
    `,
  ];
  static override properties: PropertyDeclarations = { notices: { attribute: false } };
  declare notices: readonly RoomNotice[];

  readonly #dismissed = new Set<string>();

  override render() {
    const shown = this.notices.filter((notice) => !this.#dismissed.has(keyOf(notice)));
    // The live region is there before its first notice, or browsers would not announce that.
    return html`<div role="alert" part="notices">${shown.map((notice) => this.#notice(notice))}</div>`;
  }

  #notice(notice: RoomNotice) {
    const text = textOf(notice);
    return html`<div class="notice">
      ${warningIcon}
      <p>${text}</p>
      ${
        isDismissible(notice)
          ? html`<button class="icon" title="Dismiss" aria-label="Dismiss" @click=${() => this.#dismiss(notice)}>
              ${crossIcon}
            </button>`
          : nothing
      }
    </div>`;
  }

  #dismiss(notice: RoomNotice): void {
    this.#dismissed.add(keyOf(notice));
    this.requestUpdate();
    this.dispatchEvent(new Event("dismissed"));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-notices": SessionNotices;
  }
}
