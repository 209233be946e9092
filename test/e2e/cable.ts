/**
 * The network between one person and the relay, in the test's hands. It can be pulled out (every
 * connection breaks at once, on both sides), go dark (everything is lost and nobody is told), be
 * slow, and be narrow.
 */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { onTestFinished } from "vitest";
import { Random } from "../random.ts";
import { CALM, Pipe } from "../network/pipe.ts";
import type { Weather } from "../network/pipe.ts";

/** From the person to the relay, or from the relay to the person. */
export type Direction = "up" | "down";
const BOTH: readonly Direction[] = ["up", "down"];

export type Cable = {
  /** An address of the relay in terms of the cable: the same path on the cable's port. */
  through(url: string): string;
  /** Breaks all connections, and lets none be made. `reset`: as a router does that forgot them (RST, not FIN). */
  pull(how?: "close" | "reset"): void;
  plugIn(): void;
  /**
   * Loses all bytes in these directions (both, if none is named), and every end and reset with them. The
   * connections of that time stay dead when it is light again, as those of a computer that has moved on to
   * another network do; new ones are sound.
   */
  goDark(...directions: Direction[]): void;
  goLight(): void;
  /** Changes how bytes travel, in these directions (both, if none is named). */
  change(weather: Partial<Weather>, ...directions: Direction[]): void;
  /** When the near side last closed a WebSocket, by `performance.now()`; `null` if it never did. */
  readonly hungUpAt: number | null;
  /** When the near side last began a WebSocket, by `performance.now()`; `null` if it never did. */
  readonly openedAt: number | null;
  /** How many connections were begun. */
  readonly connections: number;
};

export type CableOptions = {
  /** Keeps what is to be done when the cable is no longer needed; tests at the same time need their own. */
  readonly onEnd?: (cleanUp: () => void) => void;
  /** Of the jitter. */
  readonly seed?: number;
};

export const createCable = async (
  relayUrl: string,
  { onEnd = onTestFinished, seed = 1 }: CableOptions = {},
): Promise<Cable> => {
  const random = new Random(seed);
  const sockets = new Set<Socket>();
  const pipes = { up: new Set<Pipe>(), down: new Set<Pipe>() };
  const weather = { up: CALM, down: CALM };
  const dark = new Set<Direction>();
  let isPulled = false;
  let hungUpAt: number | null = null;
  let openedAt: number | null = null;
  let connections = 0;

  const lay = (direction: Direction, from: Socket, to: Socket): void => {
    const pipe = new Pipe(from, to, () => weather[direction], random);
    if (dark.has(direction)) pipe.kill();
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
    if (isPulled) {
      near.destroy();
      return;
    }
    // Not the first bytes alone: a browser may upgrade a connection that has carried requests before.
    let isWebSocket = false;
    near.on("data", (bytes: Buffer) => {
      if (isWebSocket || !/^upgrade: *websocket/im.test(bytes.toString("latin1"))) return;
      isWebSocket = true;
      openedAt = performance.now();
    });
    // A connection that is reset closes without an end.
    let isOver = false;
    const hangUp = (): void => {
      if (isWebSocket && !isOver) hungUpAt = performance.now();
      isOver = true;
    };
    near.once("end", hangUp);
    near.once("close", hangUp);
    const far = connect({
      port: Number(new URL(relayUrl).port),
      host: "127.0.0.1",
      allowHalfOpen: true,
      noDelay: true,
    });
    lay("up", near, far);
    lay("down", far, near);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");

  const pull = (how: "close" | "reset" = "close"): void => {
    isPulled = true;
    for (const socket of sockets) {
      if (how === "reset") socket.resetAndDestroy();
      else socket.destroy();
    }
  };
  onEnd(() => {
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
    goDark: (...directions) => {
      for (const direction of directions.length > 0 ? directions : BOTH) {
        dark.add(direction);
        for (const pipe of pipes[direction]) pipe.kill();
      }
    },
    goLight: () => dark.clear(),
    change: (changes, ...directions) => {
      for (const direction of directions.length > 0 ? directions : BOTH) {
        weather[direction] = { ...weather[direction], ...changes };
        for (const pipe of pipes[direction]) pipe.changed();
      }
    },
    get hungUpAt() {
      return hungUpAt;
    },
    get openedAt() {
      return openedAt;
    },
    get connections() {
      return connections;
    },
  };
};
