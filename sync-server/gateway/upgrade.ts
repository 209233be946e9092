/** From an HTTP upgrade to the admission: limits of the address, origin, room and token; and the open WebSockets. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocketServer } from "ws";
import type { Server } from "ws";
import { CloseCode } from "../../src/protocol/close-codes.ts";
import type { Clock } from "../../src/clock.ts";
import {
  FORMER_SUBPROTOCOL_PREFIX,
  isRoomName,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
} from "../../src/protocol/protocol.ts";
import { AddressLimits } from "./address-limits.ts";
import { largestMessageBytes } from "../config/limits.ts";
import type { Limits } from "../config/limits.ts";
import type { IncomingSockets } from "./incoming-sockets.ts";
import { isAllowedOrigin } from "../http/origin.ts";
import { refuse } from "./admission.ts";
import type { Admission, Refusal, ConnectRequest } from "./admission.ts";
import { ServerWebSocket } from "../websocket/web-socket.ts";
import type { ClientSocket } from "../websocket/web-socket.ts";
import { HandshakeOnly } from "../websocket/ws-internals.ts";
import type { Accepted } from "../websocket/ws-internals.ts";

export type UpgradeOptions = {
  readonly admission: Admission;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[] | null;
  /** The relay's public address; pages of that origin may always connect. */
  readonly ownUrl: () => string;
  readonly incomingSockets: IncomingSockets;
  readonly logger: Logger;
};

const offeredProtocols = (request: IncomingMessage): string[] =>
  (request.headers["sec-websocket-protocol"] ?? "")
    .split(",")
    .map((protocol) => protocol.trim())
    .filter((protocol) => protocol !== "");

/** The room and the token in the address; `null` if it has no valid room name. */
const parseTarget = (target: string): { room: string; token: string | null } | null => {
  const [path = "", query = ""] = target.split(/\?(.*)/s, 2);
  try {
    const room = decodeURIComponent(path.replace(/^\//, ""));
    return isRoomName(room) ? { room, token: new URLSearchParams(query).get("token") } : null;
  } catch {
    return null;
  }
};

function destroy(this: Duplex): void {
  this.destroy();
}

export class Upgrades {
  readonly #options: UpgradeOptions;
  readonly #addresses: AddressLimits;
  readonly #server: Server<typeof HandshakeOnly>;
  readonly #sockets = new Set<ServerWebSocket>();
  #onDrained: (() => void) | null = null;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#addresses = new AddressLimits(options.limits, options.clock, options.incomingSockets.mayHaveAll);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      WebSocket: HandshakeOnly,
      // By default, ws selects the first subprotocol offered, which may be the one that carries the token.
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  prune(): void {
    this.#addresses.prune();
  }

  /** Listener for the server's `upgrade` event. Never throws. */
  readonly handle = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const { incomingSockets } = this.#options;
    // In this order: #count adds the error listener of the socket, and a socket without one may end the process.
    const exceeded =
      this.#count(request.socket, incomingSockets.clientAddress(request)) ?? incomingSockets.startUpgrade(request);
    const target = exceeded === null ? this.#parse(request) : refuse(CloseCode.tryAgainLater, exceeded);
    this.#options.admission
      .receive(target, () => this.#open(request, stream, head))
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error }, "a connection could not be set up");
        stream.destroy();
      });
  };

  /**
   * Counts the connection for the address of its client. @returns the limit that it exceeds, or `null`.
   *
   * Listeners that live as long as the connection are made here, where no closure keeps the request in memory.
   */
  #count(stream: Socket, address: string): string | null {
    // Without a listener, a peer that resets the connection would end the process.
    stream.on("error", destroy);
    const exceeded = this.#addresses.open(address);
    if (exceeded === null) stream.once("close", () => this.#addresses.close(address));
    return exceeded;
  }

  #parse(request: IncomingMessage): ConnectRequest | Refusal {
    const { allowedOrigins, ownUrl, incomingSockets } = this.#options;
    if (!isAllowedOrigin(request.headers.origin, allowedOrigins, ownUrl())) {
      return refuse(CloseCode.forbidden, "pages of this origin are not allowed (allowed-origins)");
    }
    const target = parseTarget(request.url ?? "");
    if (target === null) return refuse(CloseCode.badMessage, "the address names no room: /<room>, 1 to 128 characters");
    const offered = offeredProtocols(request);
    const carried = (prefix: string): string | null =>
      offered.find((protocol) => protocol.startsWith(prefix))?.slice(prefix.length) ?? null;
    return {
      room: target.room,
      token: carried(TOKEN_SUBPROTOCOL_PREFIX) ?? target.token,
      former: carried(FORMER_SUBPROTOCOL_PREFIX),
      speaksSession: offered.includes(SUBPROTOCOL),
      onAuthenticated: () => incomingSockets.authenticated(request.socket),
    };
  }

  /** Completes the handshake; `null` if the request is no valid upgrade, which `ws` has then answered with an error. */
  #open(request: IncomingMessage, stream: Duplex, head: Buffer): ClientSocket | null {
    let accepted: Accepted | null = null;
    this.#server.handleUpgrade(request, stream, head, (handshake) => {
      accepted = handshake.accepted;
    });
    return accepted === null ? null : this.#take(accepted);
  }

  #take({ stream, head }: Accepted): ClientSocket {
    const { limits, clock } = this.#options;
    const socket = new ServerWebSocket(stream, head, largestMessageBytes(limits), clock);
    this.#sockets.add(socket);
    stream.once("close", () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#onDrained?.();
    });
    return socket;
  }

  /** Resolves when no socket is left and all are detached from their rooms. The admission must accept no more. */
  async drained(): Promise<void> {
    if (this.#sockets.size > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Destroys the connections that are still open. */
  terminateAll(): void {
    for (const socket of this.#sockets) socket.terminate();
  }
}
