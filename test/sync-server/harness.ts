/** A real relay in this process, on a free port and with a manual clock, and clients that connect to it. */
import pino from "pino";
import { onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import * as decoding from "lib0/decoding";
import { manualClock } from "../manual-clock.ts";
import type { ManualClock } from "../manual-clock.ts";
import { MessageType, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX, writeCommand } from "../../src/protocol/protocol.ts";
import type { Answer, Command, RefusedMessage, RelayMessage, Welcome } from "../../src/protocol/protocol.ts";
import { readSession } from "../../src/session/session.ts";
import type { Role, Session } from "../../src/session/session.ts";
import type { RelayConfig } from "../../sync-server/config/config.ts";
import { DEFAULT_LIMITS } from "../../sync-server/config/limits.ts";
import { createRelay } from "../../sync-server/relay.ts";
import type { Relay } from "../../sync-server/relay.ts";
import type { Limits } from "../../sync-server/config/limits.ts";
import { MemoryStore } from "../../sync-server/store/memory-store.ts";
import type { Store } from "../../sync-server/store/store.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import type { Claims } from "../../sync-server/auth/tokens.ts";

export const ABSENCE_MS = 15 * 60_000;
export const GRACE_MS = 30_000;
export const SECRET = "a secret of the tests, long enough for HS256";
export const ADMIN_KEY = "the operator's key in the tests";
/** Claims of the two people that most tests need. */
export const host = { role: "host", sub: "h1", name: "Hana" } as const;
export const participant = { role: "participant", sub: "p1", name: "Pia" } as const;
export type PersonClaims = typeof host | typeof participant;
const WAIT_MS = 4_000;

/** Polls until the condition holds; throws an error with `what` if it does not within `WAIT_MS`. */
export const until = async (what: string, condition: () => unknown): Promise<void> => {
  const giveUpAt = Date.now() + WAIT_MS;
  while (!(await condition())) {
    if (Date.now() > giveUpAt) throw new Error(`timed out waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
};

export type Setting = {
  readonly relay: Relay;
  readonly clock: ManualClock;
  readonly store: Store;
  readonly wsUrl: string;
  /** Everything that the relay has logged, as JSON lines. */
  readonly log: string[];
  /** The error with which the relay has called `onFatal`, if any. */
  readonly fatal: Error | null;
  token(claims: Partial<Claims> & { role: Role }): Promise<string>;
  api(
    method: string,
    path: string,
    body?: unknown,
    key?: string,
  ): Promise<{ status: number; body: Record<string, unknown> }>;
};

export type StartOptions = {
  readonly store?: Store;
  readonly clock?: ManualClock;
  readonly config?: Partial<RelayConfig>;
  readonly limits?: Partial<Limits>;
  readonly secret?: string;
};

/** Starts a relay that is closed when the test ends. */
export const startRelay = async (options: StartOptions = {}): Promise<Setting> => {
  const clock = options.clock ?? manualClock(Date.now());
  const store = options.store ?? new MemoryStore();
  const secret = options.secret ?? SECRET;
  const config: RelayConfig = {
    port: 0,
    host: "127.0.0.1",
    dataDir: "unused",
    hostAbsenceMs: ABSENCE_MS,
    restartGraceMs: GRACE_MS,
    tokenTtlMs: 30 * 24 * 3_600_000,
    publicUrl: null,
    tokenSecret: null,
    tokenJwksUrl: null,
    adminKey: ADMIN_KEY,
    allowedOrigins: null,
    trustedProxies: [],
    store: "memory",
    logLevel: "silent",
    ...options.config,
    limits: { ...DEFAULT_LIMITS, ...options.limits },
  };
  const log: string[] = [];
  let fatal: Error | null = null;
  const relay = await createRelay({
    config,
    clock,
    store,
    tokenSecret: secret,
    logger: pino({ level: "trace" }, { write: (line) => void log.push(line) }),
    webRoot: null,
    onFatal: (error) => {
      fatal = error;
    },
  });
  onTestFinished(() => relay.close());
  const tokens = createTokens(secret, clock);
  return {
    relay,
    clock,
    store,
    wsUrl: relay.url.replace("http", "ws").replace("localhost", "127.0.0.1"),
    log,
    get fatal() {
      return fatal;
    },
    token: (claims) => tokens.sign({ room: "room", expiresAt: clock.wallNow() + 3_600_000, ...claims }),
    api: async (method, path, body, key = ADMIN_KEY) => {
      const response = await fetch(relay.url.replace("localhost", "127.0.0.1") + path, {
        method,
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    },
  };
};

/** The room's description from `GET /v1/rooms/:room` with the admin key. */
export const roomState = async (setting: Setting, room = "room"): Promise<Record<string, unknown>> =>
  (await setting.api("GET", `/v1/rooms/${encodeURIComponent(room)}`)).body;

/** A stock y-websocket client. */
export type StockClient = {
  readonly doc: Y.Doc;
  readonly provider: WebsocketProvider;
  readonly text: Y.Text;
  readonly session: Session | null;
  /** Close code after which the provider does not reconnect. */
  readonly closed: number | null;
  /** `user` fields of all other awareness states. */
  readonly others: Record<string, unknown>[];
};

export const stockClient = async (
  setting: Setting,
  claims: Partial<Claims> & { role: Role },
  options: { room?: string; doc?: Y.Doc; user?: unknown } = {},
): Promise<StockClient> => {
  const doc = options.doc ?? new Y.Doc();
  const room = options.room ?? claims.room ?? "room";
  const provider = new WebsocketProvider(setting.wsUrl, encodeURIComponent(room), doc, {
    params: { token: await setting.token({ ...claims, room }) },
    WebSocketPolyfill: WebSocket as unknown as typeof globalThis.WebSocket,
    disableBc: true,
    connect: false,
  });
  if (options.user !== undefined) provider.awareness.setLocalStateField("user", options.user);
  let closed: number | null = null;
  provider.on("closed", ({ code }) => {
    closed = code;
  });
  provider.connect();
  onTestFinished(() => {
    provider.destroy();
    doc.destroy();
  });
  return {
    doc,
    provider,
    text: doc.getText("text"),
    get session() {
      return readSession(doc);
    },
    get closed() {
      return closed;
    },
    get others() {
      return [...provider.awareness.getStates()]
        .filter(([id]) => id !== doc.clientID)
        .map(([, state]) => state["user"] as Record<string, unknown>);
    },
  };
};

/** The awareness state that a peer last accepted; `state` is `null` after its removal. */
type SeenState = { readonly clock: number; readonly state: Record<string, unknown> | null };

/** A bare WebSocket that keeps all frames; with `session-room.v1` by default. */
export type RawClient = {
  readonly socket: WebSocket;
  readonly frames: Uint8Array[];
  readonly welcome: Welcome | null;
  readonly refused: readonly RefusedMessage[];
  /** The session messages received. */
  readonly messages: RelayMessage[];
  /** The document that the received sync frames result in. */
  readonly doc: Y.Doc;
  readonly session: Session | null;
  readonly closeCode: number | null;
  readonly closeReason: string;
  /** Kinds of sync frames received, in order: 0, 1 or 2. */
  readonly syncSteps: number[];
  /** The awareness states received, by client id. As in y-protocols, one is accepted with a higher clock, or with `null` at an equal clock. */
  readonly seen: ReadonlyMap<number, SeenState>;
  command(command: Command extends infer C ? (C extends Command ? Omit<C, "id"> : never) : never): Promise<Answer>;
  send(bytes: Uint8Array): void;
};

/** Applies an awareness update as y-protocols does (`applyAwarenessUpdate`). */
const applyAwareness = (seen: Map<number, SeenState>, update: Uint8Array): void => {
  const decoder = decoding.createDecoder(update);
  for (let left = decoding.readVarUint(decoder); left > 0; left--) {
    const clientId = decoding.readVarUint(decoder);
    const clock = decoding.readVarUint(decoder);
    const state = JSON.parse(decoding.readVarString(decoder)) as SeenState["state"];
    const known = seen.get(clientId);
    if (known !== undefined && (clock < known.clock || (clock === known.clock && state !== null))) continue;
    seen.set(clientId, { clock, state });
  }
};

export const rawClient = async (
  setting: Setting,
  token: string,
  options: { room?: string; protocols?: string[]; path?: string; headers?: Record<string, string> } = {},
): Promise<RawClient> => {
  const path = options.path ?? `/${encodeURIComponent(options.room ?? "room")}`;
  const protocols = options.protocols ?? [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token];
  const socket = new WebSocket(setting.wsUrl + path, protocols, { headers: options.headers ?? {} });
  const frames: Uint8Array[] = [];
  const messages: RelayMessage[] = [];
  const syncSteps: number[] = [];
  const seen = new Map<number, SeenState>();
  const answers = new Map<number, Answer>();
  const refused: RefusedMessage[] = [];
  const doc = new Y.Doc();
  let welcome: Welcome | null = null;
  let closeCode: number | null = null;
  let closeReason = "";
  let nextId = 1;
  socket.on("error", () => {});
  socket.on("message", (data: Buffer) => {
    frames.push(new Uint8Array(data));
    const decoder = decoding.createDecoder(new Uint8Array(data));
    const type = decoding.readVarUint(decoder);
    if (type === MessageType.sync) {
      const step = decoding.readVarUint(decoder);
      syncSteps.push(step);
      if (step !== 0) Y.applyUpdate(doc, decoding.readVarUint8Array(decoder));
    } else if (type === MessageType.awareness) {
      applyAwareness(seen, decoding.readVarUint8Array(decoder));
    } else if (type === MessageType.session) {
      const message = JSON.parse(decoding.readVarString(decoder)) as RelayMessage;
      messages.push(message);
      if (message.type === "welcome") welcome = message;
      else if (message.type === "refused") refused.push(message);
      else if (message.type === "answer") answers.set(message.id, message);
    }
  });
  socket.on("close", (code, reason) => {
    closeCode = code;
    closeReason = reason.toString();
  });
  onTestFinished(() => socket.terminate());
  await until("the socket opened or closed", () => socket.readyState !== WebSocket.CONNECTING);
  return {
    socket,
    frames,
    messages,
    doc,
    syncSteps,
    seen,
    refused,
    get welcome() {
      return welcome;
    },
    get session() {
      return readSession(doc);
    },
    get closeCode() {
      return closeCode;
    },
    get closeReason() {
      return closeReason;
    },
    command: async (command) => {
      const id = nextId++;
      socket.send(writeCommand({ ...command, id } as Command));
      await until(`"${command.type}" was answered`, () => answers.has(id) || closeCode !== null);
      return answers.get(id)!;
    },
    send: (bytes) => socket.send(bytes),
  };
};
