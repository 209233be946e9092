/**
 * The handshake by which a person gets into the session and out of it: when `join` is sent, and what its answer
 * means if the session has changed in the meantime. A pure part of the reducer.
 */
import { lostEditsError } from "./room-errors.ts";
import { effectIf, fail, OUTSIDE, withoutEffects } from "./room-model.ts";
import type { HandshakeEvent, RoomEffect, RoomModel, Transition } from "./room-model.ts";
import { jsonEqual } from "./json-equal.ts";

const isOnline = ({ connection }: RoomModel): boolean => connection === "online";

export const isHost = ({ me }: RoomModel): boolean => me?.role === "host";

/** Whether a run is over as far as this page knows: an answer about it comes too late. */
export const isOver = ({ session }: RoomModel, run: number): boolean =>
  session?.status === "ended" && session.run >= run;

/** The person wants in, whatever end they have seen. */
export const wishIn = (model: RoomModel): RoomModel => ({ ...model, wish: "in", endSeen: null });

/** Sends `join` if it is time for it. A host does so in a waiting room too, since that may start it. */
export const joinIfPossible = (model: RoomModel): Transition => {
  const { session, joinedRun } = model;
  if (session === null || !isOnline(model)) return withoutEffects(model);
  if (model.wish !== "in" || model.endSeen !== null || model.join !== null) return withoutEffects(model);
  const canJoin =
    session.status === "live"
      ? joinedRun !== session.run
      : session.status === "waiting" && isHost(model) && joinedRun === null;
  if (!canJoin) return withoutEffects(model);
  const attempt = model.joinAttempts + 1;
  return {
    model: {
      ...model,
      joinAttempts: attempt,
      join: { attempt, asOf: session, isRefused: false },
      isWithheld: false,
    },
    effects: [...requestWithheld(model), { type: "show-presence" }, { type: "send-join", attempt }],
  };
};

/** A new connection begins with a request for the document; later ones are needed after the relay withheld it. */
const requestWithheld = ({ isWithheld }: RoomModel): readonly RoomEffect[] =>
  effectIf(isWithheld, { type: "request-document" });

/** The person leaves. Without a connection they are out at once, since the relay counts only connections. */
export const leave = (model: RoomModel): Transition => ({
  model: { ...model, ...OUTSIDE, wish: "left", isWithheld: true },
  effects: [
    { type: "hide-presence" },
    { type: "mark-unsynced" },
    { type: "forget-others" },
    ...effectIf(isOnline(model), { type: "send-leave" }),
  ],
});

const onAccepted = (model: RoomModel, run: number): Transition => {
  // The person looks at the end of the run before: they are not in the new one, and have to leave it.
  if (model.endSeen !== null) return { model: { ...model, join: null }, effects: [{ type: "send-leave" }] };
  if (isOver(model, run)) return withoutEffects({ ...model, join: null });
  const effects: RoomEffect[] = [...requestWithheld(model)];
  // An end since the join was sent, after which the person has come back, has hidden them.
  if (model.isWithheld) effects.push({ type: "show-presence" });
  // By now the relay has received everything that it requested.
  if (model.lacksFormerEdits) effects.push({ type: "check-former-edits" });
  return { model: { ...model, join: null, joinedRun: run, inside: true, isWithheld: false }, effects };
};

export const onHandshakeEvent = (model: RoomModel, event: HandshakeEvent): Transition => {
  switch (event.type) {
    case "join-accepted":
      return model.join?.attempt === event.attempt ? onAccepted(model, event.run) : withoutEffects(model);
    case "join-refused": {
      if (model.join?.attempt !== event.attempt) return withoutEffects(model);
      // The session has changed since: another attempt is worthwhile at once.
      if (!jsonEqual(model.join.asOf, model.session)) return withoutEffects({ ...model, join: null });
      const needsManualStart = event.code === "not-started" && model.session?.status === "waiting";
      return withoutEffects({ ...model, join: { ...model.join, isRefused: true }, needsManualStart });
    }
    case "join-unanswered":
      return { model, effects: effectIf(isOnline(model), { type: "reconnect" }) };
    case "leave-answered":
      // Their presence may have been on its way until now, and nobody reports that they go while one is out.
      return { model, effects: [{ type: "forget-others" }] };
    case "leave-unanswered":
      // Without this connection the person is out for certain.
      return { model, effects: [{ type: "forget-others" }, ...effectIf(isOnline(model), { type: "reconnect" })] };
    case "former-edits-checked":
      if (model.lacksFormerEdits) return fail(model, lostEditsError());
      // The relay counts the check as a join, into a run that began since the person saw the end of the one before.
      return { model, effects: effectIf(!model.inside && model.join === null, { type: "send-leave" }) };
  }
};
