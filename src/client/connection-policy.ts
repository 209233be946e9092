/**
 * When the room client connects, and with which token: a pure part of the reducer. The waits between attempts to
 * connect are the provider's (`room-provider.ts`).
 */
import { disconnectedError } from "./room-errors.ts";
import { effectIf, fail } from "./room-model.ts";
import type { ConnectionEvent, RoomEffect, RoomModel, Transition } from "./room-model.ts";

const mayConnect = ({ wantsConnection, isSuspended }: RoomModel): boolean => wantsConnection && !isSuspended;

/** Connects, unless the page is away or has not joined yet. Without effect on an open connection. */
export const connectIfAllowed = (model: RoomModel): readonly RoomEffect[] =>
  effectIf(mayConnect(model), { type: "connect" });

/** A token may have expired: the personal one is replaced by the page's, and for that one the page is asked, once. */
const onRefused = (
  model: RoomModel,
  { error, hadPersonalToken, canRequestToken }: ConnectionEvent & { type: "connection-refused" },
): Transition => {
  if (error.code !== "unauthorized") return fail(model, error);
  if (hadPersonalToken) {
    return { model, effects: [{ type: "drop-personal-token" }, ...connectIfAllowed(model)] };
  }
  // A page whose new token is refused as well has nothing better.
  if (!canRequestToken || model.hasRequestedToken) return fail(model, error);
  return { model: { ...model, hasRequestedToken: true }, effects: [{ type: "request-token", refusal: error }] };
};

export const onConnectionEvent = (model: RoomModel, event: ConnectionEvent): Transition => {
  switch (event.type) {
    case "suspended":
      return { model: { ...model, isSuspended: true }, effects: [{ type: "disconnect" }] };
    case "resumed": {
      const resumed = { ...model, isSuspended: false };
      return { model: resumed, effects: connectIfAllowed(resumed) };
    }
    case "network-lost":
      // Not `disconnect`: a browser that is wrong about the network gets through with the next attempt.
      return { model, effects: effectIf(mayConnect(model), { type: "reconnect" }) };
    case "network-returned":
    case "token-renewed":
      return { model, effects: connectIfAllowed(model) };
    case "token-unavailable":
      return fail(model, event.refusal);
    case "connection-refused":
      return onRefused(model, event);
    case "disconnected":
      return {
        model: {
          ...model,
          connection: model.me === null ? "connecting" : "reconnecting",
          join: null,
          joinedRun: null,
          isWithheld: false,
        },
        effects: [{ type: "forget-others" }, { type: "reject-commands", error: disconnectedError() }],
      };
  }
};
