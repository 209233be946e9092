/** The people of a simulated world and their open pages, with the real room client or a stock provider. */
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { Clock } from "../../src/clock.ts";
import type { Role, Session } from "../../src/session/session.ts";
import { readSession, SESSION_ROOT } from "../../src/session/session.ts";
import { Room } from "../../src/index.ts";
import type { TokenStorage } from "../../src/client/personal-token.ts";
import { EPOCH_MS } from "./globals.ts";
import { createUplink } from "./network.ts";
import { ClientSocket } from "./sockets.ts";
import type { Listener, Uplink } from "./network.ts";
import type { Random } from "../random.ts";
import { Owner } from "./time.ts";
import type { SimTime } from "./time.ts";

const RELAY_URL = "ws://relay.test";

export type Environment = {
  readonly time: SimTime;
  readonly random: Random;
  readonly listener: Listener;
  /** Called whenever the session in a document changes. */
  readonly onSession: (who: string, room: string, before: Session | null, session: Session) => void;
  readonly fault: (what: string) => void;
};

export type PersonOptions = {
  readonly name: string;
  readonly room: string;
  readonly role: Role;
  readonly token: string;
  /** Whether their pages use the room client; otherwise a plain y-websocket provider. */
  readonly speaksSession: boolean;
};

/** A tab's session storage; a duplicated tab gets a copy. */
const storageOf = (entries: Map<string, string>): TokenStorage => ({
  getItem: (key) => entries.get(key) ?? null,
  setItem: (key, value) => void entries.set(key, value),
});

/** One page, from opening to closing. */
export class Tab {
  readonly owner: Owner;
  readonly doc: Y.Doc;
  readonly storage: Map<string, string>;
  readonly room: Room | null;
  readonly provider: WebsocketProvider;
  #seen: Session | null = null;
  isOpen = true;
  /** Whether it is in the back-forward cache. */
  isCached = false;

  constructor(person: Person, owner: Owner, doc: Y.Doc, storage: Map<string, string>) {
    const { time, random, listener, onSession, fault } = person.environment;
    const { options, uplink } = person;
    this.owner = owner;
    this.storage = storage;
    this.doc = doc;
    const WebSocketPolyfill = class extends ClientSocket {
      constructor(url: string, protocols: readonly string[] = []) {
        super(url, protocols, owner, uplink, listener, time, random);
      }
    } as unknown as typeof WebSocket;
    if (options.speaksSession) {
      this.room = new Room({
        relay: RELAY_URL,
        room: options.room,
        token: options.token,
        displayName: options.name,
        doc: this.doc,
        storage: storageOf(this.storage),
        clock: clockFor(time, owner),
        WebSocketPolyfill,
      });
      this.provider = this.room.provider;
      this.room.subscribe(({ screen }) => {
        if (screen.name === "failed") fault(`${owner.name} failed: ${screen.error.code} ${screen.error.message}`);
      });
      this.room.join();
    } else {
      this.room = null;
      this.provider = new WebsocketProvider(RELAY_URL, encodeURIComponent(options.room), this.doc, {
        params: { token: options.token },
        WebSocketPolyfill,
        disableBc: true,
      });
      this.provider.awareness.setLocalStateField("user", { name: options.name });
    }
    const map = this.doc.getMap(SESSION_ROOT);
    map.observe(() => {
      const session = readSession(this.doc);
      if (session === null) return fault(`${owner.name} reads no session`);
      onSession(owner.name, options.room, this.#seen, session);
      this.#seen = session;
    });
  }

  get session(): Session | null {
    return readSession(this.doc);
  }

  /** Whether it has joined the live run, as far as it knows. */
  get hasJoined(): boolean {
    if (!this.isOpen || this.isCached) return false;
    return this.room === null ? this.provider.synced : this.room.state.screen.name === "joined" && this.provider.synced;
  }

  /** Closes the page and its connection, as browsers do. */
  close(): void {
    this.isOpen = false;
    this.room?.suspend();
    this.room?.destroy();
    if (this.room === null) {
      this.provider.destroy();
      this.provider.awareness.destroy();
    }
  }
}

const clockFor = (time: SimTime, owner: Owner): Clock => ({
  now: () => EPOCH_MS + Math.floor(time.now),
  wallNow: () => EPOCH_MS + Math.floor(time.now),
  setTimer: (delayMs, fire) => time.schedule(delayMs, fire, owner),
  afterTurn: (run) => void time.schedule(0, run, owner),
  gather: (ms, run) => void time.schedule(ms, run, owner),
});

export class Person {
  readonly options: PersonOptions;
  readonly environment: Environment;
  readonly uplink: Uplink = createUplink();
  tabs: Tab[] = [];
  /** The document and session storage of the last closed page. */
  #kept: { readonly update: Uint8Array; readonly storage: Map<string, string> } | null = null;
  #tabs = 0;

  constructor(options: PersonOptions, environment: Environment) {
    this.options = options;
    this.environment = environment;
  }

  /** Opens the page, with what an earlier page has kept or with an empty document. */
  open(kept: { readonly update: Uint8Array; readonly storage: Map<string, string> } | null = null): Tab {
    const { time } = this.environment;
    const before = time.owner;
    const owner = new Owner(`${this.options.name}/${++this.#tabs}`);
    // The page owns what its constructor schedules, so that its timers freeze and end with it.
    time.owner = owner;
    try {
      const doc = new Y.Doc();
      if (kept !== null) Y.applyUpdate(doc, kept.update);
      const tab = new Tab(this, owner, doc, new Map(kept?.storage));
      this.tabs.push(tab);
      return tab;
    } finally {
      time.owner = before;
    }
  }

  /** Closes the page and keeps its document, as a page may do in its browser's storage. */
  close(tab: Tab): void {
    this.#kept = { update: Y.encodeStateAsUpdate(tab.doc), storage: tab.storage };
    tab.close();
    this.tabs = this.tabs.filter((each) => each !== tab);
  }

  get kept(): { readonly update: Uint8Array; readonly storage: Map<string, string> } | null {
    return this.#kept;
  }
}
