/**
 * WebSocket close codes of the relay. 4400 to 4499 are final for y-websocket 3.1, which retries
 * after every other code (y-websocket 3.1, `defaultShouldReconnect`).
 */
export const CloseCode = {
  /** The page went away or left; nothing is wrong. */
  normal: 1000,
  /** A frame above the hard cap, refused by the WebSocket layer itself. */
  tooBig: 1009,
  /** A fault of the relay's own: come back. */
  internalError: 1011,
  /** The relay is restarting: come back. */
  restarting: 1012,
  /** Too slow or overloaded: come back later. */
  tryAgainLater: 1013,
  /** Malformed, or forbidden and not separable from what is allowed. */
  badMessage: 4400,
  /** The token is missing, wrong or expired. */
  unauthorized: 4401,
  /** Not allowed here, or removed. */
  forbidden: 4403,
  /** The room was deleted. */
  roomDeleted: 4404,
  /** The session has ended; only for clients without `session-room.v1`. */
  sessionEnded: 4410,
  /** A message or the document is too large. */
  tooLarge: 4413,
  /** The room's content failed and is set aside; only for clients without `session-room.v1`. */
  contentSetAside: 4423,
} as const;

export type CloseCode = (typeof CloseCode)[keyof typeof CloseCode];
