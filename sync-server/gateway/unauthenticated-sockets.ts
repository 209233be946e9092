/**
 * Connections that have not proved themselves: TCP sockets on which no valid token has come yet.
 * Their number is bounded, so that a flood of silent ones cannot use up the relay; node:http bounds
 * their time and bytes (`http-server.ts`).
 */
import type { Server } from "node:http";
import type { Socket } from "node:net";

export class UnauthenticatedSockets {
  readonly #sockets = new Set<Socket>();

  /** Watches a server. @param most sockets beyond this are cut at once, newest first. */
  constructor(server: Server, most: number) {
    server.on("connection", (socket) => {
      if (this.#sockets.size >= most) {
        socket.destroy();
        return;
      }
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    });
  }

  /** The socket has shown a valid token; it counts no more. */
  authenticated(socket: Socket): void {
    this.#sockets.delete(socket);
  }
}
