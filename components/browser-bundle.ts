/** `/session-room.js`, which pages import from the relay: the elements, the room client, and the Yjs that they share. */
export * from "./index.ts";
export * from "../src/index.ts";
export * as Y from "yjs";
