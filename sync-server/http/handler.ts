/** What answers an HTTP request: the API at its own addresses, the files of the example page at all others. */
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Logger } from "pino";
import type { Clock } from "../../src/clock.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { RelayConfig } from "../config/config.ts";
import type { RoomService } from "../room/room-service.ts";
import { createAccess } from "./access.ts";
import { createApi, isApiPath, rawPathOf } from "./api.ts";
import { healthCheckOf, isPlain, livez, readyz } from "./health.ts";
import { problem } from "./problem.ts";
import type { Reply } from "./problem.ts";
import { createRoomCalls } from "./room-calls.ts";
import { createStaticFiles } from "./static-files.ts";

export type HttpContext = {
  readonly config: RelayConfig;
  readonly rooms: RoomService;
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "wallNow">;
  readonly logger: Pick<Logger, "error">;
  /** Folder of the built example page; `null` if there is none. */
  readonly webRoot: string | null;
  /** Whether only this machine can reach the relay; called for each request, since the address is known once it listens. */
  readonly listensOnLoopback: () => boolean;
  /** Whether a PROXY header names another client than the peer of the connection. */
  readonly isProxied: (req: IncomingMessage) => boolean;
  /** Address of the relay without a slash at the end, for links when no public one is configured. */
  readonly baseUrl: () => string;
  readonly isReady: () => boolean;
};

const write = async (res: ServerResponse, { status, headers, body }: Reply): Promise<void> => {
  res.writeHead(status, {
    "X-Content-Type-Options": "nosniff",
    ...(typeof body === "string" && { "Content-Length": String(Buffer.byteLength(body)) }),
    ...headers,
  });
  // node:http itself leaves out the body of an answer to HEAD.
  if (body === null || typeof body === "string") res.end(body);
  // Closed while the file was being opened: `pipeline` would throw, and leave the file open.
  else if (res.destroyed) body.destroy();
  else await pipeline(body, res);
};

export const createHttpHandler = ({
  config,
  rooms,
  tokens,
  clock,
  logger,
  webRoot,
  listensOnLoopback,
  isProxied,
  baseUrl,
  isReady,
}: HttpContext): ((req: IncomingMessage, res: ServerResponse) => void) => {
  const { adminKey, allowedOrigins } = config;
  const ownUrl = () => config.publicUrl ?? baseUrl();
  const access = createAccess({ adminKey, allowedOrigins, tokens, ownUrl, listensOnLoopback });
  const calls = createRoomCalls({ config, rooms, tokens, clock, access, isProxied, ownUrl });
  const api = createApi({ calls, access, allowedOrigins, logger, isReady });
  const staticFile = createStaticFiles(webRoot);

  const findFile = async (req: IncomingMessage, path: string): Promise<Reply> => {
    if (!path.startsWith("/")) return problem("bad-path", "The request must name a path that begins with a slash.");
    try {
      return await staticFile(req, path);
    } catch (error) {
      logger.error({ err: error, method: req.method, path }, "a file could not be read");
      return problem("internal", "The server could not do this; its log says why.");
    }
  };

  const answer = async (req: IncomingMessage, res: ServerResponse, path: string): Promise<void> => {
    const check = healthCheckOf(req);
    if (check !== null && isPlain(req)) {
      const { headers, ...reply } = check === "/livez" ? livez() : readyz(isReady());
      return write(res, { ...reply, headers: { ...headers, "Cache-Control": "no-store" } });
    }
    return isApiPath(path) ? api(req, res) : write(res, await findFile(req, path));
  };

  return (req, res) => {
    const path = rawPathOf(req);
    answer(req, res, path).catch((error: unknown) => {
      // The answer has begun, so no other can be sent. A client that disconnects during a download is no error.
      if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") {
        logger.error({ err: error, method: req.method, path }, "an HTTP answer was cut off");
      }
      res.destroy();
    });
  };
};
