/** The module that pages import from the relay: the elements, the client, and the one Yjs they share. */
export * from "../../components/index.ts";
export * from "../../src/index.ts";
export * as Y from "yjs";
