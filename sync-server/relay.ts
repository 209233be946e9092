/** Puts the relay on the network: HTTP and WebSocket on one port, in front of the core. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import type { Clock } from "../src/clock.ts";
import type { RelayConfig } from "./config/config.ts";
import { createHttpHandler } from "./http/handler.ts";
import { createHttpServer } from "./http/server.ts";
import { IncomingSockets } from "./gateway/incoming-sockets.ts";
import { TrustedProxies } from "./gateway/trusted-proxies.ts";
import { isLoopbackAddress } from "./http/origin.ts";
import { RelayCore } from "./relay-core.ts";
import type { Store } from "./store/store.ts";
import { CommitProofs } from "./auth/commit-proof.ts";
import { createTokens } from "./auth/tokens.ts";
import { Upgrades } from "./gateway/upgrade.ts";

export type RelayOptions = {
  readonly config: RelayConfig;
  readonly clock: Clock;
  readonly store: Store;
  readonly tokenSecret: string;
  readonly logger: Logger;
  /** Folder of the built example page; `null`: none is served. */
  readonly webRoot: string | null;
  /** Called when the store has failed and the relay cannot continue. All connections were closed. */
  readonly onFatal?: (error: Error) => void;
};

export interface Relay {
  /** Address under which this machine reaches the relay, such as `http://localhost:1234`. */
  readonly url: string;
  /** Closes all connections at once with 1012, stores everything, and releases the port and the store. */
  close(): Promise<void>;
  /** The same, but closes connections gradually, so that clients reconnect gradually (docs/SPEC.md, R6). */
  retire(): Promise<void>;
}

/** How long the closing handshakes of WebSockets may take when the relay closes, in ms. */
const CLOSE_TIMEOUT_MS = 1_000;

const boundAddress = (server: Server): AddressInfo | null => {
  const address = server.address();
  return typeof address === "string" ? null : address;
};

/** The address for people: with `localhost` where that reaches the relay. */
const urlOf = ({ address, port }: AddressInfo, host: string): string => {
  const isHere = isLoopbackAddress(address) || address === "0.0.0.0" || address === "::";
  const name = isHere ? "localhost" : host.includes(":") ? `[${host}]` : host;
  return `http://${name}:${port}`;
};

/**
 * Starts a relay; resolves when it listens.
 *
 * @throws the listening error (`EADDRINUSE`, `EACCES`), or a StoreError. The store is not closed then.
 */
export const createRelay = async (options: RelayOptions): Promise<Relay> => {
  const { config, clock, store, logger } = options;
  let isReady = false;
  /** Whether it listens, or did: before that, `createRelay` throws every error. */
  let hasListened = false;
  let url = "";

  const tokens = createTokens(options.tokenSecret, clock, config.tokenJwksUrl);
  const core = await RelayCore.start({
    clock,
    store,
    tokens,
    proofs: new CommitProofs(options.tokenSecret),
    limits: config.limits,
    hostAbsenceMs: config.hostAbsenceMs,
    restartGraceMs: config.restartGraceMs,
    logger,
    onHousekeeping: () => upgrades.prune(),
    onFailure: (error) => {
      isReady = false;
      if (hasListened) options.onFatal?.(error);
    },
  });
  const trustedProxies = new TrustedProxies(config.trustedProxies);
  const incomingSockets = new IncomingSockets({ trustedProxies, limits: config.limits, clock });
  const handler = createHttpHandler({
    config,
    rooms: core.rooms,
    tokens,
    clock,
    logger,
    webRoot: options.webRoot,
    listensOnLoopback: () => isLoopbackAddress(boundAddress(server)?.address ?? ""),
    isProxied: (req) => incomingSockets.isProxied(req),
    baseUrl: () => url,
    isReady: () => isReady,
  });
  const server = createHttpServer(config.limits, incomingSockets.handler(handler));
  incomingSockets.watch(server);
  const upgrades: Upgrades = new Upgrades({
    admission: core.admission,
    clock,
    limits: config.limits,
    allowedOrigins: config.allowedOrigins,
    ownUrl: () => config.publicUrl ?? url,
    incomingSockets,
    logger,
  });

  server.on("upgrade", upgrades.handle);
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(config.port, config.host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // The store may have failed at a deadline in the meantime.
    if (core.failure !== null) throw core.failure;
  } catch (error) {
    server.close();
    await core.abandon();
    throw error;
  }
  server.on("error", (error) => logger.error({ err: error }, "the server failed"));
  url = urlOf(boundAddress(server)!, config.host);
  isReady = hasListened = true;

  const close = async (): Promise<void> => {
    isReady = false;
    const isClosed = new Promise<void>((resolve) => server.close(() => resolve()));
    core.closeAll();
    // Sockets that have not closed in time are destroyed.
    const cancel = clock.setTimer(CLOSE_TIMEOUT_MS, () => {
      upgrades.terminateAll();
      server.closeAllConnections();
    });
    server.closeIdleConnections();
    incomingSockets.closeUndecided();
    await isClosed;
    // The last message of a socket may arrive after the close was sent, and its room may have to write then.
    await upgrades.drained();
    cancel();
    await core.stop();
  };
  let closing: Promise<void> | null = null;
  const closeOnce = (): Promise<void> => (closing ??= close());
  const retire = async (): Promise<void> => {
    isReady = false;
    await core.retire();
    await closeOnce();
  };
  let retiring: Promise<void> | null = null;
  return { url, close: closeOnce, retire: () => (retiring ??= retire()) };
};
