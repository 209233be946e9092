/**
 * A client that survives the relay's crashes: it keeps its document, connects again, and reports
 * everything that the relay sends.
 */
import * as decoding from "lib0/decoding";
import { WebSocket } from "ws";
import * as Y from "yjs";
import {
  MessageType,
  readRelayMessage,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import type { Answer, Command } from "../../src/protocol/protocol.ts";
import { readSession, SESSION_ROOT } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";

/** Root of the content: one array entry per edit. */
const ENTRIES_ROOT = "entries";

/** Called for everything that the relay sends to a client. */
export type Listener = {
  readonly session: (client: CrashClient, session: Session, ledgerId: number) => void;
  readonly answer: (client: CrashClient, command: Command, answer: Answer) => void;
};

export class CrashClient {
  readonly doc = new Y.Doc();
  readonly name: string;
  readonly role: Role;
  readonly #token: string;
  readonly #room: string;
  readonly #listener: Listener;
  readonly #commands = new Map<number, Command>();
  #socket: WebSocket | null = null;
  #nextId = 1;
  /** The run of the last session received; 0 while that is not live. */
  #liveRun = 0;
  #written = 0;
  /** Whether the current connection has completed its sync. */
  isSynced = false;
  /** Close codes of its connections, in order. */
  readonly closeCodes: number[] = [];

  constructor(name: string, role: Role, room: string, token: string, listener: Listener) {
    this.name = name;
    this.role = role;
    this.#room = room;
    this.#token = token;
    this.#listener = listener;
    this.doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== this) this.#send(writeUpdate(update));
    });
  }

  get session(): Session | null {
    return readSession(this.doc);
  }

  get entries(): readonly string[] {
    return this.doc.getArray<string>(ENTRIES_ROOT).toArray();
  }

  get entryCount(): number {
    return this.doc.getArray<string>(ENTRIES_ROOT).length;
  }

  /** The document's next clock by client id. */
  get stateVector(): Map<number, number> {
    return Y.decodeStateVector(Y.encodeStateVector(this.doc));
  }

  get isConnected(): boolean {
    return this.#socket !== null;
  }

  connect(wsUrl: string): void {
    if (this.#socket !== null) return;
    const protocols = [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + this.#token];
    const socket = new WebSocket(`${wsUrl}/${encodeURIComponent(this.#room)}`, protocols);
    this.#socket = socket;
    this.isSynced = false;
    socket.on("open", () => this.join());
    socket.on("message", (data: Buffer) => {
      if (this.#socket === socket) this.#receive(new Uint8Array(data));
    });
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.closeCodes.push(code);
      if (this.#socket === socket) this.#socket = null;
    });
  }

  /** Joins the run and requests the missing content. */
  join(): void {
    this.isSynced = false;
    this.command({ type: "join" });
    this.#send(writeSyncStep1(Y.encodeStateVector(this.doc)));
  }

  disconnect(): void {
    this.#socket?.terminate();
    this.#socket = null;
  }

  command(command: Command extends infer C ? (C extends Command ? Omit<C, "id"> : never) : never): void {
    const whole = { ...command, id: this.#nextId++ } as Command;
    this.#commands.set(whole.id, whole);
    this.#send(writeCommand(whole));
  }

  /** Inserts one entry at `position` (0 to 1) of the list, lengthened by `padding`. */
  write(position: number, padding = ""): void {
    const entries = this.doc.getArray<string>(ENTRIES_ROOT);
    entries.insert(Math.floor(position * entries.length), [`${this.name}.${this.#written++}${padding}`]);
  }

  #send(frame: Uint8Array): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(frame);
  }

  #receive(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    const type = decoding.readVarUint(decoder);
    if (type === MessageType.session) {
      const message = readRelayMessage(decoder);
      if (message?.type === "answer") this.#listener.answer(this, this.#commands.get(message.id)!, message);
    } else if (type === MessageType.sync) {
      const step = decoding.readVarUint(decoder);
      const payload = decoding.readVarUint8Array(decoder);
      if (step === SyncStep.step1) return this.#send(writeSyncStep2(Y.encodeStateAsUpdate(this.doc, payload)));
      Y.applyUpdate(this.doc, payload, this);
      if (step === SyncStep.step2) this.isSynced = true;
      const ledgerId = this.doc.getMap(SESSION_ROOT)._map.get("run")?.id.client;
      const { session } = this;
      if (session === null || ledgerId === undefined) return;
      this.#listener.session(this, session, ledgerId);
      const liveRun = session.status === "live" ? session.run : 0;
      const isNew = liveRun > this.#liveRun;
      this.#liveRun = liveRun;
      // As a page does that waits for the start of the session.
      if (isNew) this.join();
    }
  }
}
