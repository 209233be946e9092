/**
 * `<session-people>`: who is here. A button with initials and the number of people, and the list that it opens. Names
 * are text that others chose, so they are isolated (`<bdi>`): none can change the text direction around it.
 */
import { css, html, LitElement, nothing } from "lit";
import type { PropertyDeclarations } from "lit";
import type { Participant } from "../src/client/room-state.ts";
import { hashText } from "../src/client/text-hash.ts";
import { checkIcon, peopleIcon } from "./icons.ts";
import { PopupController } from "./popup-controller.ts";
import { base, dropdown } from "./theme.ts";

/** How many people are shown by their initials beside the number, in a wide bar. */
const MAX_FACES = 4;

const firstCharacter = (word: string): string => [...word][0] ?? "";

/** The first character of the first word, and of the last if there are several. */
const initials = (name: string): string => {
  const words = name.trim().split(/\s+/);
  const last = words.length > 1 ? words.at(-1)! : "";
  return firstCharacter(words[0]!) + firstCharacter(last);
};

/** A hue made of the id alone, so that everybody sees a person in the same colour. */
const hue = (id: string): number => hashText(id) % 360;

const face = ({ id, name }: Participant) =>
  html`<span class="face" aria-hidden="true" style="--_hue: ${hue(id)}">${initials(name)}</span>`;

const verifiedMark = html`<span class="verified" title="Verified name"
  >${checkIcon}<span class="visually-hidden">Verified name</span></span
>`;

const row = (person: Participant) =>
  html`<li>
    ${face(person)}<bdi>${person.name}</bdi>
    ${person.verified ? verifiedMark : nothing} ${person.self ? html`<span class="you">You</span>` : nothing}
    ${person.role === "host" ? html`<span class="badge">Host</span>` : nothing}
  </li>`;

export class SessionPeople extends LitElement {
  static override styles = [
    base,
    dropdown,
    css`
      .open {
        padding: 0 0.6em;
        gap: 0.4em;
        font-variant-numeric: tabular-nums;
      }
      .faces {
        display: flex;
      }
      .faces .face {
        margin-inline-start: -6px;
        box-shadow: 0 0 0 2px var(--_surface);
      }
      .face {
        display: grid;
        place-items: center;
        flex: none;
        inline-size: 30px;
        block-size: 30px;
        border-radius: 50%;
        border: 1px solid transparent;
        font-size: 12px;
        font-weight: 650;
        line-height: 1;
        text-transform: uppercase;
        background: light-dark(oklch(0.9 0.06 var(--_hue)), oklch(0.4 0.08 var(--_hue)));
        color: light-dark(oklch(0.38 0.1 var(--_hue)), oklch(0.94 0.04 var(--_hue)));
      }
      .dropdown {
        inline-size: 20rem;
      }
      ul {
        list-style: none;
      }
      li {
        display: flex;
        align-items: center;
        gap: 0.6em;
        padding: 6px;
      }
      bdi {
        min-inline-size: 0;
        overflow-wrap: anywhere;
      }
      .you {
        color: var(--_muted);
      }
      .verified {
        color: var(--_good);
        display: flex;
        margin-inline-start: -0.3em;
      }
      .verified svg {
        font-size: 0.8em;
        stroke-width: 3;
      }
      .badge {
        margin-inline-start: auto;
        padding: 0 0.6em;
        border: 1px solid var(--_border);
        border-radius: 99px;
        font-size: 13px;
      }
      @container (inline-size < 42rem) {
        .faces {
          display: none;
        }
      }
      @container (inline-size >= 42rem) {
        .open svg {
          display: none;
        }
      }
    `,
  ];
  static override properties: PropertyDeclarations = { people: { attribute: false } };
  declare people: readonly Participant[];

  readonly #popup = new PopupController(this);

  override render() {
    const { people } = this;
    const count = people.length;
    const { isOpen } = this.#popup;
    const unit = count === 1 ? "person here" : "people here";
    return html`<button
        class="open"
        title="Who is here"
        aria-expanded=${isOpen}
        aria-controls="list"
        @click=${this.#toggle}
      >
        <span class="faces">${people.slice(0, MAX_FACES).map(face)}</span>${peopleIcon}<span
          >${count}<span class="visually-hidden"> ${unit}</span></span
        >
      </button>
      <div id="list" class="dropdown" tabindex="-1" role="group" aria-label="People here" ?hidden=${!isOpen}>
        <ul role="list">
          ${people.map(row)}
        </ul>
      </div>`;
  }

  #toggle(): void {
    if (this.#popup.isOpen) this.#popup.close();
    else this.#popup.open();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    "session-people": SessionPeople;
  }
}
