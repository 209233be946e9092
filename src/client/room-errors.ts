/**
 * Every error that the room client makes, with its text. People read these texts on the failed screen and
 * beside the button that did not work, so they say what to do, and name no part of the system.
 */
import { CloseCode } from "../protocol/close-codes.ts";
import { RoomError } from "./room-state.ts";
import type { RoomErrorCode } from "./room-state.ts";

/** A setting of the page is wrong. */
export const badSettings = (message: string, options?: ErrorOptions): RoomError =>
  new RoomError("bad-settings", message, options);

export const disconnectedError = (): RoomError =>
  new RoomError("disconnected", "There is no connection. Try again when it is back.");

export const noAnswerError = (timeoutMs: number): RoomError =>
  new RoomError("disconnected", `There was no answer within ${timeoutMs / 1000} s. Try again.`);

/** The browser throws when a page that came by https opens a ws:// address; its own message may hold the token. */
export const blockedAddressError = (): RoomError =>
  badSettings("The browser refuses to connect from this page: an https page needs an address with wss://.");

/** What the page wrote as somebody else was not accepted (docs/SPEC.md, P11). */
export const lostEditsError = (): RoomError =>
  new RoomError("bad-message", "What you wrote last was not saved. Load the page again.");

type Meaning = { readonly code: RoomErrorCode; readonly message: string };

const MEANINGS: ReadonlyMap<number, Meaning> = new Map([
  [
    CloseCode.unauthorized,
    {
      code: "unauthorized",
      message: "This link is not valid, or it has expired. Open the whole link again, or ask the host for a new one.",
    },
  ],
  [CloseCode.forbidden, { code: "forbidden", message: "You may not take part in this session with this link." }],
  [CloseCode.roomDeleted, { code: "room-deleted", message: "This room was deleted." }],
  [CloseCode.tooLarge, { code: "too-large", message: "Something in this session is larger than is allowed." }],
  [CloseCode.badMessage, { code: "bad-message", message: "What this page sent was refused. Load the page again." }],
]);

/**
 * The error for a final close code (4400 to 4499).
 *
 * @param reason text of the close frame; it names the limit that was exceeded, if one was.
 */
export const closeError = (closeCode: number, reason: string): RoomError => {
  const { code, message } = MEANINGS.get(closeCode) ?? {
    code: "forbidden",
    message: `The connection was closed for good (${closeCode}).`,
  };
  return new RoomError(code, reason === "" ? message : `${message} (${reason})`);
};
