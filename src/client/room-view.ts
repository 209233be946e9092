/** What people see of the model: the screen, and the state that the room client publishes. */
import type { Identity } from "../protocol/protocol.ts";
import { isHost } from "./join-handshake.ts";
import { listParticipants } from "./participants.ts";
import type { RoomModel } from "./room-model.ts";
import type { RoomState, Screen } from "./room-state.ts";

export const screenOf = (model: RoomModel): Screen => {
  const { session, wish, endSeen, error } = model;
  if (error !== null) return { name: "failed", error };
  if (session === null) return { name: "connecting" };
  if (session.status === "ended") {
    return { name: "ended", end: session.ended, canStart: isHost(model), canRejoin: false };
  }
  // Before "left": whoever is on the ended screen stays there, with a way to rejoin.
  if (endSeen !== null) return { name: "ended", end: endSeen, canStart: false, canRejoin: true };
  if (wish === "left") return { name: "left" };
  if (session.status === "waiting") return { name: "waiting", canStart: isHost(model) && model.needsManualStart };
  return model.inside ? { name: "joined", run: session.run } : { name: "connecting" };
};

/** What the state says of the document's content. */
export type ContentView = Pick<RoomState, "notices"> & { readonly hasUnsaved: boolean };

/**
 * @param shownName the name that others see of the person unless the token has one.
 * @param others everybody else's connections.
 */
export const stateOf = (
  model: RoomModel,
  shownName: string,
  others: Iterable<Identity>,
  { hasUnsaved, notices }: ContentView,
): RoomState => {
  const { connection, me: person, session, inside } = model;
  const me = person === null || person.verified ? person : { ...person, name: shownName };
  const people = inside && me !== null ? listParticipants(others, me) : [];
  return { screen: screenOf(model), connection, me, people, session, unsaved: hasUnsaved, notices };
};
