/**
 * What a person should see: one pure function of what happened so far. It knows no socket, document
 * or clock; the room client feeds it and does what `shouldJoin` says. Nobody else decides a screen.
 */
import type { Identity, RefusalCode } from "./protocol.ts";
import type { Connection, RoomError, Screen } from "./room-state.ts";
import { saysTheSame } from "./same.ts";
import type { Session, SessionEnd } from "./session.ts";

/** A `join` that was sent on this line. */
type Join = {
  readonly id: number;
  /** The session as it was known when the command was sent. */
  readonly asOf: Session;
  /** The relay said no: only a change of the session makes another try worth while. */
  readonly refused: boolean;
};

export type RoomModel = {
  readonly connection: Connection;
  readonly me: Identity | null;
  readonly session: Session | null;
  /** Whether the person wants to be in the session; `left`: they were asked and went. */
  readonly wish: "none" | "in" | "left";
  readonly join: Join | null;
  /** Run that the relay counts this connection in; `null`: in none. */
  readonly joinedRun: number | null;
  /** Whether the content shows: from the first join until leaving or the end, across lost lines. */
  readonly inside: boolean;
  /** The end that this page has seen; who saw it comes back only by asking. */
  readonly endSeen: SessionEnd | null;
  /** A host's arrival did not start the room, so Start Session must. */
  readonly startsByHand: boolean;
  readonly error: RoomError | null;
};

/** Of a person who is not in the session and has not asked to be. */
const OUTSIDE = { join: null, joinedRun: null, inside: false } as const;

export const INITIAL_MODEL: RoomModel = {
  ...OUTSIDE,
  connection: "connecting",
  me: null,
  session: null,
  wish: "none",
  endSeen: null,
  startsByHand: false,
  error: null,
};

export type RoomEvent =
  /** The person wants in: for the first time or again. */
  | { readonly type: "came" }
  | { readonly type: "left" }
  /** The relay has said who the person is. */
  | { readonly type: "welcomed"; readonly person: Identity }
  | { readonly type: "session-read"; readonly session: Session | null }
  | { readonly type: "join-sent"; readonly id: number }
  | { readonly type: "join-accepted"; readonly id: number; readonly run: number }
  | { readonly type: "join-refused"; readonly id: number; readonly code: RefusalCode }
  /** The person's Start was answered; `run` is the present one. */
  | { readonly type: "started"; readonly run: number }
  | { readonly type: "line-lost" }
  /** For good. */
  | { readonly type: "failed"; readonly error: RoomError }
  | { readonly type: "closed" };

/** Whether a run is over as far as this page knows: an answer that speaks of it comes too late. */
const isOver = ({ session }: RoomModel, run: number): boolean => session?.status === "ended" && session.run >= run;

const onSession = (model: RoomModel, session: Session | null): RoomModel => {
  if (saysTheSame(model.session, session)) return model;
  const next = { ...model, session, join: model.join?.refused === true ? null : model.join, startsByHand: false };
  if (session === null || session.status === "live") return next;
  // A relay that lost its store waits again, and nobody has seen the end of what now comes.
  const endSeen = session.status === "ended" ? session.ended : null;
  return { ...next, joinedRun: null, inside: false, endSeen };
};

export const reduceRoom = (model: RoomModel, event: RoomEvent): RoomModel => {
  if (model.connection === "closed") return model;
  switch (event.type) {
    case "came":
      return { ...model, wish: "in", endSeen: null };
    case "left":
      return { ...model, wish: "left", ...OUTSIDE };
    case "welcomed":
      return { ...model, me: event.person, connection: "online" };
    case "session-read":
      return onSession(model, event.session);
    case "join-sent":
      if (model.session === null) return model;
      return { ...model, join: { id: event.id, asOf: model.session, refused: false } };
    case "join-accepted":
      if (model.join?.id !== event.id) return model;
      // Who has seen an end since comes back only by asking.
      if (isOver(model, event.run) || model.endSeen !== null) return { ...model, join: null };
      return { ...model, join: null, joinedRun: event.run, inside: true };
    case "join-refused": {
      if (model.join?.id !== event.id) return model;
      if (!saysTheSame(model.join.asOf, model.session)) return { ...model, join: null };
      const startsByHand = event.code === "not-started" && model.session?.status === "waiting";
      return { ...model, join: { ...model.join, refused: true }, startsByHand };
    }
    case "started":
      return isOver(model, event.run) ? model : { ...model, wish: "in", endSeen: null };
    case "line-lost":
      return {
        ...model,
        connection: model.me === null ? "connecting" : "reconnecting",
        join: null,
        joinedRun: null,
      };
    case "failed":
      return { ...model, connection: "closed", ...OUTSIDE, error: event.error };
    case "closed":
      return { ...model, connection: "closed", ...OUTSIDE };
  }
};

const isHost = ({ me }: RoomModel): boolean => me?.role === "host";

/** Whether it is time to send `join`. A host does so in a waiting room too: that may start it. */
export const shouldJoin = (model: RoomModel): boolean => {
  const { session, joinedRun } = model;
  if (model.connection !== "online" || model.wish !== "in" || model.endSeen !== null || model.join !== null) {
    return false;
  }
  if (session?.status === "live") return joinedRun !== session.run;
  return session?.status === "waiting" && isHost(model) && joinedRun === null;
};

export const screenOf = (model: RoomModel): Screen => {
  const { session, wish, endSeen, error } = model;
  if (error !== null) return { name: "failed", error };
  if (session === null) return { name: "connecting" };
  if (session.status === "ended") {
    return { name: "ended", end: session.ended, canStart: isHost(model), canRejoin: false };
  }
  // Before "left": whoever stands on the ended screen stays there, with a way back in.
  if (endSeen !== null) return { name: "ended", end: endSeen, canStart: false, canRejoin: true };
  if (wish === "left") return { name: "left" };
  if (session.status === "waiting") return { name: "waiting", canStart: isHost(model) && model.startsByHand };
  return model.inside ? { name: "joined", run: session.run } : { name: "connecting" };
};
