/** Registers the elements. A tag that is taken already is left as it is: two copies may meet in one page. */
// First, with all of the client behind it: the elements then stand together, and so compress better.
import { SessionRoom } from "./session-room.ts";
import { SessionBar } from "./session-bar.ts";
import { SessionConfirm } from "./session-confirm.ts";
import { SessionMenu } from "./session-menu.ts";
import { SessionPeople } from "./session-people.ts";
import { SessionScreen } from "./session-screen.ts";

const ELEMENTS = {
  "session-bar": SessionBar,
  "session-confirm": SessionConfirm,
  "session-menu": SessionMenu,
  "session-people": SessionPeople,
  "session-screen": SessionScreen,
  // Last, since it renders the others.
  "session-room": SessionRoom,
};

for (const [tag, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(tag)) customElements.define(tag, element);
}
