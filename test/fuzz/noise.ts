/** Noise below our protocol: random bytes, malformed frames, partial requests, sockets that are reset or half-closed. */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { randomBytes } from "node:crypto";
import type { Random } from "../random.ts";
import type { Statistics } from "./statistics.ts";

const AGAIN_AFTER_MS = 40;
const GIVE_UP_AFTER_MS = 1_500;
/** Just above the message limit, and above the frame limit. */
const OVERSIZE_BYTES = [8 * 1024 * 1024 + 1_000, 16 * 1024 * 1024 + 1];

/** A frame of RFC 6455 with any opcode; masked by default, as clients must. */
const webSocketFrame = (
  opcode: number,
  payload: Uint8Array,
  { final = true, masked = true, reserved = 0 } = {},
): Uint8Array => {
  const { length } = payload;
  const head = Buffer.alloc(length < 126 ? 2 : length < 65_536 ? 4 : 10);
  head[0] = (final ? 0x80 : 0) | (reserved << 4) | opcode;
  const flag = masked ? 0x80 : 0;
  if (length < 126) head[1] = flag | length;
  else if (length < 65_536) {
    head[1] = flag | 126;
    head.writeUInt16BE(length, 2);
  } else {
    head[1] = flag | 127;
    head.writeBigUInt64BE(BigInt(length), 2);
  }
  // A mask of zeros does not change the payload.
  return Buffer.concat(masked ? [head, Buffer.alloc(4), payload] : [head, payload]);
};

const upgradeRequest = (target: string, random: Random): string => {
  const key = randomBytes(16).toString("base64");
  const lines = [
    `GET ${target} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Connection: Upgrade",
    `Upgrade: ${random.percent(90) ? "websocket" : "h2c"}`,
    `Sec-WebSocket-Version: ${random.percent(90) ? 13 : random.below(99)}`,
    `Sec-WebSocket-Key: ${random.percent(90) ? key : "short"}`,
  ];
  if (random.percent(30))
    lines.push(
      `Sec-WebSocket-Protocol: ${random.pick(["session-room.v1", "session-room.token.", ",,", "a b", "session-room.v1, session-room.token.a.b.c"])}`,
    );
  if (random.percent(10)) lines.push("Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits=99");
  if (random.percent(10)) lines.push(`Origin: ${random.pick(["null", "http://", "https://evil.example", "\u00ff"])}`);
  return `${lines.join("\r\n")}\r\n\r\n`;
};

const anyTarget = (room: string, token: string, random: Random): string => {
  if (random.percent(60)) return `/${encodeURIComponent(room)}?token=${token}`;
  return random.pick([
    "/",
    "//",
    "/%",
    "/%ff",
    `/${room}`,
    `/${room}?token=${token.slice(0, -2)}`,
    `/${"x".repeat(5_000)}`,
    "/a/b/c?token=%",
    "*",
    "http://[/",
  ]);
};

const anyHttp = (room: string, random: Random): string => {
  const method = random.pick(["GET", "POST", "PUT", "HEAD", "OPTIONS", "DELETE", "BREW"]);
  const path = random.pick([
    "/v1/rooms",
    `/v1/rooms/${room}`,
    `/v1/rooms/${room}/end`,
    `/v1/rooms/${room}/start`,
    "/v1/rooms/%ff",
    "/livez",
    "/readyz",
    "/../../etc/passwd",
    "/%00",
    "/",
  ]);
  const body = random.pick([
    "{",
    "[]",
    "null",
    '{"room":{}}',
    '{"room":""}',
    '{"hostAbsenceMs":1e999}',
    "\u0000",
    "x".repeat(100_000),
    '{"__proto__":{"x":1}}',
    "[".repeat(50_000),
  ]);
  const length = random.percent(85) ? Buffer.byteLength(body) : random.pick(["-1", "9e9", "99999999", "x"]);
  const authorization = random.pick([
    "",
    "Authorization: Bearer \r\n",
    "Authorization: Bearer x\r\n",
    "Authorization: Basic eA==\r\n",
  ]);
  return `${method} ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n${authorization}Content-Length: ${length}\r\n\r\n${body}`;
};

/** Frames after a valid handshake. */
const anyFrames = (random: Random): Uint8Array => {
  const payload = random.bytes(random.below(200));
  switch (random.below(13)) {
    case 0:
      return webSocketFrame(2, random.bytes(random.below(2_000)));
    case 1:
      return webSocketFrame(1, new TextEncoder().encode("hello"));
    case 2:
      return webSocketFrame(random.pick([1, 2]), new Uint8Array());
    case 3:
      return Buffer.concat(Array.from({ length: 50 }, () => webSocketFrame(9, random.bytes(random.below(126)))));
    case 4:
      return webSocketFrame(9, random.bytes(300));
    case 5:
      return webSocketFrame(2, payload, { masked: false });
    case 6:
      return webSocketFrame(random.below(16), payload, { reserved: random.below(8) });
    case 7:
      return webSocketFrame(2, payload, { final: false });
    case 8:
      return webSocketFrame(0, payload);
    case 9:
      return webSocketFrame(
        8,
        random.pick([new Uint8Array(), Uint8Array.of(3), Uint8Array.of(0, 1), Uint8Array.of(3, 232, 255)]),
      );
    case 10:
      return random.bytes(random.below(300));
    case 11:
      return Buffer.from([0x82, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
    default:
      return webSocketFrame(1, Uint8Array.of(0xff, 0xfe));
  }
};

type NoiseOptions = {
  readonly port: number;
  readonly room: string;
  readonly token: string;
  readonly random: Random;
  readonly statistics: Statistics;
};

/** Opens one connection after the other, each with a random kind of noise. */
export class Noise {
  readonly #options: NoiseOptions;
  #socket: Socket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: NoiseOptions) {
    this.#options = options;
  }

  start(): void {
    const { port, room, token, random, statistics } = this.#options;
    const socket = connect(port, "127.0.0.1");
    this.#socket = socket;
    socket.setTimeout(GIVE_UP_AFTER_MS, () => socket.destroy());
    socket.on("error", () => {});
    // Discards what is received, so that the end of the stream is noticed.
    socket.resume();
    socket.on("close", () => {
      if (this.#isStopped) return;
      this.#timer = setTimeout(() => this.start(), AGAIN_AFTER_MS);
    });
    const send = (bytes: Uint8Array): void => {
      statistics.recordFrame("noise", bytes);
      socket.write(bytes);
    };
    socket.once("connect", () => {
      const kind = random.below(10);
      if (kind === 0) send(random.bytes(random.below(500)));
      else if (kind < 4) {
        statistics.httpCalls++;
        send(Buffer.from(anyHttp(room, random)));
      } else {
        statistics.connects++;
        const request = Buffer.from(upgradeRequest(anyTarget(room, token, random), random));
        // Some frames are sent with the handshake, before its answer.
        send(random.percent(80) ? request : request.subarray(0, random.below(request.length)));
        for (let left = random.below(5); left > 0; left--) send(anyFrames(random));
        if (random.percent(2)) send(webSocketFrame(2, new Uint8Array(random.pick(OVERSIZE_BYTES))));
      }
      const end = random.below(4);
      if (end === 0) socket.end();
      else if (end === 1) socket.resetAndDestroy();
      else if (end === 2) socket.once("data", () => socket.resetAndDestroy());
    });
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.destroy();
  }
}
