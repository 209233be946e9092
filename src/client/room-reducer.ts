/**
 * What a person is shown, and what their page does: one pure function of what has happened. It knows no socket,
 * document or clock. The room client feeds it and executes its effects; nothing else decides.
 */
import type { Session } from "../session/session.ts";
import { connectIfAllowed, onConnectionEvent } from "./connection-policy.ts";
import { isOver, joinIfPossible, leave, onHandshakeEvent, wishIn } from "./join-handshake.ts";
import { jsonEqual } from "./json-equal.ts";
import { effectIf, fail, OUTSIDE, withoutEffects } from "./room-model.ts";
import type { RoomModel, RoomEvent, Transition } from "./room-model.ts";

const withSession = (model: RoomModel, session: Session | null): Transition => {
  if (jsonEqual(model.session, session)) return withoutEffects(model);
  const join = model.join?.isRefused === true ? null : model.join;
  const next: RoomModel = { ...model, session, join, needsManualStart: false };
  if (session === null || session.status === "live") return withoutEffects(next);
  const outside: RoomModel = { ...next, joinedRun: null, inside: false };
  // A relay that lost its store waits again, and nobody has seen the end of the run that follows.
  if (session.status === "waiting") {
    return { model: { ...outside, endSeen: null }, effects: effectIf(model.inside, { type: "hide-presence" }) };
  }
  return {
    model: { ...outside, endSeen: session.ended, isWithheld: true },
    effects: [
      ...effectIf(model.inside, { type: "hide-presence" }),
      { type: "mark-unsynced" },
      { type: "forget-others" },
    ],
  };
};

const reduceEvent = (model: RoomModel, event: RoomEvent): Transition => {
  switch (event.type) {
    case "join-requested": {
      const next = { ...wishIn(model), wantsConnection: true };
      return { model: next, effects: connectIfAllowed(next) };
    }
    case "leave-requested":
      return leave(model);
    case "start-accepted":
      return withoutEffects(isOver(model, event.run) ? model : wishIn(model));
    case "welcomed":
      return withoutEffects({ ...model, me: event.me, connection: "online", hasRequestedToken: false });
    case "document-received":
      return withSession({ ...model, hasDocument: true }, event.session);
    case "session-changed":
      return model.hasDocument ? withSession(model, event.session) : withoutEffects(model);
    case "document-requested":
      return withoutEffects({ ...model, lacksFormerEdits: event.lacksFormerEdits });
    case "failed":
      return fail(model, event.error);
    case "destroyed":
      return {
        model: { ...model, ...OUTSIDE, connection: "closed" },
        effects: effectIf(model.inside, { type: "hide-presence" }),
      };
    case "suspended":
    case "resumed":
    case "network-lost":
    case "network-returned":
    case "disconnected":
    case "connection-refused":
    case "token-renewed":
    case "token-unavailable":
      return onConnectionEvent(model, event);
    case "join-accepted":
    case "join-refused":
    case "join-unanswered":
    case "leave-answered":
    case "leave-unanswered":
    case "former-edits-checked":
      return onHandshakeEvent(model, event);
  }
};

/** What an event makes of the model, and what is to be done. A closed room stays as it is. */
export const reduceRoom = (model: RoomModel, event: RoomEvent): Transition => {
  if (model.connection === "closed") return withoutEffects(model);
  const changed = reduceEvent(model, event);
  const joining = joinIfPossible(changed.model);
  return { model: joining.model, effects: [...changed.effects, ...joining.effects] };
};
