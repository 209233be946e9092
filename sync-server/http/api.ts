/**
 * The HTTP side of the relay (docs/SPEC.md, part H): the calls that make, show, start and end rooms,
 * the health checks and, for all other addresses, the files of the example page.
 */
import { randomInt } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import type { Logger } from "pino";
import type { Clock } from "../../src/clock.ts";
import { isRoomName } from "../../src/protocol/protocol.ts";
import type { Role } from "../../src/session/session.ts";
import type { RelayConfig } from "../config/config.ts";
import { createAccess } from "./access.ts";
import { hostAbsenceField, readFields, ROOM_NAME_RULE, roomField, runField, startField } from "./body.ts";
import { json, pass, problem, refuse } from "./problem.ts";
import type { Reply, Step } from "./problem.ts";
import type { RoomService } from "../room/room-service.ts";
import { createStaticFiles } from "./static-files.ts";
import type { Tokens } from "../auth/tokens.ts";

export type HttpContext = {
  readonly config: RelayConfig;
  readonly rooms: RoomService;
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "wallNow">;
  readonly logger: Pick<Logger, "error">;
  /** Folder of the built example page; `null` if there is none. */
  readonly webRoot: string | null;
  /** Whether only this machine can reach the relay; asked per call, since the address is known once it listens. */
  readonly listensOnLoopback: () => boolean;
  /** Address of the relay without a slash at the end, for links when no public one is configured. */
  readonly baseUrl: () => string;
  readonly isReady: () => boolean;
};

type Method = "GET" | "POST";
type Endpoint = Partial<Record<Method, (req: IncomingMessage) => Promise<Reply>>>;

/** Letters and digits that nobody mistakes for one another when a name is read out. */
const NAME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
/** 31^10 names, about 2^49: too many to guess, and two alike are not to be expected. */
const RANDOM_NAME_CHARS = 10;

const randomRoomName = (): string =>
  Array.from({ length: RANDOM_NAME_CHARS }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join("");

/** The path of a request line as it was sent: percent-encoded, without the query (which may hold a token). */
const rawPathOf = (req: IncomingMessage): string => req.url!.split("?", 1)[0]!;

const allowOf = (endpoint: Endpoint): string =>
  [...Object.keys(endpoint).flatMap((method) => (method === "GET" ? ["GET", "HEAD"] : [method])), "OPTIONS"].join(", ");

const decodeRoom = (encoded: string): Step<string> => {
  let room: string;
  try {
    room = decodeURIComponent(encoded);
  } catch {
    return refuse("bad-path", "The room's name is not percent-encoded UTF-8.");
  }
  return isRoomName(room) ? pass(room) : refuse("bad-room-name", `The name of a room is ${ROOM_NAME_RULE}.`);
};

export const createHttpHandler = ({
  config,
  rooms,
  tokens,
  clock,
  logger,
  webRoot,
  listensOnLoopback,
  baseUrl,
  isReady,
}: HttpContext): ((req: IncomingMessage, res: ServerResponse) => void) => {
  const { allowedOrigins, limits } = config;
  const ownUrl = () => config.publicUrl ?? baseUrl();
  const access = createAccess({ adminKey: config.adminKey, allowedOrigins, tokens, ownUrl, listensOnLoopback });
  const staticFile = createStaticFiles(webRoot);

  const noSuchRoom = () => problem("no-such-room", "There is no room of this name. POST /v1/rooms makes one.");

  const createRoom = async (req: IncomingMessage): Promise<Reply> => {
    const allowed = access.mayCreateRooms(req.headers);
    if (!allowed.ok) return allowed.reply;
    const fields = await readFields(req, limits.bodyBytes);
    if (!fields.ok) return fields.reply;
    const name = roomField(fields.value);
    if (!name.ok) return name.reply;
    const hostAbsence = hostAbsenceField(fields.value);
    if (!hostAbsence.ok) return hostAbsence.reply;
    const start = startField(fields.value);
    if (!start.ok) return start.reply;

    const room = name.value ?? randomRoomName();
    // The tokens come first: a room whose tokens could not be made would be of no use to anybody.
    const expiresAt = clock.wallNow() + config.tokenTtlMs;
    const invitation = (role: Role) => tokens.sign({ room, role, expiresAt });
    const [hostToken, participantToken] = await Promise.all([invitation("host"), invitation("participant")]);
    const made = await rooms.create(room, { start: start.value ?? "auto", hostAbsenceMs: hostAbsence.value ?? null });
    if (made === null)
      return problem("room-exists", "A room of this name exists. Choose another name, or leave it out.");
    const encoded = encodeURIComponent(room);
    const link = (token: string) => `${ownUrl()}/?room=${encoded}#token=${token}`;
    return json(
      201,
      { room, hostToken, participantToken, hostUrl: link(hostToken), inviteUrl: link(participantToken) },
      { Location: `/v1/rooms/${encoded}` },
    );
  };

  const showRoom = async (req: IncomingMessage, room: string): Promise<Reply> => {
    const caller = await access.callerOf(req.headers, room);
    if (!caller.ok) return caller.reply;
    const found = await rooms.describe(room);
    return found === null ? noSuchRoom() : json(200, found);
  };

  const command = async (req: IncomingMessage, room: string, action: "start" | "end"): Promise<Reply> => {
    const caller = await access.callerOf(req.headers, room);
    if (!caller.ok) return caller.reply;
    const fields = await readFields(req, limits.bodyBytes);
    if (!fields.ok) return fields.reply;
    const run = runField(fields.value);
    if (!run.ok) return run.reply;
    const by = caller.value;
    const outcome =
      action === "start"
        ? await rooms.start(room, run.value)
        : by.kind === "admin"
          ? await rooms.end(room, run.value, "admin", null)
          : await rooms.end(room, run.value, "host-ended", by.person);
    if (outcome === null) return noSuchRoom();
    if (outcome === "unknown-run") {
      return problem(
        "unknown-run",
        `The room has not reached run ${run.value}; GET /v1/rooms/:room shows the present one.`,
      );
    }
    return json(200, outcome);
  };

  const live: Endpoint = { GET: async () => json(200, { status: "live" }) };
  const ready: Endpoint = {
    GET: async () =>
      isReady()
        ? json(200, { status: "ready" })
        : problem("not-ready", "The relay is starting or stopping.", { "Retry-After": "1" }),
  };

  const noSuchCall = (): Step<never> =>
    refuse("not-found", "The calls are /v1/rooms, /v1/rooms/:room, /v1/rooms/:room/start and /v1/rooms/:room/end.");

  const findRoomCall = (path: string): Step<Endpoint> => {
    const [, , collection, encoded, action, ...rest] = path.split("/");
    if (collection !== "rooms" || encoded === "" || rest.length > 0) return noSuchCall();
    if (encoded === undefined) return pass({ POST: createRoom });
    if (action !== undefined && action !== "start" && action !== "end") return noSuchCall();
    const decoded = decodeRoom(encoded);
    if (!decoded.ok) return decoded;
    const room = decoded.value;
    if (action === undefined) return pass({ GET: (req) => showRoom(req, room) });
    return pass({ POST: (req) => command(req, room, action) });
  };

  const callEndpoint = async (req: IncomingMessage, endpoint: Endpoint): Promise<Reply> => {
    const method = req.method === "HEAD" ? "GET" : req.method;
    if (method === "OPTIONS") return { status: 204, headers: { Allow: allowOf(endpoint) }, body: null };
    const run = method === "GET" || method === "POST" ? endpoint[method] : undefined;
    if (run === undefined) {
      const allow = allowOf(endpoint);
      return problem("method-not-allowed", `This address answers ${allow}.`, { Allow: allow });
    }
    return run(req);
  };

  /** What lets pages of the allowed origins read an answer, and ask for leave beforehand. */
  const corsHeaders = (req: IncomingMessage): Record<string, string> => {
    if (allowedOrigins === null) return {};
    const { origin } = req.headers;
    if (origin === undefined || !allowedOrigins.includes(origin)) return { Vary: "Origin" };
    return {
      Vary: "Origin",
      "Access-Control-Allow-Origin": origin,
      "Access-Control-Expose-Headers": "Location, WWW-Authenticate",
      ...(req.method === "OPTIONS" && {
        "Access-Control-Allow-Methods": "GET, HEAD, POST",
        "Access-Control-Allow-Headers": "Authorization, Content-Type",
        "Access-Control-Max-Age": "600",
      }),
    };
  };

  const asApi = (req: IncomingMessage, reply: Reply): Reply => ({
    ...reply,
    headers: { ...reply.headers, ...corsHeaders(req), "Cache-Control": "no-store" },
  });

  const answerRoomCall = async (req: IncomingMessage, path: string): Promise<Reply> => {
    const call = findRoomCall(path);
    if (!call.ok) return call.reply;
    const page = access.pageMayCall(req.headers);
    return page.ok || req.method === "OPTIONS" ? callEndpoint(req, call.value) : page.reply;
  };

  const answer = async (req: IncomingMessage): Promise<Reply> => {
    const path = rawPathOf(req);
    if (!path.startsWith("/")) return problem("bad-path", "The request must name a path that begins with a slash.");
    if (path === "/livez") return asApi(req, await callEndpoint(req, live));
    if (path === "/readyz") return asApi(req, await callEndpoint(req, ready));
    if (path === "/v1" || path.startsWith("/v1/")) return asApi(req, await answerRoomCall(req, path));
    return staticFile(req, path);
  };

  const respond = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    let reply: Reply;
    try {
      reply = await answer(req);
    } catch (error) {
      // A client that hangs up in the middle of its body is nobody's fault and gets no answer.
      if (req.destroyed && !req.complete) return;
      logger.error({ err: error, method: req.method, path: rawPathOf(req) }, "an HTTP call failed");
      reply = asApi(req, problem("internal", "The relay could not do this; its log says why."));
    }
    const { status, headers, body } = reply;
    res.writeHead(status, {
      "X-Content-Type-Options": "nosniff",
      ...(typeof body === "string" && { "Content-Length": String(Buffer.byteLength(body)) }),
      ...headers,
    });
    // node:http itself leaves out the body of an answer to HEAD.
    if (body === null || typeof body === "string") res.end(body);
    // Gone while the file was being opened: `pipeline` would throw, and leave the file open.
    else if (res.destroyed) body.destroy();
    else await pipeline(body, res);
  };

  return (req, res) => {
    respond(req, res).catch((error: unknown) => {
      // The answer has begun, so there is nothing left to say. That a client goes away in the middle of a file is normal.
      if ((error as NodeJS.ErrnoException).code !== "ERR_STREAM_PREMATURE_CLOSE") {
        logger.error({ err: error, method: req.method, path: rawPathOf(req) }, "an HTTP answer broke off");
      }
      res.destroy();
    });
  };
};
