/**
 * The health checks `/livez` and `/readyz` (docs/SPEC.md, H4). A flood of unauthenticated connections gets their
 * answers too (N6), so plain ones are answered without hono, which takes most of the time of such a request.
 */
import type { IncomingMessage } from "node:http";
import { json, problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

const LIVE = json(200, { status: "live" });
const READY = json(200, { status: "ready" });
const NOT_READY = problem("not-ready", "The server is starting or stopping.", { "Retry-After": "1" });

export const livez = (): Reply => LIVE;
export const readyz = (isReady: boolean): Reply => (isReady ? READY : NOT_READY);

/** The path of a health check, without the query; `null` for any other request. */
export const healthCheckOf = ({ method, url = "" }: IncomingMessage): "/livez" | "/readyz" | null => {
  if (method !== "GET" && method !== "HEAD") return null;
  const [path] = url.split("?", 1);
  return path === "/livez" || path === "/readyz" ? path : null;
};

/** Host names and IPv4 addresses with or without a port. */
const USUAL_HOST = /^[\w.-]+(?::\d{1,5})?$/;

/** Whether hono has nothing to add: no CORS headers for a page, and no refusal of an invalid `Host`. */
export const isPlain = ({ headers }: IncomingMessage): boolean =>
  headers.origin === undefined && USUAL_HOST.test(headers.host ?? "");
