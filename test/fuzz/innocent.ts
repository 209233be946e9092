/** People who do nothing wrong: they edit, move their cursors, and watch that nothing happens to them. */
import { isDeepStrictEqual } from "node:util";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import { applyAwarenessUpdate, Awareness, encodeAwarenessUpdate } from "y-protocols/awareness";
import * as decoding from "lib0/decoding";
import * as Y from "yjs";
import {
  MessageType,
  SUBPROTOCOL,
  SyncStep,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeAwareness,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import { readSession } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";
import { applyEdit } from "../sync-server/guard/arbitrary-edits.ts";
import type { Edit } from "../sync-server/guard/arbitrary-edits.ts";
import type { RelayUnderFire } from "./relay-under-fire.ts";
import type { Tally } from "./tally.ts";

/** `sub` absent: a guest of an invitation. */
export type Person = { readonly role: Role; readonly sub?: string; readonly name: string };

/** A line between an innocent's document and the relay. */
type Line = {
  readonly awareness: Awareness;
  connect(): void;
  /** Hangs up, for now or for good. */
  disconnect(): void;
  readonly isOnline: boolean;
};

export type LineMaker = (
  url: string,
  room: string,
  token: string,
  doc: Y.Doc,
  onClose: (code: number, reason: string) => void,
) => Line;

export const stockLine: LineMaker = (url, room, token, doc, onClose) => {
  const provider = new WebsocketProvider(url, encodeURIComponent(room), doc, {
    params: { token },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    connect: false,
  });
  provider.on("connection-close", (event) => {
    if (event !== null) onClose(event.code, event.reason);
  });
  return {
    awareness: provider.awareness,
    connect: () => provider.connect(),
    disconnect: () => {
      // Whoever was written under takes another id (yjs 13.6), and y-websocket 3.1 then throws here.
      doc.clientID = provider.awareness.clientID;
      provider.disconnect();
    },
    get isOnline() {
      return provider.synced;
    },
  };
};

/** @param onFrame sees every frame, in both directions. */
export const rawLine =
  (onFrame: (frame: Uint8Array) => void, onPing: (ms: number) => void): LineMaker =>
  (url, room, token, doc, onClose) => {
    const awareness = new Awareness(doc);
    let socket: WebSocket | null = null;
    let isSynced = false;
    let pingedAt = 0;
    const send = (frame: Uint8Array): void => {
      if (socket?.readyState !== WebSocket.OPEN) return;
      onFrame(frame);
      socket.send(frame);
    };
    const receive = (frame: Uint8Array): void => {
      onFrame(frame);
      const decoder = decoding.createDecoder(frame);
      switch (decoding.readVarUint(decoder)) {
        case MessageType.sync: {
          const step = decoding.readVarUint(decoder);
          const payload = decoding.readVarUint8Array(decoder);
          if (step === SyncStep.step1) return send(writeSyncStep2(Y.encodeStateAsUpdate(doc, payload)));
          Y.applyUpdate(doc, payload, awareness);
          if (step === SyncStep.step2) isSynced = true;
          return;
        }
        case MessageType.awareness:
          return applyAwarenessUpdate(awareness, decoding.readVarUint8Array(decoder), "relay");
      }
    };
    const pinger = setInterval(() => {
      if (socket?.readyState !== WebSocket.OPEN || pingedAt !== 0) return;
      pingedAt = performance.now();
      socket.ping();
    }, 100);
    doc.on("destroy", () => clearInterval(pinger));
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== awareness) send(writeUpdate(update));
    });
    awareness.on("update", (_: unknown, origin: unknown) => {
      if (origin === "local") send(writeAwareness(encodeAwarenessUpdate(awareness, [doc.clientID])));
    });
    return {
      awareness,
      connect: () => {
        socket = new WebSocket(`${url}/${encodeURIComponent(room)}`, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token]);
        socket.on("open", () => {
          send(writeCommand({ type: "join", id: 1 }));
          send(writeSyncStep1(Y.encodeStateVector(doc)));
          send(writeAwareness(encodeAwarenessUpdate(awareness, [doc.clientID])));
        });
        socket.on("message", (data: Buffer) => receive(new Uint8Array(data)));
        socket.on("pong", () => {
          onPing(performance.now() - pingedAt);
          pingedAt = 0;
        });
        socket.on("error", () => {});
        socket.on("close", (code, reason) => onClose(code, reason.toString()));
      },
      disconnect: () => socket?.close(),
      get isOnline() {
        return isSynced;
      },
    };
  };

export class Innocent {
  readonly person: Person;
  readonly doc = new Y.Doc();
  readonly #line: Line;
  readonly #tally: Tally;
  #session: Session | null = null;
  /** Whether being disconnected is its own wish. */
  #isAway = true;

  private constructor(
    person: Person,
    makeLine: LineMaker,
    relay: RelayUnderFire,
    room: string,
    token: string,
    tally: Tally,
  ) {
    this.person = person;
    this.#tally = tally;
    this.#line = makeLine(relay.url.replace("http", "ws"), room, token, this.doc, (code, reason) => {
      if (!this.#isAway) this.#complain(`was closed with ${code} "${reason}"`);
    });
    // Typed, as a page has them: Yjs does more with a typed root than with a bare one.
    this.doc.getText("text");
    this.doc.getMap("map");
    this.doc.getArray("array");
    this.doc.getXmlFragment("xml");
    this.doc.on("afterTransaction", () => this.#checkSession());
    this.#line.awareness.setLocalState({ user: { name: person.name }, cursor: null });
  }

  static async make(
    person: Person,
    makeLine: LineMaker,
    relay: RelayUnderFire,
    room: string,
    tally: Tally,
  ): Promise<Innocent> {
    const { role, sub, name } = person;
    const token = await relay.token({ room, role, ...(sub === undefined ? {} : { sub, name }) });
    return new Innocent(person, makeLine, relay, room, token, tally);
  }

  get clientId(): number {
    return this.doc.clientID;
  }

  get session(): Session | null {
    return this.#session;
  }

  get awareness(): Awareness {
    return this.#line.awareness;
  }

  get isOnline(): boolean {
    return this.#line.isOnline;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  #complain(what: string): void {
    this.#tally.violation(`${this.person.name} ${what}`);
  }

  /** Once live, the session stays just as it is: nobody ends it here. */
  #checkSession(): void {
    const session = readSession(this.doc);
    if (this.#session?.status === "live" && !isDeepStrictEqual(session, this.#session)) {
      this.#complain(`saw a wrong session: ${JSON.stringify(session)} in place of ${JSON.stringify(this.#session)}`);
    }
    if (session !== null) this.#session = session;
  }

  come(): void {
    this.#isAway = false;
    this.#line.connect();
  }

  go(): void {
    this.#isAway = true;
    // Absent guests with stock clients share their ids (docs/guard.md); everybody else's are their own.
    const isKnown = this.person.sub !== undefined;
    if (isKnown && this.doc.clientID !== this.#line.awareness.clientID) {
      this.#complain("lost its client id: somebody else wrote under it");
    }
    this.#line.disconnect();
  }

  destroy(): void {
    this.go();
    this.#line.awareness.destroy();
    this.doc.destroy();
  }

  edit(edit: Edit): void {
    try {
      applyEdit(this.doc, edit);
    } catch (error) {
      this.#complain(`could not edit (${JSON.stringify(edit)}): ${String((error as Error).stack)}`);
    }
  }

  moveCursor(anchor: number): void {
    this.#line.awareness.setLocalStateField("cursor", { anchor, head: anchor });
  }

  /** Looks at what others are said to be. @param people who stands behind each innocent's client id. */
  checkPresence(people: ReadonlyMap<number, Person>): void {
    for (const [clientId, state] of this.#line.awareness.getStates()) {
      if (clientId === this.clientId) continue;
      const user = (state["user"] ?? {}) as Record<string, unknown>;
      const person = people.get(clientId);
      const isHost = [...people.values()].some(({ role, sub }) => role === "host" && sub === user["id"]);
      if (user["role"] === "host" && !isHost) this.#complain(`saw a false host: ${JSON.stringify(user)}`);
      if (person === undefined) continue;
      const isRight =
        user["role"] === person.role &&
        user["name"] === person.name &&
        user["verified"] === (person.sub !== undefined) &&
        (person.sub === undefined || user["id"] === person.sub);
      if (!isRight) this.#complain(`saw ${person.name} as ${JSON.stringify(user)}`);
    }
  }
}
