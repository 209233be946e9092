/**
 * The HTTP API as a table of addresses (docs/SPEC.md, part H), routed by hono: the calls about rooms and
 * the health checks, CORS for pages of the allowed origins, and a problem for everything else.
 */
import type { IncomingMessage, ServerResponse } from "node:http";
import { getRequestListener } from "@hono/node-server";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import type { Context } from "hono";
import { cors } from "hono/cors";
import type { Logger } from "pino";
import { isRoomName } from "../../src/protocol/protocol.ts";
import type { Access } from "./access.ts";
import { ROOM_NAME_RULE } from "./body.ts";
import { livez, readyz } from "./health.ts";
import { pass, problem, refuse } from "./problem.ts";
import type { Reply, Step } from "./problem.ts";
import type { RoomCalls } from "./room-calls.ts";

export type ApiOptions = {
  readonly calls: RoomCalls;
  readonly access: Access;
  /** Origins whose pages may read the answers; `null`: no CORS headers are sent. */
  readonly allowedOrigins: readonly string[] | null;
  readonly logger: Pick<Logger, "error">;
  readonly isReady: () => boolean;
};

type Api = Hono<{ Bindings: HttpBindings }>;
type Call = (c: Context<{ Bindings: HttpBindings }>) => Promise<Reply>;
type Endpoint = { readonly [method in "GET" | "POST"]?: Call };

/** The path of a request as it was sent: percent-encoded, without the query (which may hold a token). */
export const rawPathOf = (req: IncomingMessage): string => req.url!.split("?", 1)[0]!;

/** Whether an address is one of the API; all others are files. */
export const isApiPath = (path: string): boolean => /^\/(?:livez|readyz|v1)(?:\/|$)/.test(path);

const allowOf = (endpoint: Endpoint): string =>
  [...Object.keys(endpoint).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");

/** Not `c.req.param`, which passes malformed percent-encoding on as it is. */
const roomOf = (path: string): Step<string> => {
  let room: string;
  try {
    room = decodeURIComponent(path.split("/")[3]!);
  } catch {
    return refuse("bad-path", "The room's name is not percent-encoded UTF-8.");
  }
  return isRoomName(room) ? pass(room) : refuse("bad-room-name", `The name of a room is ${ROOM_NAME_RULE}.`);
};

/** A call about the room that the address names. */
const inRoom =
  (call: (req: IncomingMessage, room: string) => Promise<Reply>): Call =>
  async (c) => {
    const room = roomOf(c.req.path);
    return room.ok ? call(c.env.incoming, room.value) : room.reply;
  };

const toResponse = ({ status, headers, body }: Reply): Response =>
  new Response(body as string | null, {
    status,
    headers: {
      ...headers,
      // Explicit, since hono drops the body of an answer to HEAD, and its length with it.
      ...(body !== null && { "Content-Length": String(Buffer.byteLength(body as string)) }),
      "X-Content-Type-Options": "nosniff",
      "Cache-Control": "no-store",
    },
  });

/** Routes an address; every method that it does not have is answered with 405. */
const addEndpoint = (app: Api, path: string, endpoint: Endpoint): void => {
  const allow = allowOf(endpoint);
  app.options(path, (c) => c.body(null, 204));
  for (const [method, call] of Object.entries(endpoint)) app.on(method, path, async (c) => toResponse(await call(c)));
  app.all(path, () => toResponse(problem("method-not-allowed", `This address answers ${allow}.`, { Allow: allow })));
};

export const createApi = ({
  calls,
  access,
  allowedOrigins,
  logger,
  isReady,
}: ApiOptions): ((req: IncomingMessage, res: ServerResponse) => Promise<void>) => {
  const endpoints: Readonly<Record<string, Endpoint>> = {
    "/livez": { GET: async () => livez() },
    "/readyz": { GET: async () => readyz(isReady()) },
    "/v1/rooms": { POST: (c) => calls.create(c.env.incoming) },
    "/v1/rooms/:room": { GET: inRoom(calls.show) },
    "/v1/rooms/:room/start": { POST: inRoom(calls.start) },
    "/v1/rooms/:room/end": { POST: inRoom(calls.end) },
  };

  // The path as it was sent: by default hono decodes it and resolves `..` in it before it looks for a route.
  const app: Api = new Hono({ getPath: (_, c) => rawPathOf(c!.env!.incoming) });

  // Before CORS, which answers a preflight itself.
  for (const [path, endpoint] of Object.entries(endpoints)) {
    app.options(path, (c, next) => (c.header("Allow", allowOf(endpoint)), next()));
  }
  if (allowedOrigins !== null) {
    app.use(
      cors({
        origin: [...allowedOrigins],
        allowMethods: ["GET", "HEAD", "POST"],
        allowHeaders: ["Authorization", "Content-Type"],
        exposeHeaders: ["Location", "WWW-Authenticate"],
        maxAge: 600,
      }),
    );
  }
  app.use("/v1/*", async (c, next) => {
    const page = access.pageMayCall(c.env.incoming.headers);
    return page.ok ? next() : toResponse(page.reply);
  });
  for (const [path, endpoint] of Object.entries(endpoints)) addEndpoint(app, path, endpoint);

  app.notFound(() =>
    toResponse(
      problem("not-found", "The calls are /v1/rooms, /v1/rooms/:room, /v1/rooms/:room/start and /v1/rooms/:room/end."),
    ),
  );
  app.onError((error, c) => {
    const { incoming } = c.env;
    // The client disconnected before its body was complete: not an error, and nobody is left to answer.
    if (incoming.destroyed && !incoming.complete) return RESPONSE_ALREADY_SENT;
    logger.error({ err: error, method: incoming.method, path: rawPathOf(incoming) }, "an HTTP call failed");
    return toResponse(problem("internal", "The server could not do this; its log says why."));
  });

  return getRequestListener((request, env) => app.fetch(request, env), {
    // HTTP/1.0 has no Host header, and nothing here reads the URL that it becomes a part of.
    hostname: "localhost",
    // The relay may run inside another program, whose Request and Response are not to be replaced.
    overrideGlobalObjects: false,
    // What remains of a body is read and thrown away by node:http, within the request's time limit.
    autoCleanupIncoming: false,
    errorHandler: () =>
      toResponse(problem("bad-request", "The address or the Host header of the request is not valid.")),
  }) as (req: IncomingMessage, res: ServerResponse) => Promise<void>;
};
