/**
 * A relay that sends exactly what the test says, and a WebSocket without a network that leads to it. The client
 * is tested with the real relay in `test/sync-server/client`.
 */
import * as encoding from "lib0/encoding";
import * as decoding from "lib0/decoding";
import { encodeAwarenessUpdate } from "y-protocols/awareness";
import type { Awareness } from "y-protocols/awareness";
import * as Y from "yjs";
import {
  MessageType,
  readClientMessage,
  writeAwareness,
  writeRelayMessage,
  writeSyncStep2,
  writeUpdate,
} from "../../../src/protocol/protocol.ts";
import type { ClientMessage, Command, Identity, RefusalCode, RelayMessage } from "../../../src/protocol/protocol.ts";
import { SESSION_ROOT, toRecord } from "../../../src/session/session.ts";
import type { Session } from "../../../src/session/session.ts";

const EXPIRES_IN_MS = 3_600_000;

/** One socket, from the relay's side; the client sees it as a WebSocket. */
export class ScriptedSocket {
  readonly url: string;
  readonly protocols: readonly string[];
  readonly frames: ClientMessage[] = [];
  readyState = 0;
  binaryType = "blob";
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: ArrayBuffer }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: (() => void) | null = null;

  constructor(url: string, protocols: readonly string[]) {
    this.url = url;
    this.protocols = protocols;
  }

  // --- The client's side ------------------------------------------------------------------------

  get OPEN(): number {
    return 1;
  }

  send(bytes: Uint8Array): void {
    if (this.readyState !== 1) throw new Error("not open");
    this.frames.push(readClientMessage(bytes));
  }

  close(): void {
    this.readyState = 3;
  }

  // --- The relay's side -------------------------------------------------------------------------

  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  deliver(frame: Uint8Array): void {
    this.onmessage?.({ data: frame.slice().buffer as ArrayBuffer });
  }

  say(message: RelayMessage): void {
    this.deliver(writeRelayMessage(message));
  }

  welcome(person: Identity, token?: string): void {
    const more = token === undefined ? {} : { token };
    this.say({ type: "welcome", person, expiresInMs: EXPIRES_IN_MS, ...more });
  }

  accept(command: Command, run: number): void {
    this.say({ type: "answer", id: command.id, ok: true, run });
  }

  refuse(command: Command, code: RefusalCode): void {
    this.say({ type: "answer", id: command.id, ok: false, code, message: `because ${code}` });
  }

  drop(code: number, reason = ""): void {
    this.readyState = 3;
    this.onclose?.({ code, reason });
  }

  commands(type: Command["type"]): Command[] {
    return this.frames.flatMap((frame) =>
      frame.kind === "session" && frame.command.type === type ? [frame.command] : [],
    );
  }

  /** The last command of a kind; there must be one. */
  command(type: Command["type"]): Command {
    const command = this.commands(type).at(-1);
    if (command === undefined) throw new Error(`no ${type} was sent`);
    return command;
  }

  count(kind: ClientMessage["kind"]): number {
    return this.frames.filter((frame) => frame.kind === kind).length;
  }

  /** The awareness states that the client sent, by client id, in order. */
  get shown(): [clientId: number, state: Record<string, unknown> | null][] {
    return this.frames.flatMap((frame) => {
      if (frame.kind !== "awareness") return [];
      const decoder = decoding.createDecoder(frame.update);
      return Array.from({ length: decoding.readVarUint(decoder) }, () => {
        const clientId = decoding.readVarUint(decoder);
        decoding.readVarUint(decoder);
        return [clientId, JSON.parse(decoding.readVarString(decoder))] as [number, Record<string, unknown> | null];
      });
    });
  }
}

export class ScriptedRelay {
  readonly doc = new Y.Doc();
  /** The session has a client id of its own. */
  readonly #ledger = new Y.Doc();
  readonly sockets: ScriptedSocket[] = [];
  /** Replaces the global WebSocket. */
  readonly WebSocket: typeof globalThis.WebSocket;

  constructor() {
    const { sockets } = this;
    const Socket = class extends ScriptedSocket {
      constructor(url: string, protocols: readonly string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
    this.WebSocket = Socket as unknown as typeof globalThis.WebSocket;
  }

  /** The newest socket. */
  get socket(): ScriptedSocket {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("there is no connection");
    return socket;
  }

  /** Client id under which the session is written. */
  get ledgerId(): number {
    return this.#ledger.clientID;
  }

  /** Opens the newest socket and sends the welcome and the session. */
  admit(person: Identity, session: Session, token?: string): ScriptedSocket {
    const { socket } = this;
    socket.open();
    socket.welcome(person, token);
    this.writeSession(session);
    return socket;
  }

  /** Writes the session and sends it. */
  writeSession(session: Session): void {
    this.#ledger.transact(() => {
      const map = this.#ledger.getMap(SESSION_ROOT);
      for (const [key, value] of Object.entries(toRecord(session))) map.set(key, value);
    });
    const update = Y.encodeStateAsUpdate(this.#ledger);
    Y.applyUpdate(this.doc, update);
    this.socket.deliver(writeUpdate(update));
  }

  /** Answers SyncStep1 with the whole document. */
  serve(): void {
    this.socket.deliver(writeSyncStep2(Y.encodeStateAsUpdate(this.doc)));
  }

  /** Answers the last `join`, and serves the document. */
  acceptJoin(run: number): void {
    this.socket.accept(this.socket.command("join"), run);
    this.serve();
  }

  /** Sends another's awareness state. */
  show(awareness: Awareness): void {
    this.socket.deliver(writeAwareness(encodeAwarenessUpdate(awareness, [awareness.clientID])));
  }

  queryAwareness(): void {
    const encoder = encoding.createEncoder();
    encoding.writeVarUint(encoder, MessageType.queryAwareness);
    this.socket.deliver(encoding.toUint8Array(encoder));
  }
}
