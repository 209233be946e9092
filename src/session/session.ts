/**
 * The session in the shared document: its types, and a reader that trusts nothing. Only the relay writes it
 * (docs/SPEC.md, S1); everybody else reads it with `readSession`.
 */
import type * as Y from "yjs";

/** Name of the root `Y.Map` that holds the session. */
export const SESSION_ROOT = "session";

/** Why a run ended. Later versions may add reasons, so readers keep unknown ones. */
export type EndReason = "host-ended" | "host-absent" | "admin" | (string & {});

export type Role = "host" | "participant";

/** A person as named in the session record. */
export type PersonRef = { readonly id: string; readonly name: string };

/** How a run ended: when (ms since the epoch), why, and who did it (`null`: nobody in person). */
export type SessionEnd = {
  readonly at: number;
  readonly reason: EndReason;
  readonly by: PersonRef | null;
};

export type WaitingSession = { readonly status: "waiting"; readonly run: 0 };
export type LiveSession = {
  readonly status: "live";
  /** 1 for the first run of the room, and so on. */
  readonly run: number;
  /** Start of this run, ms since the epoch. */
  readonly startedAt: number;
};
export type EndedSession = {
  readonly status: "ended";
  readonly run: number;
  readonly startedAt: number;
  readonly ended: SessionEnd;
};
export type Session = WaitingSession | LiveSession | EndedSession;

export const WAITING: WaitingSession = { status: "waiting", run: 0 };

/** The values of the ledger's keys (docs/SPEC.md, S2). */
export type SessionRecord = {
  readonly run: number;
  readonly startedAt?: number;
  readonly ended: SessionEnd | null;
};

export const toRecord = (session: Session): SessionRecord => {
  switch (session.status) {
    case "waiting":
      return { run: 0, ended: null };
    case "live":
      return { run: session.run, startedAt: session.startedAt, ended: null };
    case "ended":
      return { run: session.run, startedAt: session.startedAt, ended: session.ended };
  }
};

/** The properties of an untrusted value; none if it is not an object. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const isTime = (value: unknown): value is number => Number.isFinite(value);

const readPerson = (value: unknown): PersonRef | null | undefined => {
  if (value === null) return null;
  const { id, name } = fieldsOf(value);
  return typeof id === "string" && typeof name === "string" ? { id, name } : undefined;
};

const readEnd = (value: unknown): SessionEnd | undefined => {
  const { at, reason, by } = fieldsOf(value);
  const person = readPerson(by);
  if (!isTime(at) || typeof reason !== "string" || reason === "" || person === undefined) return undefined;
  return { at, reason, by: person };
};

/**
 * Reads a session from the values of the map `session`.
 *
 * @returns `null` when the map is empty ("not yet received") or breaks S2, for instance because only half of
 * it has arrived.
 */
export const parseSession = (get: (key: string) => unknown): Session | null => {
  const run = get("run");
  const ended = get("ended");
  if (!isCount(run) || ended === undefined) return null;
  if (run === 0) return ended === null ? WAITING : null;
  const startedAt = get("startedAt");
  if (!isTime(startedAt)) return null;
  if (ended === null) return { status: "live", run, startedAt };
  const end = readEnd(ended);
  return end === undefined ? null : { status: "ended", run, startedAt, ended: end };
};

/** Reads the session from a document; see `parseSession`. @throws if the root `session` is of another type. */
export const readSession = (doc: Y.Doc): Session | null => {
  const map = doc.getMap<unknown>(SESSION_ROOT);
  return parseSession((key) => map.get(key));
};
