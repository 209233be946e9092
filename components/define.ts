/** Registers the elements. A tag that is taken already is left as it is: a page may load two copies of this code. */
import { SessionBar } from "./session-bar.ts";
import { SessionConfirm } from "./session-confirm.ts";
import { SessionMenu } from "./session-menu.ts";
import { SessionNotices } from "./session-notices.ts";
import { SessionPeople } from "./session-people.ts";
import { SessionRoom } from "./session-room.ts";
import { SessionScreen } from "./session-screen.ts";

const ELEMENTS = {
  "session-bar": SessionBar,
  "session-confirm": SessionConfirm,
  "session-menu": SessionMenu,
  "session-notices": SessionNotices,
  "session-people": SessionPeople,
  "session-screen": SessionScreen,
  // Last, since it renders the others.
  "session-room": SessionRoom,
};

for (const [tag, element] of Object.entries(ELEMENTS)) {
  if (!customElements.get(tag)) customElements.define(tag, element);
}
