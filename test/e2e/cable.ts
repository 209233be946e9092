/**
 * A network between one person and the relay that can be pulled out: every connection through it
 * breaks at once, on both sides, and none can be made until it is plugged in again.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";

export type Cable = {
  /** An address of the relay in terms of the cable: the same path on the cable's port. */
  through(url: string): string;
  pull(): void;
  plugIn(): void;
  /** When the browser last closed a WebSocket, by `performance.now()`; `null` if it never did. */
  readonly hungUpAt: number | null;
};

export const createCable = async (relayUrl: string): Promise<Cable> => {
  const sockets = new Set<Socket>();
  let isPulled = false;
  let hungUpAt: number | null = null;
  const server = createServer((near) => {
    if (isPulled) {
      near.destroy();
      return;
    }
    // Not the first bytes alone: a browser may upgrade a connection that has carried requests before.
    let isWebSocket = false;
    near.on("data", (bytes: Buffer) => {
      isWebSocket ||= /^upgrade: *websocket/im.test(bytes.toString("latin1"));
    });
    // A connection that is reset closes without an end.
    let isOver = false;
    const hangUp = (): void => {
      if (isWebSocket && !isOver) hungUpAt = performance.now();
      isOver = true;
    };
    near.once("end", hangUp);
    near.once("close", hangUp);
    const far = connect(Number(new URL(relayUrl).port), "127.0.0.1");
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(socket);
      socket.pipe(other);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const pull = (): void => {
    isPulled = true;
    for (const socket of sockets) socket.destroy();
  };
  onTestFinished(() => {
    pull();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    through: (url) => {
      const own = new URL(url);
      own.port = String(port);
      return own.href;
    },
    pull,
    plugIn: () => {
      isPulled = false;
    },
    get hungUpAt() {
      return hungUpAt;
    },
  };
};
