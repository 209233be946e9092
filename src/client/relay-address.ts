/** Checks the settings of a page: the relay's address, the room's name and the token. */
import { isRoomName, ROOM_NAME_MAX_CHARS } from "../protocol/protocol.ts";
import { badSettings } from "./room-errors.ts";

/**
 * The relay's WebSocket address without a slash at its end.
 *
 * @throws RoomError `bad-settings` if it is not a plain ws(s):// or http(s):// address.
 */
export const toRelayUrl = (relay: string): string => {
  const url = URL.canParse(relay) ? new URL(relay) : null;
  const scheme = url?.protocol.replace("http", "ws");
  // A name in the address would be sent as a password, and a query would come before the room's name.
  if (url === null || !/^wss?:$/.test(scheme!) || url.username + url.password + url.search + url.hash !== "") {
    throw badSettings(
      "The address to connect to must look like wss://sessions.example or https://sessions.example/path.",
    );
  }
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}`;
};

/** @throws RoomError `bad-settings` if `room` is no valid name. */
export const checkRoomName = (room: string): void => {
  if (typeof room === "string" && isRoomName(room)) return;
  throw badSettings(`A room's name needs 1 to ${ROOM_NAME_MAX_CHARS} characters.`);
};

/** Whether a text can be sent as a WebSocket subprotocol (RFC 9110, `token`), as every JWT can. */
export const isTokenText = (token: unknown): token is string =>
  typeof token === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(token);

/** @throws RoomError `bad-settings` if there is no token, or one that cannot be a JWT. */
export const checkToken = (token: string): void => {
  if (isTokenText(token)) return;
  throw badSettings(
    token ? "The token holds characters that no token has. Open the whole link again." : "The token is missing.",
  );
};
