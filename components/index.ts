/** Everything of the elements. Importing this registers them; the class files alone do not. */
import "./define.ts";

export {
  SessionRoomEndedEvent,
  SessionRoomErrorEvent,
  SessionRoomJoinedEvent,
  SessionRoomLeftEvent,
  SessionRoomRefusedEvent,
  SessionRoomStateEvent,
} from "./events.ts";
export { SessionRoom } from "./session-room.ts";
