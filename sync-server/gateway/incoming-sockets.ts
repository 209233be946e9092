/**
 * Between the TCP server and HTTP: reads the PROXY headers of trusted proxies before HTTP parses the connection,
 * determines the client's address of each request, and counts the connections without a valid token.
 */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Clock } from "../../src/clock.ts";
import { plainAddress } from "../config/address-ranges.ts";
import type { Limits } from "../config/limits.ts";
import { healthCheckOf } from "../http/health.ts";
import { isLoopbackAddress } from "../http/origin.ts";
import { problem } from "../http/problem.ts";
import { takeProxyHeader } from "./proxy-protocol.ts";
import type { TrustedProxies } from "./trusted-proxies.ts";
import { UnauthenticatedQuota } from "./unauthenticated-quota.ts";

export type IncomingSocketsOptions = {
  readonly trustedProxies: TrustedProxies;
  readonly limits: Pick<Limits, "unauthenticatedSockets" | "unauthenticatedSeconds">;
  readonly clock: Pick<Clock, "now" | "setTimer">;
};

type HttpHandler = (req: IncomingMessage, res: ServerResponse) => void;

export class IncomingSockets {
  readonly #options: IncomingSocketsOptions;
  readonly #quota: UnauthenticatedQuota;
  /** The sources that PROXY headers named. */
  readonly #proxiedSources = new WeakMap<Socket, string>();
  /** Sockets of trusted proxies that may still send a PROXY header, and which HTTP has not seen therefore. */
  readonly #undecided = new Set<Socket>();

  constructor(options: IncomingSocketsOptions) {
    this.#options = options;
    this.#quota = new UnauthenticatedQuota({
      most: options.limits.unauthenticatedSockets,
      mayHaveAll: this.mayHaveAll,
      clock: options.clock,
    });
  }

  /** Whether an address may be that of many clients: one of this machine, or of a proxy that did not name its client. */
  readonly mayHaveAll = (address: string): boolean =>
    isLoopbackAddress(address) || this.#options.trustedProxies.has(address);

  /** Handles the connections of a server; called before the server listens. */
  watch(server: Server): void {
    // node:http starts its parser in a `connection` listener of its own, so that listener has to wait.
    const listeners = server.listeners("connection") as ((socket: Socket) => void)[];
    server.removeAllListeners("connection");
    server.on("connection", (socket) =>
      this.#accept(socket, () => {
        for (const listener of listeners) listener.call(server, socket);
      }),
    );
  }

  /** Wraps the listener of the server's `request` event, so that connections in the reserve get health checks only. */
  handler(next: HttpHandler): HttpHandler {
    return (req, res) => {
      const { socket } = req;
      const isAllowed = this.#quota.startRequest(socket, this.clientAddress(req));
      res.once("close", () => this.#quota.endRequest(socket));
      if (!isAllowed) res.setHeader("Connection", "close");
      if (isAllowed || healthCheckOf(req) !== null) return next(req, res);
      const { status, headers, body } = problem("overloaded", `${this.#tooMany}.`, { "Retry-After": "5" });
      res.writeHead(status, { ...headers, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store" }).end(body);
    };
  }

  /** Counts an upgrade. @returns the limit that it exceeds, or `null`. */
  startUpgrade(request: IncomingMessage): string | null {
    return this.#quota.startRequest(request.socket, this.clientAddress(request)) ? null : this.#tooMany;
  }

  /** The socket has sent a valid token, so it no longer counts. */
  authenticated(socket: Socket): void {
    this.#quota.delete(socket);
  }

  /** The address of the client that made the request, as far as trusted proxies name it. */
  clientAddress({ socket, headers }: IncomingMessage): string {
    return this.#options.trustedProxies.clientAddress(this.#peerAddress(socket), headers);
  }

  /** Whether a PROXY header named another source than the socket's own. */
  isProxied({ socket }: IncomingMessage): boolean {
    return this.#proxiedSources.has(socket);
  }

  /** Closes the sockets that HTTP has not seen, which `server.closeAllConnections` therefore leaves open. */
  closeUndecided(): void {
    for (const socket of this.#undecided) socket.destroy();
  }

  get #tooMany(): string {
    return `more than ${this.#options.limits.unauthenticatedSockets} connections without a valid token`;
  }

  /** Empty once the socket is closed. */
  #peerAddress(socket: Socket): string {
    return this.#proxiedSources.get(socket) ?? plainAddress(socket.remoteAddress ?? "") ?? "";
  }

  #accept(socket: Socket, parse: () => void): void {
    const { trustedProxies, clock, limits } = this.#options;
    const address = this.#peerAddress(socket);
    // The peer has reset the connection already.
    if (address === "") {
      socket.destroy();
      return;
    }
    socket.once("close", () => this.#quota.delete(socket));
    this.#quota.add(socket, address);
    if (!trustedProxies.has(address)) return parse();
    this.#undecided.add(socket);
    socket.once("close", () => this.#undecided.delete(socket));
    takeProxyHeader(socket, clock, limits.unauthenticatedSeconds * 1_000, (source) => {
      this.#undecided.delete(socket);
      if (source !== null) {
        this.#proxiedSources.set(socket, source);
        this.#quota.setPeerAddress(socket, source);
      }
      parse();
    });
  }
}
