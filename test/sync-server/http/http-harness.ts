/** A real HTTP server with the real handler, and a RoomService that only records its calls. */
import { request } from "node:http";
import type { IncomingHttpHeaders, OutgoingHttpHeaders, Server } from "node:http";
import type { AddressInfo } from "node:net";
import { manualClock } from "../../manual-clock.ts";
import type { RelayConfig } from "../../../sync-server/config/config.ts";
import { createHttpHandler } from "../../../sync-server/http/handler.ts";
import type { HttpContext } from "../../../sync-server/http/handler.ts";
import { createHttpServer } from "../../../sync-server/http/server.ts";
import { DEFAULT_LIMITS } from "../../../sync-server/config/limits.ts";
import type { RoomDescription, RoomService } from "../../../sync-server/room/room-service.ts";
import { createTokens } from "../../../sync-server/auth/tokens.ts";

export const SECRET = "a secret of thirty-two characters";

const CONFIG: RelayConfig = {
  port: 0,
  host: "127.0.0.1",
  dataDir: "unused",
  hostAbsenceMs: 900_000,
  restartGraceMs: 30_000,
  tokenTtlMs: 30 * 24 * 60 * 60 * 1000,
  publicUrl: null,
  tokenSecret: SECRET,
  tokenJwksUrl: null,
  adminKey: null,
  allowedOrigins: null,
  trustedProxies: [],
  store: "memory",
  logLevel: "silent",
  limits: DEFAULT_LIMITS,
};

/** Rooms in memory; `calls` holds every call with its arguments. */
export const stubRooms = () => {
  const rooms = new Map<string, RoomDescription>();
  const calls: unknown[][] = [];
  const change = (room: string, run: number | undefined, next: Partial<RoomDescription>) => {
    const found = rooms.get(room);
    if (found === undefined) return null;
    if (run !== undefined && run > found.run) return "unknown-run" as const;
    const changed = { ...found, ...next };
    rooms.set(room, changed);
    return changed;
  };
  const service: RoomService = {
    create: async (room, options) => {
      calls.push(["create", room, options]);
      if (rooms.has(room)) return null;
      const made: RoomDescription = {
        room,
        status: "waiting",
        run: 0,
        startedAt: null,
        ended: null,
        hosts: 0,
        participants: 0,
        absentSince: null,
        endsAt: null,
      };
      rooms.set(room, made);
      return made;
    },
    describe: async (room) => rooms.get(room) ?? null,
    start: async (room, run) => {
      calls.push(["start", room, run]);
      return change(room, run, { status: "live", run: 1, startedAt: 5 });
    },
    end: async (room, run, reason, by) => {
      calls.push(["end", room, run, reason, by]);
      return change(room, run, { status: "ended", ended: { at: 6, reason, by } });
    },
  };
  return { service, calls };
};

/** The fields of JSON answers that tests read one by one. */
type Fields = Record<"type" | "detail" | "room" | "hostToken" | "participantToken" | "hostUrl" | "inviteUrl", string>;

export type Answer = {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  readonly bytes: Buffer;
  /** The body as JSON. */
  json(): Fields;
};

export type Call = {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string | Buffer;
};

export const startHttp = async (config: Partial<RelayConfig> = {}, context: Partial<HttpContext> = {}) => {
  const clock = manualClock();
  const tokens = createTokens(SECRET, clock);
  const { service, calls } = stubRooms();
  const logged: unknown[] = [];
  let port = 0;
  const server: Server = createHttpServer(
    CONFIG.limits,
    createHttpHandler({
      config: { ...CONFIG, ...config },
      rooms: service,
      tokens,
      clock,
      logger: { error: (...line: unknown[]) => void logged.push(line) },
      webRoot: null,
      listensOnLoopback: () => true,
      isProxied: () => false,
      baseUrl: () => `http://127.0.0.1:${port}`,
      isReady: () => true,
      ...context,
    }),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;

  /** `path` is sent as it is: node:http does not normalize it as fetch does. */
  const call = (path: string, { method = "GET", headers = {}, body }: Call = {}): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const req = request({ host: "127.0.0.1", port, path, method, headers, agent: false }, (res) => {
        const chunks: Buffer[] = [];
        res.on("data", (chunk: Buffer) => chunks.push(chunk));
        res.on("error", reject);
        res.on("end", () => {
          const bytes = Buffer.concat(chunks);
          const text = bytes.toString();
          const json = () => JSON.parse(text) as Fields;
          resolve({ status: res.statusCode!, headers: res.headers, text, bytes, json });
        });
      });
      req.on("error", reject);
      req.end(body);
    });

  const post = (path: string, value?: unknown, headers: OutgoingHttpHeaders = {}): Promise<Answer> =>
    call(
      path,
      value === undefined
        ? { method: "POST", headers }
        : { method: "POST", headers: { "Content-Type": "application/json", ...headers }, body: JSON.stringify(value) },
    );

  return {
    port,
    clock,
    tokens,
    calls,
    logged,
    call,
    post,
    stop: async (): Promise<void> => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
};

export type Http = Awaited<ReturnType<typeof startHttp>>;

export const bearer = (token: string) => ({ Authorization: `Bearer ${token}` });
