/** The options of the room client, and the check of the document that a page brings. */
import * as Y from "yjs";
import type { Timers } from "../clock.ts";
import { SESSION_ROOT } from "../session/session.ts";
import type { TokenStorage } from "./personal-token.ts";
import { badSettings } from "./room-errors.ts";
import type { GetToken } from "./token-renewal.ts";

export type RoomClientOptions = {
  /** Address of the relay: ws(s):// or http(s)://, with or without a path. */
  readonly relay: string;
  /** Name of the room, 1 to 128 characters. */
  readonly room: string;
  /** JWT of the person, or of an invitation. */
  readonly token: string;
  /** Gives a newer token when the present one is about to expire, or has expired. */
  readonly getToken?: GetToken | undefined;
  /** Name that the person chose; a name in the token takes precedence. */
  readonly displayName?: string | undefined;
  /** Document to use; a new one by default. */
  readonly doc?: Y.Doc | undefined;
  /** Where an invited person's own token is kept; by default the tab's session storage. `null`: nowhere. */
  readonly storage?: TokenStorage | null | undefined;
  readonly clock?: Timers | undefined;
  /** For environments without a global WebSocket. */
  readonly WebSocketPolyfill?: typeof WebSocket | undefined;
};

/** @throws RoomError `bad-settings` if `doc` is of another copy of Yjs, or uses the root `session` as another type. */
export const checkDocument = (doc: Y.Doc): void => {
  if (!(doc instanceof Y.Doc)) {
    throw badSettings(
      "The document is not a Y.Doc of the Yjs that session-room uses. A page with two copies of Yjs loses data: load it once.",
    );
  }
  try {
    doc.getMap(SESSION_ROOT);
  } catch (error) {
    const message = `The document's root "${SESSION_ROOT}" belongs to session-room. Give the page's own type another name.`;
    throw badSettings(message, { cause: error });
  }
};
