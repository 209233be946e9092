/** The HTTP server: its time limits, and answers to requests that are not valid HTTP. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Limits } from "../config/limits.ts";
import { problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

/** Longest time for a whole request to arrive, in ms. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How often node:http checks the time limits of requests, in ms. */
const TIMEOUT_CHECK_MS = 5_000;

type HttpLimits = Pick<Limits, "headerBytes" | "unauthenticatedSeconds">;

const explain = (code: string | undefined, { headerBytes, unauthenticatedSeconds }: HttpLimits): Reply => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return problem("headers-too-large", `The headers are larger than ${headerBytes} bytes.`);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problem(
        "request-timeout",
        `The headers did not arrive within ${unauthenticatedSeconds} s, or the whole request within ${REQUEST_TIMEOUT_MS / 1_000} s.`,
      );
    default:
      return problem("bad-request", "The request does not follow HTTP/1.1.");
  }
};

const asText = ({ status, headers, body }: Reply): string =>
  [
    `HTTP/1.1 ${status} Error`,
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
    `Content-Length: ${Buffer.byteLength(body as string)}`,
    "Connection: close",
    "",
    body,
  ].join("\r\n");

/** A server with the limits above; the caller adds the `upgrade` listener and calls `listen`. */
export const createHttpServer = (
  limits: HttpLimits,
  handler: (req: IncomingMessage, res: ServerResponse) => void,
): Server => {
  const server = createServer(
    {
      headersTimeout: limits.unauthenticatedSeconds * 1_000,
      // Node requires this to be at least the time for the headers.
      requestTimeout: Math.max(REQUEST_TIMEOUT_MS, limits.unauthenticatedSeconds * 1_000),
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, limits.unauthenticatedSeconds * 1_000),
      maxHeaderSize: limits.headerBytes,
    },
    handler,
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end(asText(explain(error.code, limits)));
  });
  return server;
};
