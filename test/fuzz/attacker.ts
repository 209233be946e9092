/** A client with a valid participant's token that sends generated frames, and reconnects when it is closed. */
import { WebSocket } from "ws";
import {
  MalformedError,
  readClientMessage,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
} from "../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../src/session/session.ts";
import { scanUpdate } from "../../sync-server/update/scan.ts";
import { readAwareness, stampState } from "../../sync-server/room/presence/awareness-codec.ts";
import type { Random } from "../random.ts";
import type { Statistics } from "./statistics.ts";

/** All attackers together send some hundred frames per second, in bursts. */
const BURST_EVERY_MS = 25;
const BURST_MOST = 6;
const RECONNECT_AFTER_MS = 30;
/** Above this no more is sent until the relay has read; y-websocket never buffers that much. */
const UNSENT_MOST_BYTES = 4 * 1024 * 1024;

const PROTECTED_ROOT = new TextEncoder().encode(SESSION_ROOT);
const NOBODY = { id: "", name: "", role: "participant", verified: false } as const;

/** Whether the relay can decode a frame, so that it does not close the connection. */
const isReadable = (frame: Uint8Array, speaksSession: boolean): boolean => {
  try {
    const read = readClientMessage(frame);
    if (read.kind === "update" || read.kind === "sync-step-2") scanUpdate(read.update, PROTECTED_ROOT);
    if (read.kind === "awareness") for (const { json } of readAwareness(read.update)) stampState(json, NOBODY);
    return read.kind !== "unknown" && (read.kind !== "session" || speaksSession);
  } catch (error) {
    if (error instanceof MalformedError) return false;
    throw error;
  }
};

type AttackerOptions = {
  readonly name: string;
  readonly url: string;
  readonly room: string;
  readonly token: string;
  readonly speaksSession: boolean;
  /** Sends only frames that the relay can decode, which reach more of its code. */
  readonly sendsReadableOnly: boolean;
  readonly makeFrame: () => Uint8Array;
  readonly random: Random;
  readonly statistics: Statistics;
};

export class Attacker {
  readonly #options: AttackerOptions;
  #socket: WebSocket | null = null;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(options: AttackerOptions) {
    this.#options = options;
  }

  start(): void {
    const { url, room, token, speaksSession, statistics } = this.#options;
    const target = `${url}/${encodeURIComponent(room)}`;
    const socket = speaksSession
      ? new WebSocket(target, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token])
      : new WebSocket(`${target}?token=${token}`);
    this.#socket = socket;
    statistics.connects++;
    socket.on("error", () => {});
    socket.on("open", () => this.#sendBurst(socket));
    socket.on("close", (code) => {
      if (this.#isStopped) return;
      statistics.recordClose(code);
      this.#timer = setTimeout(() => this.start(), RECONNECT_AFTER_MS);
    });
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #sendBurst(socket: WebSocket): void {
    if (this.#isStopped || socket.readyState !== WebSocket.OPEN) return;
    const { random, name, statistics, sendsReadableOnly, speaksSession, makeFrame } = this.#options;
    for (let left = 1 + random.below(BURST_MOST); left > 0 && socket.bufferedAmount < UNSENT_MOST_BYTES; left--) {
      const frame = makeFrame();
      if (sendsReadableOnly && !isReadable(frame, speaksSession)) continue;
      statistics.recordFrame(name, frame);
      socket.send(frame);
    }
    this.#timer = setTimeout(() => this.#sendBurst(socket), BURST_EVERY_MS);
  }
}
