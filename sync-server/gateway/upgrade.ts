/** From an HTTP upgrade to the admission: addresses, origins and subprotocols, and the open WebSockets. */
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { WebSocket, WebSocketServer } from "ws";
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
import type { Limits } from "../config/limits.ts";
import type { UnauthenticatedSockets } from "./unauthenticated-sockets.ts";
import { isAllowedOrigin } from "../http/origin.ts";
import { refuse } from "./admission.ts";
import type { Admission, Refusal, ConnectRequest } from "./admission.ts";
import { ServerWebSocket } from "../websocket/web-socket.ts";
import type { Line } from "../websocket/web-socket.ts";

export type UpgradeOptions = {
  readonly admission: Admission;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly allowedOrigins: readonly string[] | null;
  /** The relay's public address; pages from there may always connect. */
  readonly ownUrl: () => string;
  readonly unauthenticatedSockets: UnauthenticatedSockets;
  readonly logger: Logger;
};

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

/** What is left of an upgrade that was answered: the stream, and what has come on it already. */
type Accepted = { readonly stream: Socket; readonly head: Buffer };

/** `ws` does the handshake; it hands the stream over here, and has no more to do with it. */
class Handshake extends WebSocket {
  accepted: Accepted | null = null;

  setSocket(stream: Socket, head: Buffer): void {
    this.accepted = { stream, head };
  }
}

function destroy(this: Duplex): void {
  this.destroy();
}

export class Upgrades {
  readonly #options: UpgradeOptions;
  readonly #addresses: AddressLimits;
  readonly #server: Server<typeof Handshake>;
  readonly #lines = new Set<ServerWebSocket>();
  #onDrained: (() => void) | null = null;

  constructor(options: UpgradeOptions) {
    this.#options = options;
    this.#addresses = new AddressLimits(options.limits, options.clock);
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      perMessageDeflate: false,
      WebSocket: Handshake,
      // ws would echo the first subprotocol offered, which may be the one that carries the token.
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
  }

  prune(): void {
    this.#addresses.prune();
  }

  /** Listener for the server's `upgrade` event. Never throws. */
  readonly handle = (request: IncomingMessage, stream: Duplex, head: Buffer): void => {
    const broken = this.#count(request.socket);
    const visitor = broken === null ? this.#identify(request) : refuse(CloseCode.tryAgainLater, broken);
    this.#options.admission
      .receive(visitor, () => this.#open(request, stream, head))
      .catch((error: unknown) => {
        this.#options.logger.error({ err: error }, "a connection could not be set up");
        stream.destroy();
      });
  };

  /**
   * Counts the connection for its address. @returns the limit that it breaks, or `null`.
   *
   * What listens as long as the connection lasts is made here, away from the request, which it would keep in memory.
   */
  #count(stream: Socket): string | null {
    // Without a listener, a peer that resets the line now would end the process.
    stream.on("error", destroy);
    const address = stream.remoteAddress ?? "";
    const broken = this.#addresses.open(address);
    if (broken === null) stream.once("close", () => this.#addresses.close(address));
    return broken;
  }

  #identify(request: IncomingMessage): ConnectRequest | Refusal {
    const { allowedOrigins, ownUrl, unauthenticatedSockets } = this.#options;
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
      onAuthenticated: () => unauthenticatedSockets.authenticated(request.socket),
    };
  }

  /** Answers the upgrade; `null` if it is no proper one, which was answered too. */
  #open(request: IncomingMessage, stream: Duplex, head: Buffer): Line | null {
    let accepted: Accepted | null = null;
    this.#server.handleUpgrade(request, stream, head, (handshake) => {
      accepted = handshake.accepted;
    });
    return accepted === null ? null : this.#take(accepted);
  }

  #take({ stream, head }: Accepted): Line {
    const { limits, clock } = this.#options;
    const line = new ServerWebSocket(stream, head, limits.frameBytes, clock);
    this.#lines.add(line);
    stream.once("close", () => {
      this.#lines.delete(line);
      if (this.#lines.size === 0) this.#onDrained?.();
    });
    return line;
  }

  /** Resolves when no line is left and each has left its room; after the admission stopped accepting. */
  async drained(): Promise<void> {
    if (this.#lines.size > 0) await new Promise<void>((resolve) => (this.#onDrained = resolve));
  }

  /** Cuts whatever did not go by itself. */
  terminateAll(): void {
    for (const line of this.#lines) line.terminate();
  }
}
