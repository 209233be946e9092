/** The classroom: a hosted session around one shared document, and a footer with the person's name and the invite link. */
import { html, nothing, render } from "lit";
import type { SessionRoom } from "../../components/index.ts";
import "../../components/index.ts";
import { cleanPersonName, PERSON_NAME_MAX_CHARS } from "../../src/protocol/protocol.ts";
import "./copy-button.ts";
import { setColour } from "./cursors.ts";
import { createEditor } from "./editor.ts";
import { rememberedInvite, rememberedName, rememberName } from "./remember.ts";

/** Name of the root type that holds the text. */
const NOTES = "notes";

/** The relay that served this page. */
const relay = new URL(".", location.href);
relay.search = relay.hash = "";

const incompleteLink = () =>
  html` <main class="landing">
    <h1>This link is incomplete</h1>
    <p class="lead">
      The part behind the # sign is missing or damaged. Copy the whole link again, or ask the host for it.
    </p>
    <p><a class="main" href="./">Make a session of your own</a></p>
  </main>`;

const page = (room: string, token: string, name: string, invite: string) =>
  html` <main>
      <session-room relay=${relay.href} room=${room} .token=${token} display-name=${name}>
        <div class="notes"></div>
      </session-room>
    </main>
    <footer>
      <label
        >Your name
        <input
          name="name"
          autocomplete="name"
          placeholder="Guest"
          maxlength=${PERSON_NAME_MAX_CHARS}
          .defaultValue=${name}
        />
      </label>
      ${invite === "" ? nothing : html`<copy-button .text=${invite} .label=${"Copy invite link"}></copy-button>`}
    </footer>`;

/** Whether a text has the form of a JWT; the relay decides whether it is valid. */
const looksLikeToken = (token: string): boolean => /^[\w-]+\.[\w-]+\.[\w-]+$/.test(token);

/** Applies a new name at the end of an edit, so that others do not see it being typed. */
const takeNames = (element: SessionRoom): void => {
  const field = document.querySelector<HTMLInputElement>("footer input")!;
  // A name in the token cannot be changed.
  element.addEventListener("session-room-state", ({ state }) => {
    field.parentElement!.hidden = state.me?.verified ?? false;
  });
  field.addEventListener("change", () => {
    const name = cleanPersonName(field.value);
    field.value = name;
    rememberName(name);
    element.displayName = name;
    if (element.awareness !== undefined) setColour(element.awareness, name);
  });
};

/** Opening the invite link again in the same tab loads no page if nothing, or only the fragment, differs. */
const rejoinOnLink = (element: SessionRoom): void => {
  const openedAt = location.href;
  addEventListener("popstate", () => {
    if (location.href !== openedAt) return location.reload();
    const { screen } = element.state;
    const canRejoin = screen.name === "left" || (screen.name === "ended" && screen.canRejoin);
    // The element shows the error.
    if (canRejoin) element.rejoin().catch(() => undefined);
  });
};

export const showClassroom = (room: string, token: string): void => {
  if (!looksLikeToken(token)) {
    render(incompleteLink(), document.body);
    addEventListener("popstate", () => location.reload());
    return;
  }
  document.title = `${room} · Session Room`;
  const name = rememberedName();
  render(page(room, token, name, rememberedInvite(room)), document.body);
  const element = document.querySelector("session-room")!;
  rejoinOnLink(element);
  takeNames(element);
  // Before the document has arrived, so that the first state that others get has the colour.
  if (element.awareness !== undefined) setColour(element.awareness, name);
  element.ready.then(
    ({ doc, awareness }) => createEditor(document.querySelector<HTMLElement>(".notes")!, doc, awareness, NOTES),
    // The element shows the error.
    () => undefined,
  );
};
