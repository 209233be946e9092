/**
 * From an HTTP upgrade to a connection in a room. Whoever is refused is let in first and then
 * closed with a code, because browsers see nothing of a refused upgrade (docs/SPEC.md, W4).
 */
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import type { RawData, WebSocket } from "ws";
import { CloseCode } from "../src/close-codes.ts";
import type { Clock } from "../src/clock.ts";
import { isRoomName, SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX, writeRelayMessage } from "../src/protocol.ts";
import { AddressLimits } from "./address-limits.ts";
import { Connection } from "./connection.ts";
import { Credential } from "./credential.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { Limits } from "./limits.ts";
import type { Newcomers } from "./newcomers.ts";
import { isAllowedOrigin } from "./origin.ts";
import { identify } from "./people.ts";
import type { Arrival } from "./people.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Room } from "./room.ts";
import type { Lease, Rooms } from "./rooms.ts";
import type { Tokens } from "./tokens.ts";
import { WsSocket } from "./ws-socket.ts";

/** RFC 6455: an unexpected condition. Retried by clients. */
const INTERNAL_ERROR = 1011;

/** How long a peer may take to answer a close frame before it is cut, in ms. */
const GOODBYE_MS = 2_000;

export type UpgradeOptions = {
  readonly rooms: Rooms;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[] | null;
  /** The relay's public address; pages from there may always connect. */
  readonly ownUrl: () => string;
  readonly heartbeat: Heartbeat;
  readonly newcomers: Newcomers;
  readonly logger: Logger;
};

type Refusal = { readonly code: CloseCode; readonly reason: string };
type Entrance = { readonly lease: Lease; readonly arrival: Arrival; readonly credential: Credential };

const refuse = (code: CloseCode, reason: string): Refusal => ({ code, reason });

const offeredProtocols = (request: IncomingMessage): string[] =>
  (request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");

/** The room and the token that the address names; `null` if it names no possible room. */
const parseTarget = (target: string): { room: string; token: string | null } | null => {
  const [path = "", query = ""] = target.split(/\?(.*)/s, 2);
  try {
    const room = decodeURIComponent(path.replace(/^\//, ""));
    return isRoomName(room) ? { room, token: new URLSearchParams(query).get("token") } : null;
  } catch {
    return null;
  }
};

const toBytes = (data: RawData): Uint8Array => {
  if (Array.isArray(data)) return Buffer.concat(data);
  return data instanceof ArrayBuffer ? new Uint8Array(data) : data;
};

export class Upgrades {
  readonly #options: UpgradeOptions;
  readonly #addresses: AddressLimits;
  readonly #server: WebSocketServer;
  readonly #sockets = new Set<WebSocket>();
  /** What every newcomer is told, once the relay takes none any more. */
  #farewell: Refusal | null = null;
  #onDrained: (() => void) | null = null;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#addresses = new AddressLimits(options.limits, options.clock);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      maxPayload: options.limits.frameBytes,
      // In ws since 8.19; its types do not know it yet.
      ...({ closeTimeout: GOODBYE_MS } as object),
      // ws would echo the first subprotocol offered, which may be the one that carries the token.
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  prune(): void {
    this.#addresses.prune();
  }

  /** Listener for the server's `upgrade` event. Never throws. */
  readonly handle = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    // Without a listener, a peer that resets the line now would end the process.
    stream.on("error", () => stream.destroy());
    this.#handle(request, stream, head).catch((error: unknown) => {
      this.#options.logger.error({ err: error }, "a connection could not be set up");
      stream.destroy();
    });
  };

  async #handle(request: IncomingMessage, stream: Duplex, head: Buffer): Promise<void> {
    const address = request.socket.remoteAddress ?? "";
    const broken = this.#addresses.open(address);
    if (broken === null) stream.once("close", () => this.#addresses.close(address));
    const speaksSession = offeredProtocols(request).includes(SUBPROTOCOL);
    const entrance =
      broken === null ? await this.#admit(request, speaksSession) : refuse(CloseCode.tryAgainLater, broken);
    let isOpen = false;
    this.#server.handleUpgrade(request, stream, head, (socket) => {
      isOpen = true;
      // A bad frame is an `error` event; `close` follows and does what is to be done.
      socket.on("error", () => {});
      this.#sockets.add(socket);
      socket.once("close", () => {
        this.#sockets.delete(socket);
        if (this.#sockets.size === 0) this.#onDrained?.();
      });
      const refusal = "code" in entrance ? entrance : this.#refuseAtTheDoor(entrance.lease.room);
      if (refusal !== null) {
        this.#options.logger.info(refusal, "refused a connection");
        socket.close(refusal.code, refusal.reason);
        if ("lease" in entrance) entrance.lease.release();
      } else if ("lease" in entrance) this.#connect(socket, entrance, speaksSession);
    });
    if (!isOpen && "lease" in entrance) entrance.lease.release();
  }

  /** What may have changed while the token was checked: many can be on their way in at once. */
  #refuseAtTheDoor({ connections }: Room): Refusal | null {
    if (this.#farewell !== null) return this.#farewell;
    const { connectionsPerRoom } = this.#options.limits;
    if (connections.size < connectionsPerRoom) return null;
    const reason = `more than ${connectionsPerRoom} connections in one room (limit-connections-per-room)`;
    return refuse(CloseCode.tryAgainLater, reason);
  }

  async #admit(request: IncomingMessage, speaksSession: boolean): Promise<Refusal | Entrance> {
    const { rooms, tokens, clock, allowedOrigins, ownUrl } = this.#options;
    if (this.#farewell !== null) return this.#farewell;
    if (!isAllowedOrigin(request.headers.origin, allowedOrigins, ownUrl())) {
      return refuse(CloseCode.forbidden, "pages of this origin are not allowed (allowed-origins)");
    }
    const target = parseTarget(request.url ?? "");
    if (target === null) return refuse(CloseCode.badMessage, "the address names no room: /<room>, 1 to 128 characters");
    const inProtocol = offeredProtocols(request).find((offered) => offered.startsWith(TOKEN_SUBPROTOCOL_PREFIX));
    const verified = await tokens.verify(inProtocol?.slice(TOKEN_SUBPROTOCOL_PREFIX.length) ?? target.token);
    if (!verified.ok) {
      const code = verified.fault === "unavailable" ? CloseCode.tryAgainLater : CloseCode.unauthorized;
      return refuse(code, verified.message);
    }
    const { claims } = verified;
    if (claims.room !== target.room) return refuse(CloseCode.forbidden, "the token is for another room");
    this.#options.newcomers.proved(request.socket);
    const arrival = await identify(claims, tokens, speaksSession);
    const lease = await rooms.enter(claims.room);
    return { lease, arrival, credential: new Credential(tokens, clock, claims, arrival) };
  }

  #connect(socket: WebSocket, { lease, arrival, credential }: Entrance, speaksSession: boolean): void {
    const { clock, limits, heartbeat, logger } = this.#options;
    const { room } = lease;
    const peer = new WsSocket(socket, clock, limits.bufferedBytes, credential);
    const connection = new Connection(peer, arrival, credential, new RateLimit(limits, clock), speaksSession);
    heartbeat.add(peer);
    socket.on("pong", () => {
      peer.heardAt = clock.now();
    });
    socket.on("message", (data, isBinary) => {
      peer.heardAt = clock.now();
      try {
        const bytes = toBytes(data);
        const broken = connection.rate.takeMessage(bytes.byteLength);
        if (broken !== null) room.refuse(connection, CloseCode.tryAgainLater, broken);
        else if (isBinary) room.receive(connection, bytes);
        else room.refuse(connection, CloseCode.badMessage, "text frames are not part of the protocol");
      } catch (error) {
        // Ours, not the client's: it may come again.
        logger.error({ err: error, room: room.name }, "a message could not be handled");
        socket.close(INTERNAL_ERROR, "internal error");
      }
    });
    socket.once("close", () => {
      heartbeat.delete(peer);
      room.detach(connection);
      lease.release();
    });
    if (speaksSession) peer.send(writeRelayMessage(credential.welcome));
    room.attach(connection);
  }

  /** Refuses newcomers from now on, also those who are on their way in. */
  stopAccepting(code: CloseCode, reason: string): void {
    this.#farewell = refuse(code, reason);
  }

  /** Resolves when no socket is left and each has left its room; after `stopAccepting`. */
  async drained(): Promise<void> {
    if (this.#sockets.size > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Cuts whatever did not go by itself. */
  terminateAll(): void {
    for (const socket of this.#sockets) socket.terminate();
  }
}
