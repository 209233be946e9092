/** Somebody with a page of a room open, by the stock client or the room client, and what they can do. */
import { WebSocket } from "ws";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import { readSession } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";
import { countOne } from "./findings.ts";
import { openPage } from "./page.ts";
import type { Page } from "./page.ts";
import type { SoakRoom } from "./soak-room.ts";
import { pause } from "./world.ts";
import type { World } from "./world.ts";

/** In this time an edit on a line that stays is at the relay, in real ms. */
const SURE_AFTER_MS = 300;
/** In this time the relay drops whoever does not answer (W11), and a little more; in its own ms. */
export const DROPPED_WITHIN_MS = 42_000;
/** What the relay gives a peer to be heard in, in its own ms; a third of it standing still can cost the line. */
const DEAD_AFTER_MS = 30_000;
/** RFC 6455: the line broke without a word. */
const BROKEN = 1006;
/** In this time a line that was cut is found to be, in real ms. */
const CLOSED_WITHIN_MS = 500;
/** A relay that stood still for longer may have begun anew to wait for an answer, in real ms. */
export const MOST_STALLED_MS = 100;
const TEXT_MOST_CHARS = 2_000;
/** Lifetime of a token that does not expire while anybody uses it, ms. */
export const LONG_TOKEN_MS = 24 * 3_600_000;

export type PersonOptions = {
  readonly kind: "stock" | "room";
  readonly role: Role;
  /** Whether the token says who it is; else it is an invitation. */
  readonly isKnown: boolean;
  /** Lifetime of each of their tokens, ms. */
  readonly tokenMs: number;
};

export class Person {
  readonly name: string;
  readonly role: Role;
  readonly doc = new Y.Doc();
  readonly #world: World;
  readonly #room: SoakRoom;
  readonly #options: PersonOptions;
  readonly #page: Page;
  #isSilent = false;
  #asleepSince = 0;
  #isGone = false;
  /** Whether they were away, so that a token may have expired without anybody asking for a new one. */
  #wasAway = false;
  /** Since when, by `performance.now()`, they are in the run `#run` without a break. */
  #inRunSince: number | null = null;
  #run = 0;
  /** Edits that need not have reached the relay. */
  #unsure: { readonly mark: string; readonly at: number }[] = [];
  #edits = 0;

  static async open(world: World, room: SoakRoom, options: PersonOptions): Promise<Person> {
    const name = world.newName(options.role);
    const token = await Person.#token(world, room, name, options);
    return new Person(world, room, name, token, options);
  }

  static #token(world: World, room: SoakRoom, name: string, { role, isKnown, tokenMs }: PersonOptions) {
    return world.relay.token({
      room: room.name,
      role,
      ...(isKnown ? { sub: name, name } : {}),
      expiresAt: world.clock.now() + tokenMs,
    });
  }

  private constructor(world: World, room: SoakRoom, name: string, token: string, options: PersonOptions) {
    this.#world = world;
    this.#room = room;
    this.#options = options;
    this.name = name;
    this.role = options.role;
    this.#page = openPage({
      kind: options.kind,
      doc: this.doc,
      relayUrl: world.relay.wsUrl,
      room: room.name,
      token,
      getToken: () => Person.#token(world, room, name, options),
      name,
      clock: world.clock,
    });
    const { provider } = this.#page;
    const look = (): void => this.look();
    provider.on("status", ({ status }) => {
      if (status === "connected") world.findings.connects++;
      this.look();
    });
    provider.on("sync", look);
    provider.on("connection-close", (event) => {
      if (event !== null) this.#closed(event.code, event.reason);
      this.look();
    });
    this.#page.room?.subscribe(look);
    this.doc.getMap("session").observe(look);
    room.people.add(this);
    room.wasUsed = true;
  }

  get session(): Session | null {
    return readSession(this.doc);
  }

  /** Whether they take part: seen by others, served the content. */
  get isInRun(): boolean {
    const { provider, room } = this.#page;
    if (this.#isGone || this.#isSilent || !provider.wsconnected || !provider.synced) return false;
    return room === null ? this.session?.status === "live" : room.state.screen.name === "joined";
  }

  /** Names of all others that this page shows. */
  get others(): string[] {
    return this.#page.others.toSorted();
  }

  /** For whoever looks for what is wrong. */
  get description(): string {
    const { provider, room } = this.#page;
    const screen = room === null ? "" : `, ${room.state.screen.name}, ${room.state.connection}`;
    const line = provider.wsconnected ? (provider.synced ? "synced" : "unsynced") : "offline";
    return `${this.name} (${this.#options.kind}, ${line}${screen}${this.#isSilent ? ", asleep" : ""})`;
  }

  get text(): string {
    return this.doc.getText("text").toString();
  }

  get marks(): string[] {
    return this.doc.getArray<string>("marks").toArray();
  }

  /** Takes note of what has changed. */
  look(): void {
    const isInRun = this.isInRun;
    const run = this.session?.run ?? 0;
    if (isInRun && (this.#inRunSince === null || run !== this.#run)) {
      this.#inRunSince = performance.now();
      this.#run = run;
      if (this.role === "host") this.#room.hostIn(this);
    } else if (!isInRun && this.#inRunSince !== null) {
      this.settle();
      this.#inRunSince = null;
      if (this.role === "host") this.#room.hostOut(this);
    }
  }

  /** Finds the edits that have reached the relay for certain. */
  settle(): void {
    if (this.#inRunSince === null) return;
    const sureUntil = performance.now() - SURE_AFTER_MS - this.#world.stalls.within(2 * SURE_AFTER_MS);
    if (this.#inRunSince > sureUntil) return;
    for (const { mark, at } of this.#unsure) if (at <= sureUntil) this.#room.due.add(mark);
    this.#unsure = this.#unsure.filter(({ at }) => at > sureUntil);
  }

  // --- In the document ----------------------------------------------------------------------------

  /** @param place where in the text, 0 to 1. */
  write(place: number): void {
    const mark = `${this.name}.${this.#edits++}`;
    const text = this.doc.getText("text");
    this.doc.transact(() => {
      this.doc.getArray("marks").push([mark]);
      text.insert(Math.floor(place * text.length), `word${this.#edits} `);
    });
    this.#unsure.push({ mark, at: performance.now() });
    this.#world.findings.edits++;
  }

  /** Takes some of the text away, and much of a long one. */
  erase(place: number): void {
    const text = this.doc.getText("text");
    const isLong = text.length > TEXT_MOST_CHARS;
    const from = isLong ? 0 : Math.floor(place * text.length);
    text.delete(from, Math.min(isLong ? TEXT_MOST_CHARS / 2 : 12, text.length - from));
  }

  moveCursor(at: number): void {
    const { awareness } = this.#page.provider;
    if (awareness.getLocalState() !== null) awareness.setLocalStateField("cursor", { at });
  }

  // --- Coming and going -----------------------------------------------------------------------------

  /** Comes in, if they are not in or on their way: after an end, a leave, or a line that was given up. */
  comeIn(): void {
    if (this.#isGone || this.#isSilent || this.isInRun) return;
    const { room, provider } = this.#page;
    if (room === null) provider.connect();
    else {
      room.resume();
      const { screen } = room.state;
      const isOut = screen.name === "left" || (screen.name === "ended" && screen.canRejoin);
      if (isOut) room.rejoin().catch(() => {});
      else room.join();
    }
  }

  /** Goes out in good order; the page stays open. */
  async goOut(): Promise<void> {
    if (this.#isGone) return;
    this.#sendLast();
    if (this.#page.room === null) this.#page.provider.disconnect();
    else await this.#page.room.leave();
    this.look();
  }

  /** The network fails: the line breaks, and there is none until they come in again. */
  drop(): void {
    this.#wasAway = true;
    this.#socket?.terminate();
    if (this.#page.room === null) this.#page.provider.disconnect();
    else this.#page.room.suspend();
    this.look();
  }

  /** The laptop sleeps: the line stands, and nothing answers on it. */
  fallAsleep(): void {
    const socket = this.#socket;
    if (socket === null || socket.readyState !== WebSocket.OPEN) return;
    this.settle();
    this.#wasAway = true;
    socket.pause();
    // A page whose laptop sleeps renews neither its token nor its presence.
    socket.send = () => {};
    this.#isSilent = true;
    this.#asleepSince = this.#world.clock.now();
    this.#inRunSince = null;
    this.#room.fellSilent(DROPPED_WITHIN_MS);
    if (this.role === "host") this.#room.hostOut(this, DROPPED_WITHIN_MS);
  }

  /** It wakes: what has happened to the line in the meantime, which the relay must have given up, comes out now. */
  async wake(): Promise<void> {
    const socket = this.#socket;
    if (!this.#isSilent || this.#isGone || socket === null) return;
    Reflect.deleteProperty(socket, "send");
    socket.resume();
    await pause(CLOSED_WITHIN_MS);
    if (!this.#isSilent || this.#isGone) return;
    if (!this.isUnclear) {
      const sleptMs = this.#world.clock.now() - this.#asleepSince;
      this.#world.findings.add(
        "wrong presence",
        `${this.#room.name}, ${this.name} slept for ${sleptMs} ms, uncut (W11)`,
      );
    }
    this.#isSilent = false;
    this.look();
  }

  /** Whether the relay may still take them for awake: what stands still itself cuts nobody for being silent. */
  get isUnclear(): boolean {
    const { stalls, speed } = this.#world;
    const sleptMs = (this.#world.clock.now() - this.#asleepSince) / speed;
    return this.#isSilent && stalls.within(sleptMs) > MOST_STALLED_MS;
  }

  /** A room client's host presses Start or End Session; a stock client's asks the operator. */
  async press(command: "start" | "end"): Promise<void> {
    const { room } = this.#page;
    if (command === "end") this.#room.willEnd(this.session?.run ?? 0);
    if (room === null) {
      if (command === "start") await this.#room.startIfEnded();
      else await this.#room.endAsOperator();
    } else await room[command]();
    this.look();
  }

  /** Closes the page. */
  close(): void {
    if (this.#isGone) return;
    if (this.#isSilent) this.#socket?.terminate();
    else this.#sendLast();
    this.#isGone = true;
    this.look();
    this.#world.findings.abandonedEdits += this.#unsure.length;
    this.#room.people.delete(this);
    this.#page.destroy();
    this.doc.destroy();
  }

  get #socket(): WebSocket | null {
    return (this.#page.provider as WebsocketProvider).ws as WebSocket | null;
  }

  /** What went over this line arrives before the goodbye does. */
  #sendLast(): void {
    if (!this.isInRun || this.#inRunSince === null) return;
    const since = this.#inRunSince;
    this.#room.sentLast(this.#unsure.filter(({ at }) => at >= since).map(({ mark }) => mark));
    this.#unsure = this.#unsure.filter(({ at }) => at < since);
  }

  #closed(code: number, reason: string): void {
    const { findings, stalls, speed } = this.#world;
    const isStock = this.#options.kind === "stock";
    // In this time the relay may have waited in vain for an answer, or for a new token.
    const wasStalled = stalls.within((2 * DEAD_AFTER_MS) / speed) > DEAD_AFTER_MS / 3 / speed;
    const isExpected =
      (code === BROKEN && this.#isSilent) ||
      (code === CloseCode.sessionEnded && isStock && this.session?.status === "ended") ||
      (code === CloseCode.unauthorized && this.#options.tokenMs < LONG_TOKEN_MS && (isStock || this.#wasAway));
    if (isExpected) countOne(findings.closes, code);
    else if (wasStalled && (code === BROKEN || code === CloseCode.unauthorized)) {
      findings.cutByStalls++;
    } else {
      const who = `${this.#room.name}, ${this.name} (${this.#options.kind})`;
      findings.add("unexpected closes", `${who}: ${code} ${reason}`);
    }
    this.#isSilent = false;
    if (code === CloseCode.unauthorized && isStock) void this.#renewAndReturn();
  }

  async #renewAndReturn(): Promise<void> {
    const token = await Person.#token(this.#world, this.#room, this.name, this.#options);
    if (this.#isGone) return;
    this.#page.provider.params = { token };
    this.#page.provider.connect();
  }
}
