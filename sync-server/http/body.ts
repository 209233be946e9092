/** Reads and validates the JSON object in the body of a call. */
import type { IncomingMessage } from "node:http";
import { HOST_ABSENCE_MAX_MS } from "../config/limits.ts";
import { isRoomName, ROOM_NAME_MAX_CHARS } from "../../src/protocol/protocol.ts";
import { pass, refuse } from "./problem.ts";
import type { Step } from "./problem.ts";

export type Fields = Readonly<Record<string, unknown>>;

const tooLarge = (limitBytes: number): Step<never> =>
  refuse("body-too-large", `The body is larger than ${limitBytes} bytes.`);

/**
 * Reads the whole body. A body above the limit is answered at once; node:http then discards the rest,
 * for as long as its request timeout allows, so that the client can read the answer.
 */
const readBytes = async (req: IncomingMessage, limitBytes: number): Promise<Step<Buffer>> => {
  if (Number(req.headers["content-length"] ?? 0) > limitBytes) return tooLarge(limitBytes);
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Not `for await`: leaving the loop early destroys the request and its socket.
  return new Promise((resolve, reject) => {
    req.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes > limitBytes) resolve(tooLarge(limitBytes));
      else chunks.push(chunk);
    });
    req.on("end", () => resolve(pass(Buffer.concat(chunks))));
    req.on("error", reject);
  });
};

const isJson = (contentType: string | undefined): boolean =>
  contentType?.split(";", 1)[0]!.trim().toLowerCase() === "application/json";

/** The body as an object; no body counts as `{}`. Unknown fields are ignored. */
export const readFields = async (req: IncomingMessage, limitBytes: number): Promise<Step<Fields>> => {
  const body = await readBytes(req, limitBytes);
  if (!body.ok) return body;
  if (body.value.length === 0) return pass({});
  if (!isJson(req.headers["content-type"])) {
    return refuse("not-json", "A body needs the header Content-Type: application/json.");
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(body.value));
  } catch {
    return refuse("bad-json", "The body is not JSON in UTF-8.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return refuse("bad-json", "The body must be a JSON object, such as {}.");
  }
  return pass(value as Fields);
};

const wrongField = (field: string, wanted: string): Step<never> => refuse("bad-field", `${field} must be ${wanted}.`);

/** The rule for names of rooms, for the end of a message. */
export const ROOM_NAME_RULE = `text of 1 to ${ROOM_NAME_MAX_CHARS} characters without control characters, and not . or ..`;

/** An optional field; `undefined` if it is absent. */
export const roomField = (fields: Fields): Step<string | undefined> => {
  const room = fields["room"];
  if (room === undefined) return pass(room);
  return typeof room === "string" && isRoomName(room) ? pass(room) : wrongField("room", ROOM_NAME_RULE);
};

export const hostAbsenceField = (fields: Fields): Step<number | undefined> => {
  const value = fields["hostAbsenceMs"];
  if (value === undefined) return pass(value);
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= HOST_ABSENCE_MAX_MS
    ? pass(value as number)
    : wrongField("hostAbsenceMs", `a whole number of milliseconds, 1 to ${HOST_ABSENCE_MAX_MS} (30 days)`);
};

export const startField = (fields: Fields): Step<"auto" | "manual" | undefined> => {
  const start = fields["start"];
  return start === undefined || start === "auto" || start === "manual"
    ? pass(start)
    : wrongField("start", '"auto" or "manual"');
};

export const runField = (fields: Fields): Step<number | undefined> => {
  const run = fields["run"];
  if (run === undefined) return pass(run);
  return Number.isSafeInteger(run) && (run as number) >= 0
    ? pass(run as number)
    : wrongField("run", "a whole number, 0 or more: the run that you saw");
};
