/** Settings of a page as the provider needs them: the relay's address and what may travel as a token. */
import { isRoomName, ROOM_NAME_MAX_CHARS } from "../protocol/protocol.ts";
import { RoomError } from "./room-state.ts";

/** What is wrong with the settings of a page. */
export const badSettings = (message: string, options?: ErrorOptions): RoomError =>
  new RoomError("bad-settings", message, options);

/**
 * The relay's WebSocket address without a slash at its end.
 *
 * @throws RoomError `bad-settings` if it is not a plain ws(s):// or http(s):// address.
 */
export const toRelayUrl = (relay: string): string => {
  // A name in the address would be sent as a password, and a query would end up before the room's name.
  const url = URL.canParse(relay) ? new URL(relay) : null;
  const scheme = url?.protocol.replace("http", "ws");
  if (url === null || !/^wss?:$/.test(scheme!) || url.username + url.password + url.search + url.hash !== "") {
    throw badSettings("The relay's address must look like wss://relay.example or https://relay.example/path.");
  }
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
};

/** @throws RoomError `bad-settings` if `room` cannot name a room. */
export const checkRoomName = (room: string): void => {
  if (typeof room === "string" && isRoomName(room)) return;
  throw badSettings(`A room's name needs 1 to ${ROOM_NAME_MAX_CHARS} characters.`);
};

/** Whether a text can travel as a WebSocket subprotocol (RFC 9110, `token`), as every JWT can. */
export const isTokenText = (token: unknown): token is string =>
  typeof token === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(token);

/** @throws RoomError `bad-settings` if there is no token, or one that no relay can have made. */
export const checkToken = (token: string): void => {
  if (isTokenText(token)) return;
  throw badSettings(
    token ? "The token holds characters that no token has. Open the whole link again." : "The token is missing.",
  );
};
