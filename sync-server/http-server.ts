/** The HTTP server under everything: its time limits, and an answer to what is not HTTP at all. */
import { createServer } from "node:http";
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

/** Longest time for the headers of a request to arrive, in ms. */
const HEADERS_TIMEOUT_MS = 10_000;
/** Longest time for a whole request to arrive, in ms; ends slow bodies. */
const REQUEST_TIMEOUT_MS = 30_000;
/** How often node:http looks for requests that are over their time, in ms. */
const TIMEOUT_CHECK_MS = 5_000;
/** Largest request line and headers together, in bytes: room for a token of the greatest length. */
const HEADERS_MAX_BYTES = 16 * 1024;

const explain = (code: string | undefined): Reply => {
  switch (code) {
    case "HPE_HEADER_OVERFLOW":
      return problem("headers-too-large", `The headers are larger than ${HEADERS_MAX_BYTES} bytes, which is fixed.`);
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return problem("request-timeout", `The request did not arrive within ${REQUEST_TIMEOUT_MS / 1000} s.`);
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

/** A server with the limits above; the caller adds the `upgrade` listener and lets it listen. */
export const createHttpServer = (handler: (req: IncomingMessage, res: ServerResponse) => void): Server => {
  const server = createServer(
    {
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      connectionsCheckingInterval: TIMEOUT_CHECK_MS,
      maxHeaderSize: HEADERS_MAX_BYTES,
    },
    handler,
  );
  server.on("clientError", (error: NodeJS.ErrnoException, socket) => {
    if (error.code === "ECONNRESET" || !socket.writable) socket.destroy();
    else socket.end(asText(explain(error.code)));
  });
  return server;
};
