/** Everything of the elements. Importing this registers them; the class files alone do not. */
import "./define.ts";

export * from "./events.ts";
export { SessionBar } from "./session-bar.ts";
export { SessionConfirm } from "./session-confirm.ts";
export { SessionMenu } from "./session-menu.ts";
export { SessionPeople } from "./session-people.ts";
export { SessionScreen } from "./session-screen.ts";
export { SessionRoom } from "./session-room.ts";
