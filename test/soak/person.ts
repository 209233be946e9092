/** A person with an open page of a room, with the stock client or the room client, and what they can do. */
import { WebSocket } from "ws";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import { readSession } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";
import { EditLog } from "./edit-log.ts";
import { openPage } from "./page.ts";
import type { Page } from "./page.ts";
import { LONG_TOKEN_MS, signToken } from "./person-token.ts";
import type { PersonOptions } from "./person-token.ts";
import { recordClose } from "./record-close.ts";
import type { SoakRoom } from "./soak-room.ts";
import { waitRealMs } from "./world.ts";
import type { World } from "./world.ts";

/** Within this time the relay closes the connection of a client that does not answer (W11), with some margin; in its ms. */
export const NOTICED_WITHIN_MS = 42_000;
/** Within this time a resumed client notices that its connection was closed, in real ms. */
const CLOSED_WITHIN_MS = 500;
/** A relay that was stalled for longer may have restarted its wait for an answer, in real ms. */
export const TOLERATED_STALL_MS = 100;
const TEXT_MOST_CHARS = 2_000;
export class Person {
  readonly name: string;
  readonly role: Role;
  readonly doc = new Y.Doc();
  readonly #world: World;
  readonly #room: SoakRoom;
  readonly #options: PersonOptions;
  readonly #page: Page;
  #isSuspended = false;
  #suspendedSince = 0;
  #isClosed = false;
  /** Whether they were offline, so that a token may have expired without being renewed. */
  #wasOffline = false;
  /** Since when they are in the run `#run` without interruption, by `performance.now()`. */
  #inRunSince: number | null = null;
  #run = 0;
  readonly #editLog: EditLog;
  #edits = 0;

  static async open(world: World, room: SoakRoom, options: PersonOptions): Promise<Person> {
    const name = world.newName(options.role);
    const token = await signToken(world, room, name, options);
    return new Person(world, room, name, token, options);
  }

  private constructor(world: World, room: SoakRoom, name: string, token: string, options: PersonOptions) {
    this.#world = world;
    this.#room = room;
    this.#options = options;
    this.#editLog = new EditLog(world.stalls);
    this.name = name;
    this.role = options.role;
    this.#page = openPage({
      kind: options.kind,
      doc: this.doc,
      relayUrl: world.relay.wsUrl,
      room: room.name,
      token,
      getToken: () => signToken(world, room, name, options),
      name,
      clock: world.clock,
    });
    const { provider } = this.#page;
    const update = (): void => this.#update();
    provider.on("status", ({ status }) => {
      if (status === "connected") world.findings.connects++;
      this.#update();
    });
    provider.on("sync", update);
    provider.on("connection-close", (event) => {
      if (event !== null) this.#closed(event.code, event.reason);
      this.#update();
    });
    this.#page.room?.subscribe(update);
    this.doc.getMap("session").observe(update);
    room.people.add(this);
    room.wasUsed = true;
  }

  get session(): Session | null {
    return readSession(this.doc);
  }

  /** Whether they take part: listed for others, and sent the content. */
  get isInRun(): boolean {
    const { provider, room } = this.#page;
    if (this.#isClosed || this.#isSuspended || !provider.wsconnected || !provider.synced) return false;
    return room === null ? this.session?.status === "live" : room.state.screen.name === "joined";
  }

  /** Names of all others that this page lists, sorted. */
  get others(): string[] {
    return this.#page.others.toSorted();
  }

  /** For messages about findings. */
  get description(): string {
    const { provider, room } = this.#page;
    const screen = room === null ? "" : `, ${room.state.screen.name}, ${room.state.connection}`;
    const connection = provider.wsconnected ? (provider.synced ? "synced" : "unsynced") : "offline";
    return `${this.name} (${this.#options.kind}, ${connection}${screen}${this.#isSuspended ? ", suspended" : ""})`;
  }

  get text(): string {
    return this.doc.getText("text").toString();
  }

  get editIds(): string[] {
    return this.doc.getArray<string>("editIds").toArray();
  }

  #update(): void {
    const isInRun = this.isInRun;
    const run = this.session?.run ?? 0;
    if (isInRun && (this.#inRunSince === null || run !== this.#run)) {
      this.#inRunSince = performance.now();
      this.#run = run;
      if (this.role === "host") this.#room.hostJoined(this);
    } else if (!isInRun && this.#inRunSince !== null) {
      this.confirmEdits();
      this.#inRunSince = null;
      if (this.role === "host") this.#room.hostLeft(this);
    }
  }

  /** Expects the edits in the room's content that have certainly reached the relay. */
  confirmEdits(): void {
    if (this.#inRunSince === null) return;
    for (const editId of this.#editLog.takeDelivered(this.#inRunSince)) this.#room.expectedEdits.add(editId);
  }

  // --- Edits --------------------------------------------------------------------------------------

  /** @param position in the text, 0 to 1. */
  write(position: number): void {
    const editId = `${this.name}.${this.#edits++}`;
    const text = this.doc.getText("text");
    this.doc.transact(() => {
      this.doc.getArray("editIds").push([editId]);
      text.insert(Math.floor(position * text.length), `word${this.#edits} `);
    });
    this.#editLog.add(editId);
    this.#world.findings.edits++;
  }

  /** Deletes some of the text, and much of a long one. @param position in the text, 0 to 1. */
  erase(position: number): void {
    const text = this.doc.getText("text");
    const isLong = text.length > TEXT_MOST_CHARS;
    const from = isLong ? 0 : Math.floor(position * text.length);
    text.delete(from, Math.min(isLong ? TEXT_MOST_CHARS / 2 : 12, text.length - from));
  }

  moveCursor(at: number): void {
    const { awareness } = this.#page.provider;
    if (awareness.getLocalState() !== null) awareness.setLocalStateField("cursor", { at });
  }

  // --- Joining and leaving ------------------------------------------------------------------------

  /** Joins unless they have joined or are connecting: after an end, a leave, or a lost connection. */
  join(): void {
    if (this.#isClosed || this.#isSuspended || this.isInRun) return;
    const { room, provider } = this.#page;
    if (room === null) provider.connect();
    else {
      room.resume();
      const { screen } = room.state;
      const hasLeft = screen.name === "left" || (screen.name === "ended" && screen.canRejoin);
      if (hasLeft) room.rejoin().catch(() => {});
      else room.join();
    }
  }

  /** Leaves; the page stays open. */
  async leave(): Promise<void> {
    if (this.#isClosed) return;
    this.#recordLastEdits();
    if (this.#page.room === null) this.#page.provider.disconnect();
    else await this.#page.room.leave();
    this.#update();
  }

  /** The network fails: the connection breaks, and there is none until they join again. */
  disconnect(): void {
    this.#wasOffline = true;
    this.#socket?.terminate();
    if (this.#page.room === null) this.#page.provider.disconnect();
    else this.#page.room.suspend();
    this.#update();
  }

  /** The computer sleeps: the connection stays open, but nothing answers on it. */
  suspend(): void {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    this.confirmEdits();
    this.#wasOffline = true;
    socket.pause();
    // A suspended page renews neither its token nor its presence.
    socket.send = () => {};
    this.#isSuspended = true;
    this.#suspendedSince = this.#world.clock.now();
    this.#inRunSince = null;
    this.#room.becameSilent(NOTICED_WITHIN_MS);
    if (this.role === "host") this.#room.hostLeft(this, NOTICED_WITHIN_MS);
  }

  /** The computer wakes and must find its connection closed, since the relay must have noticed (W11). */
  async resume(): Promise<void> {
    const socket = this.#socket;
    if (!this.#isSuspended || this.#isClosed || socket === null) return;
    Reflect.deleteProperty(socket, "send");
    socket.resume();
    await waitRealMs(CLOSED_WITHIN_MS);
    if (!this.#isSuspended || this.#isClosed) return;
    if (!this.isPresenceUncertain) {
      const suspendedMs = this.#world.clock.now() - this.#suspendedSince;
      this.#world.findings.add(
        "wrong presence",
        `${this.#room.name}, ${this.name} was suspended for ${suspendedMs} ms and not closed (W11)`,
      );
    }
    this.#isSuspended = false;
    this.#update();
  }

  /** Whether the relay may not have noticed their suspension, since it was stalled itself. */
  get isPresenceUncertain(): boolean {
    const { stalls, speed } = this.#world;
    const suspendedMs = (this.#world.clock.now() - this.#suspendedSince) / speed;
    return this.#isSuspended && stalls.within(suspendedMs) > TOLERATED_STALL_MS;
  }

  /** A host with the room client presses Start or End Session; for a stock client the operator does it. */
  async press(command: "start" | "end"): Promise<void> {
    const { room } = this.#page;
    if (command === "end") this.#room.expectEnd(this.session?.run ?? 0);
    if (room === null) {
      if (command === "start") await this.#room.startIfEnded();
      else await this.#room.endAsOperator();
    } else await room[command]();
    this.#update();
  }

  /** Closes the page. */
  close(): void {
    if (this.#isClosed) return;
    if (this.#isSuspended) this.#socket?.terminate();
    else this.#recordLastEdits();
    this.#isClosed = true;
    this.#update();
    this.#world.findings.abandonedEdits += this.#editLog.unconfirmedCount;
    this.#room.people.delete(this);
    this.#page.destroy();
    this.doc.destroy();
  }

  get #socket(): WebSocket | null {
    return (this.#page.provider as WebsocketProvider).ws as WebSocket | null;
  }

  /** What was sent on this connection arrives before its close. */
  #recordLastEdits(): void {
    if (!this.isInRun || this.#inRunSince === null) return;
    this.#room.sentBeforeClosing(this.#editLog.takeSince(this.#inRunSince));
  }

  #closed(code: number, reason: string): void {
    const isStock = this.#options.kind === "stock";
    recordClose(this.#world, {
      code,
      reason,
      who: `${this.#room.name}, ${this.name} (${this.#options.kind})`,
      isStock,
      isSuspended: this.#isSuspended,
      hasSessionEnded: this.session?.status === "ended",
      mayExpire: this.#options.tokenMs < LONG_TOKEN_MS && (isStock || this.#wasOffline),
    });
    this.#isSuspended = false;
    if (code === CloseCode.unauthorized && isStock) void this.#renewAndReturn();
  }

  async #renewAndReturn(): Promise<void> {
    const token = await signToken(this.#world, this.#room, this.name, this.#options);
    if (this.#isClosed) return;
    this.#page.provider.params = { token };
    this.#page.provider.connect();
  }
}
