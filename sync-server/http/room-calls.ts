/** What the HTTP calls about rooms do (docs/SPEC.md, H1 to H3): make a room, show it, start and end it. */
import { randomInt } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Clock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import type { Tokens } from "../auth/tokens.ts";
import type { RelayConfig } from "../config/config.ts";
import type { RoomService } from "../room/room-service.ts";
import type { Access } from "./access.ts";
import { hostAbsenceField, readFields, roomField, runField, startField } from "./body.ts";
import { json, problem } from "./problem.ts";
import type { Reply } from "./problem.ts";

export type RoomCallsOptions = {
  readonly config: Pick<RelayConfig, "tokenTtlMs" | "limits">;
  readonly rooms: RoomService;
  readonly tokens: Tokens;
  readonly clock: Pick<Clock, "wallNow">;
  readonly access: Access;
  /** Whether a PROXY header names another client than the peer of the connection. */
  readonly isProxied: (req: IncomingMessage) => boolean;
  /** The relay's public address without a slash at the end. */
  readonly ownUrl: () => string;
};

export type RoomCalls = {
  create(req: IncomingMessage): Promise<Reply>;
  show(req: IncomingMessage, room: string): Promise<Reply>;
  start(req: IncomingMessage, room: string): Promise<Reply>;
  end(req: IncomingMessage, room: string): Promise<Reply>;
};

/** Letters and digits that cannot be mistaken for one another when a name is read out. */
const NAME_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789";
/** 31^10 names, about 2^49: too many to guess, and no two are expected to be equal. */
const RANDOM_NAME_CHARS = 10;

const randomRoomName = (): string =>
  Array.from({ length: RANDOM_NAME_CHARS }, () => NAME_ALPHABET[randomInt(NAME_ALPHABET.length)]).join("");

const noSuchRoom = (): Reply => problem("no-such-room", "There is no room of this name. POST /v1/rooms makes one.");

export const createRoomCalls = ({
  config,
  rooms,
  tokens,
  clock,
  access,
  isProxied,
  ownUrl,
}: RoomCallsOptions): RoomCalls => {
  const bodyBytes = config.limits.bodyBytes;

  const change = async (req: IncomingMessage, room: string, action: "start" | "end"): Promise<Reply> => {
    const caller = await access.callerOf(req.headers, room);
    if (!caller.ok) return caller.reply;
    const fields = await readFields(req, bodyBytes);
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

  return {
    create: async (req) => {
      const allowed = access.mayCreateRooms(req.headers, isProxied(req));
      if (!allowed.ok) return allowed.reply;
      const fields = await readFields(req, bodyBytes);
      if (!fields.ok) return fields.reply;
      const name = roomField(fields.value);
      if (!name.ok) return name.reply;
      const hostAbsence = hostAbsenceField(fields.value);
      if (!hostAbsence.ok) return hostAbsence.reply;
      const start = startField(fields.value);
      if (!start.ok) return start.reply;

      const room = name.value ?? randomRoomName();
      // The tokens are signed first: a room without tokens would be useless.
      const expiresAt = clock.wallNow() + config.tokenTtlMs;
      const invitation = (role: Role) => tokens.sign({ room, role, expiresAt });
      const [hostToken, participantToken] = await Promise.all([invitation("host"), invitation("participant")]);
      const made = await rooms.create(room, { start: start.value ?? "auto", hostAbsenceMs: hostAbsence.value ?? null });
      if (made === null) {
        return problem("room-exists", "A room of this name exists. Choose another name, or leave it out.");
      }
      const encoded = encodeURIComponent(room);
      const link = (token: string) => `${ownUrl()}/?room=${encoded}#token=${token}`;
      return json(
        201,
        { room, hostToken, participantToken, hostUrl: link(hostToken), inviteUrl: link(participantToken) },
        { Location: `/v1/rooms/${encoded}` },
      );
    },

    show: async (req, room) => {
      const caller = await access.callerOf(req.headers, room);
      if (!caller.ok) return caller.reply;
      const found = await rooms.describe(room);
      return found === null ? noSuchRoom() : json(200, found);
    },

    start: (req, room) => change(req, room, "start"),
    end: (req, room) => change(req, room, "end"),
  };
};
