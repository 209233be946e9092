/** Somebody with a valid token of a participant who sends whatever a generator makes, and comes back when closed. */
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
import type { Tally } from "./tally.ts";

/** A burst every so often: some hundred frames a second for all attackers together. */
const BURST_EVERY_MS = 25;
const BURST_MOST = 6;
const BACK_AFTER_MS = 30;
/** Above what y-websocket itself would ever leave unsent: the relay reads slower than we throw. */
const UNSENT_MOST_BYTES = 4 * 1024 * 1024;

const PROTECTED_ROOT = new TextEncoder().encode(SESSION_ROOT);
const NOBODY = { id: "", name: "", role: "participant", verified: false } as const;

/** Whether the relay can read a frame, so that it does not close the connection but has to think about it. */
export const isReadable = (frame: Uint8Array, speaksSession: boolean): boolean => {
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

export type AttackerOptions = {
  readonly name: string;
  readonly url: string;
  readonly room: string;
  readonly token: string;
  readonly speaksSession: boolean;
  /** Sends only what the relay can read: that goes deeper. */
  readonly isCareful: boolean;
  readonly makeFrame: () => Uint8Array;
  readonly random: Random;
  readonly tally: Tally;
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
    const { url, room, token, speaksSession, tally } = this.#options;
    const target = `${url}/${encodeURIComponent(room)}`;
    const socket = speaksSession
      ? new WebSocket(target, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token])
      : new WebSocket(`${target}?token=${token}`);
    this.#socket = socket;
    tally.connects++;
    socket.on("error", () => {});
    socket.on("open", () => this.#throw(socket));
    socket.on("close", (code) => {
      if (this.#isStopped) return;
      tally.closed(code);
      this.#timer = setTimeout(() => this.start(), BACK_AFTER_MS);
    });
  }

  stop(): void {
    this.#isStopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #throw(socket: WebSocket): void {
    if (this.#isStopped || socket.readyState !== WebSocket.OPEN) return;
    const { random, name, tally, isCareful, speaksSession, makeFrame } = this.#options;
    for (let left = 1 + random.below(BURST_MOST); left > 0 && socket.bufferedAmount < UNSENT_MOST_BYTES; left--) {
      const frame = makeFrame();
      if (isCareful && !isReadable(frame, speaksSession)) continue;
      tally.threw(name, frame);
      socket.send(frame);
    }
    this.#timer = setTimeout(() => this.#throw(socket), BURST_EVERY_MS);
  }
}
