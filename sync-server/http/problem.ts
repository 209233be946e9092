/**
 * The answers to HTTP calls, and the list of everything that can be wrong with a call: problem details
 * (RFC 9457), one code each. `type` is `urn:session-room:problem:<code>`: stable, for programs to
 * compare, and not an address to fetch. `detail` is for people and may change.
 */
import type { Readable } from "node:stream";

export type Reply = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** `null`: no body. */
  readonly body: string | Readable | null;
};

/** The result of one step of a call: a value, or the answer that ends the call. */
export type Step<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reply: Reply };

export const PROBLEM_TYPE_PREFIX = "urn:session-room:problem:";

const PROBLEMS = {
  "bad-request": { status: 400, title: "The request is not valid HTTP" },
  "bad-path": { status: 400, title: "The address is malformed" },
  "bad-room-name": { status: 400, title: "Not a room name" },
  "bad-json": { status: 400, title: "The body is not a JSON object" },
  "bad-field": { status: 400, title: "A field of the body is not valid" },
  unauthorized: { status: 401, title: "Not authorized" },
  /** Without a key, rooms can be made only from the relay's own machine. */
  "admin-key-needed": { status: 403, title: "The server needs an admin key for this" },
  "origin-not-allowed": { status: 403, title: "Pages of this origin may not call the server" },
  "not-a-host": { status: 403, title: "Only hosts may do this" },
  "wrong-room": { status: 403, title: "The token is for another room" },
  "no-such-room": { status: 404, title: "No such room" },
  "not-found": { status: 404, title: "Nothing is here" },
  "method-not-allowed": { status: 405, title: "Method not allowed" },
  "request-timeout": { status: 408, title: "The request took too long" },
  "room-exists": { status: 409, title: "The room exists" },
  /** The call names a run that the room has not reached. */
  "unknown-run": { status: 409, title: "No such run" },
  "precondition-failed": { status: 412, title: "The file has changed" },
  "body-too-large": { status: 413, title: "The body is too large" },
  "not-json": { status: 415, title: "The body must be JSON" },
  "headers-too-large": { status: 431, title: "The headers are too large" },
  internal: { status: 500, title: "The server failed" },
  "not-ready": { status: 503, title: "The server is not ready" },
  /** More connections without a valid token than are allowed. */
  overloaded: { status: 503, title: "The server has too many connections" },
} as const satisfies Record<string, { status: number; title: string }>;

export type ProblemCode = keyof typeof PROBLEMS;

/** Problem details; `detail` says in a sentence or two what is wrong and how to fix it, and never contains a token. */
export const problem = (code: ProblemCode, detail: string, headers: Record<string, string> = {}): Reply => {
  const { status, title } = PROBLEMS[code];
  return {
    status,
    headers: { "Content-Type": "application/problem+json", ...headers },
    body: JSON.stringify({ type: PROBLEM_TYPE_PREFIX + code, title, status, detail }),
  };
};

/** Ends a call with a problem. */
export const refuse = (
  code: ProblemCode,
  detail: string,
  headers?: Record<string, string>,
): { readonly ok: false; readonly reply: Reply } => ({ ok: false, reply: problem(code, detail, headers) });

export const pass = <T>(value: T): { readonly ok: true; readonly value: T } => ({ ok: true, value });

export const json = (status: number, value: unknown, headers: Record<string, string> = {}): Reply => ({
  status,
  headers: { "Content-Type": "application/json", ...headers },
  body: JSON.stringify(value),
});
