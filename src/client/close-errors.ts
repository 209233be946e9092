/** What a final close code means to a person. */
import { CloseCode } from "../protocol/close-codes.ts";
import { RoomError } from "./room-state.ts";
import type { RoomErrorCode } from "./room-state.ts";

const MEANINGS: ReadonlyMap<number, readonly [code: RoomErrorCode, message: string]> = new Map([
  [
    CloseCode.unauthorized,
    [
      "unauthorized",
      "This link is not valid, or it has expired. Open the whole link again, or ask the host for a new one.",
    ],
  ],
  [CloseCode.forbidden, ["forbidden", "You may not take part in this session with this link."]],
  [CloseCode.roomDeleted, ["room-deleted", "This room was deleted."]],
  [CloseCode.tooLarge, ["too-large", "Something in this session is larger than the relay allows."]],
  [CloseCode.badMessage, ["bad-message", "The relay refused what this page sent. Load the page again."]],
]);

/**
 * The error that a final close code (4400 to 4499) stands for.
 *
 * @param reason what the relay says in the close frame; it names the limit that was broken, if one was.
 */
export const closeError = (code: number, reason: string): RoomError => {
  const [errorCode, message] = MEANINGS.get(code) ?? [
    "forbidden",
    `The relay closed the connection for good (${code}).`,
  ];
  return new RoomError(errorCode, reason === "" ? message : `${message} (The relay says: ${reason})`);
};
