/**
 * A TCP proxy between one client and the relay that emulates a bad network. It can disconnect (every
 * connection breaks at once, on both sides), become a black hole (bytes, FINs and RSTs are all lost, so
 * neither side notices), and delay or throttle traffic.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { Random } from "../random.ts";
import { UNSHAPED, Pipe } from "./pipe.ts";
import type { TrafficShape } from "./pipe.ts";

/** "up": from the client to the relay; "down": from the relay to the client. */
type Direction = "up" | "down";
const BOTH: readonly Direction[] = ["up", "down"];

export type EmulatedNetwork = {
  /** Rewrites a URL of the relay so that it leads through this proxy. */
  through(url: string): string;
  /** Breaks all connections and refuses new ones. `reset`: with RST instead of FIN, as a router does that has lost its state. */
  disconnect(how?: "close" | "reset"): void;
  reconnect(): void;
  /**
   * Drops everything in these directions (default: both), including FIN and RST. Connections that exist or
   * are opened during that time stay dead after `endBlackhole`, like those of a computer that has switched
   * to another network; later connections work.
   */
  blackhole(...directions: Direction[]): void;
  endBlackhole(): void;
  /** Changes delay and bandwidth in these directions (default: both). */
  shape(changes: Partial<TrafficShape>, ...directions: Direction[]): void;
  /** When the client last closed a WebSocket, by `performance.now()`; `null` if it never did. */
  readonly clientClosedAt: number | null;
  /** When the client last opened a WebSocket, by `performance.now()`; `null` if it never did. */
  readonly clientOpenedAt: number | null;
  /** How many connections the client has opened or tried to open. */
  readonly connections: number;
};

type EmulatedNetworkOptions = {
  /** Registers the cleanup. Concurrent tests must pass `onTestFinished` of their own context. */
  readonly onEnd?: (cleanUp: () => void) => void;
  /** Seed of the jitter. */
  readonly seed?: number;
};

export const createEmulatedNetwork = async (
  relayUrl: string,
  { onEnd = onTestFinished, seed = 1 }: EmulatedNetworkOptions = {},
): Promise<EmulatedNetwork> => {
  const random = new Random(seed);
  const sockets = new Set<Socket>();
  const pipes = { up: new Set<Pipe>(), down: new Set<Pipe>() };
  const shapes = { up: UNSHAPED, down: UNSHAPED };
  const blackholed = new Set<Direction>();
  let isDisconnected = false;
  let clientClosedAt: number | null = null;
  let clientOpenedAt: number | null = null;
  let connections = 0;

  const addPipe = (direction: Direction, from: Socket, to: Socket): void => {
    const pipe = new Pipe(from, to, () => shapes[direction], random);
    if (blackholed.has(direction)) pipe.blackhole();
    pipes[direction].add(pipe);
    sockets.add(from);
    from.on("error", () => undefined);
    from.on("close", () => {
      sockets.delete(from);
      pipes[direction].delete(pipe);
    });
  };

  const server = createServer({ allowHalfOpen: true, noDelay: true }, (near) => {
    connections++;
    if (isDisconnected) {
      near.destroy();
      return;
    }
    // Look at all data, not only the first chunk: a browser may upgrade a connection that it has used for requests.
    let isWebSocket = false;
    near.on("data", (bytes: Buffer) => {
      if (isWebSocket || !/^upgrade: *websocket/im.test(bytes.toString("latin1"))) return;
      isWebSocket = true;
      clientOpenedAt = performance.now();
    });
    // A reset connection emits "close" without "end".
    let isOver = false;
    const onClientClosed = (): void => {
      if (isWebSocket && !isOver) clientClosedAt = performance.now();
      isOver = true;
    };
    near.once("end", onClientClosed);
    near.once("close", onClientClosed);
    const far = connect({
      port: Number(new URL(relayUrl).port),
      host: "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true,
    });
    addPipe("up", near, far);
    addPipe("down", far, near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const disconnect = (how: "close" | "reset" = "close"): void => {
    isDisconnected = true;
    for (const socket of sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  };
  onEnd(() => {
    disconnect();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    through: (url) => {
      const own = new URL(url);
      own.port = String(port);
      return own.href;
    },
    disconnect,
    reconnect: () => {
      isDisconnected = false;
    },
    blackhole: (...directions) => {
      for (const direction of directions.length > 0 ? directions : BOTH) {
        blackholed.add(direction);
        for (const pipe of pipes[direction]) pipe.blackhole();
      }
    },
    endBlackhole: () => blackholed.clear(),
    shape: (changes, ...directions) => {
      for (const direction of directions.length > 0 ? directions : BOTH) {
        shapes[direction] = { ...shapes[direction], ...changes };
        for (const pipe of pipes[direction]) pipe.shapeChanged();
      }
    },
    get clientClosedAt() {
      return clientClosedAt;
    },
    get clientOpenedAt() {
      return clientOpenedAt;
    },
    get connections() {
      return connections;
    },
  };
};
