/** The landing page: makes a session and shows its two links. */
import { html, nothing, render } from "lit";
import { PERSON_NAME_MAX_CHARS, ROOM_NAME_MAX_CHARS } from "../../src/protocol/protocol.ts";
import "./copy-button.ts";
import { makeSession } from "./new-session.ts";
import type { NewSession } from "./new-session.ts";
import { rememberedName, rememberInvite, rememberName } from "./remember.ts";

type View = {
  readonly made: NewSession | null;
  readonly isBusy: boolean;
  readonly needsKey: boolean;
  readonly error: string;
};

let view: View = { made: null, isBusy: false, needsKey: false, error: "" };

/** The same link on the origin of this page, so that its local storage applies. */
const here = (url: string): string => {
  const { search, hash } = new URL(url);
  return `${location.pathname}${search}${hash}`;
};

const show = (change: Partial<View>): void => {
  view = { ...view, ...change };
  render(page(), document.body);
};

const submit = async (event: SubmitEvent): Promise<void> => {
  event.preventDefault();
  if (view.isBusy) return;
  const fields = new FormData(event.currentTarget as HTMLFormElement);
  const field = (name: string): string => String(fields.get(name) ?? "").trim();
  rememberName(field("name"));
  show({ isBusy: true, error: "" });
  const outcome = await makeSession(field("room"), field("key"));
  if (!outcome.ok) {
    show({ isBusy: false, needsKey: view.needsKey || outcome.needsKey, error: outcome.message });
    if (outcome.needsKey) document.querySelector<HTMLElement>("[name=key]")?.focus();
    return;
  }
  rememberInvite(outcome.session.room, outcome.session.inviteUrl);
  show({ isBusy: false, made: outcome.session });
  document.querySelector("h1")?.focus();
};

const form = () =>
  html` <h1>Write together, in one session</h1>
    <p class="lead">
      Start a session, send the invite link, and everyone writes in the same document. It ends when you say so.
    </p>
    <form @submit=${submit}>
      <label
        >Your name
        <input name="name" autocomplete="name" maxlength=${PERSON_NAME_MAX_CHARS} .defaultValue=${rememberedName()}
      /></label>
      <label
        >Session name <span class="hint">(optional)</span>
        <input name="room" autocomplete="off" maxlength=${ROOM_NAME_MAX_CHARS}
      /></label>
      ${
        view.needsKey
          ? html`<label
              >Admin key <input name="key" type="password" autocomplete="off" required aria-describedby="error"
            /></label>`
          : nothing
      }
      <p id="error" class="error" role="alert">${view.error}</p>
      <button class="main" aria-disabled=${view.isBusy}>New session</button>
    </form>`;

const link = (id: string, label: string, hint: string, url: string) =>
  html` <div class="link">
    <label for=${id}>${label}</label>
    <p class="hint" id="${id}-hint">${hint}</p>
    <div class="row">
      <input
        id=${id}
        readonly
        .value=${url}
        aria-describedby="${id}-hint"
        @focus=${(event: FocusEvent) => (event.target as HTMLInputElement).select()}
      />
      <copy-button .text=${url} .label=${`Copy ${label.toLowerCase()}`}></copy-button>
    </div>
  </div>`;

const links = ({ room, hostUrl, inviteUrl }: NewSession) =>
  html` <h1 tabindex="-1">Your session is ready</h1>
    <p class="lead"><bdi>${room}</bdi></p>
    ${link("invite", "Invite link", "For everyone who is to take part.", inviteUrl)}
    ${link("host", "Host link", "Only for you and other hosts: whoever has it can end the session.", hostUrl)}
    <p><a class="main" href=${here(hostUrl)}>Open the classroom</a></p>`;

const page = () => html`<main class="landing">${view.made === null ? form() : links(view.made)}</main>`;

export const showLanding = (): void => show({});
