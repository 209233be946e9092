/**
 * What a person should see: one pure function of what happened so far. It knows no socket, document
 * or clock; the room client feeds it and does what `shouldJoin` says. Nobody else decides a screen.
 */
import type { Identity, RefusalCode } from "../protocol/protocol.ts";
import type { Connection, RoomError, Screen } from "./room-state.ts";
import { jsonEqual } from "./json-equal.ts";
import type { Session, SessionEnd } from "../session/session.ts";

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

/** Something that has happened: what it makes of the model. */
export type RoomEvent = (model: RoomModel) => RoomModel;

/** Whether a run is over as far as this page knows: an answer that speaks of it comes too late. */
const isOver = ({ session }: RoomModel, run: number): boolean => session?.status === "ended" && session.run >= run;

/** The person wants in: for the first time or again. */
export const joinRequested: RoomEvent = (model) => ({ ...model, wish: "in", endSeen: null });

export const left: RoomEvent = (model) => ({ ...model, ...OUTSIDE, wish: "left" });

/** The relay has said who the person is. */
export const welcomed =
  (me: Identity): RoomEvent =>
  (model) => ({ ...model, me, connection: "online" });

export const sessionRead =
  (session: Session | null): RoomEvent =>
  (model) => {
    if (jsonEqual(model.session, session)) return model;
    const next = { ...model, session, join: model.join?.refused === true ? null : model.join, startsByHand: false };
    if (session === null || session.status === "live") return next;
    // A relay that lost its store waits again, and nobody has seen the end of what now comes.
    const endSeen = session.status === "ended" ? session.ended : null;
    return { ...next, joinedRun: null, inside: false, endSeen };
  };

export const joinSent =
  (id: number): RoomEvent =>
  (model) =>
    model.session === null ? model : { ...model, join: { id, asOf: model.session, refused: false } };

export const joinAccepted =
  (id: number, run: number): RoomEvent =>
  (model) => {
    if (model.join?.id !== id) return model;
    // Who has seen an end since comes back only by asking.
    if (isOver(model, run) || model.endSeen !== null) return { ...model, join: null };
    return { ...model, join: null, joinedRun: run, inside: true };
  };

export const joinRefused =
  (id: number, code: RefusalCode): RoomEvent =>
  (model) => {
    if (model.join?.id !== id) return model;
    if (!jsonEqual(model.join.asOf, model.session)) return { ...model, join: null };
    const startsByHand = code === "not-started" && model.session?.status === "waiting";
    return { ...model, join: { ...model.join, refused: true }, startsByHand };
  };

/** The person's Start was answered; `run` is the present one. */
export const started =
  (run: number): RoomEvent =>
  (model) =>
    isOver(model, run) ? model : joinRequested(model);

export const connectionLost: RoomEvent = (model) => ({
  ...model,
  connection: model.me === null ? "connecting" : "reconnecting",
  join: null,
  joinedRun: null,
});

export const closed: RoomEvent = (model) => ({ ...model, ...OUTSIDE, connection: "closed" });

/** For good. */
export const failed =
  (error: RoomError): RoomEvent =>
  (model) => ({ ...closed(model), error });

/** After the end of everything nothing happens any more. */
export const reduceRoom = (model: RoomModel, event: RoomEvent): RoomModel =>
  model.connection === "closed" ? model : event(model);

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
