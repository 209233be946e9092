/** Puts the relay together: store, rooms, deadlines, HTTP and WebSocket on one port. */
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Logger } from "pino";
import { CloseCode } from "../src/close-codes.ts";
import type { Clock } from "../src/clock.ts";
import { AwarenessClock } from "./awareness-clock.ts";
import type { RelayConfig } from "./config.ts";
import { Deadlines } from "./deadlines.ts";
import { Heartbeat } from "./heartbeat.ts";
import { createHttpHandler } from "./http-api.ts";
import { createHttpServer } from "./http-server.ts";
import { Journal } from "./journal.ts";
import { Newcomers } from "./newcomers.ts";
import { isLoopbackAddress } from "./origin.ts";
import { Room } from "./room.ts";
import { Rooms } from "./rooms.ts";
import { inSpread } from "./spread.ts";
import type { Store } from "./store/store.ts";
import { createTokens } from "./tokens.ts";
import { Upgrades } from "./upgrade.ts";

export type RelayOptions = {
  readonly config: RelayConfig;
  readonly clock: Clock;
  readonly store: Store;
  readonly tokenSecret: string;
  readonly logger: Logger;
  /** Folder of the built example page; `null`: none is served. */
  readonly webRoot: string | null;
  /** Told when the relay cannot go on: its store failed. Everybody was disconnected. */
  readonly onFatal?: (error: Error) => void;
};

export interface Relay {
  /** Address under which this machine reaches the relay, such as `http://localhost:1234`. */
  readonly url: string;
  /** Tells everybody at once to come back later, keeps everything, and lets go of the port and the store. */
  close(): Promise<void>;
  /** The same, but sends people away little by little, so that they come back little by little (docs/SPEC.md, R6). */
  retire(): Promise<void>;
}

/** Live rooms that are looked at together at the start. */
const START_BATCH = 1_000;
/** How long sockets may take to say goodbye when the relay closes, in ms. */
const GOODBYE_MS = 1_000;
const RESTARTING = "the relay is restarting";

const toError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));

const boundAddress = (server: Server): AddressInfo | null => {
  const address = server.address();
  return typeof address === "string" ? null : address;
};

/** The address for people: `localhost` where that reaches the relay, since it reads best. */
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
  /** Whether it listens, or did: before that, whoever starts it is told of every error. */
  let hasListened = false;
  let failure = null as Error | null;
  let url = "";

  const fail = (error: Error): void => {
    if (failure !== null) return;
    failure = error;
    if (!hasListened) return;
    isReady = false;
    logger.fatal({ err: error }, "the store failed; everybody is sent away");
    const reason = "the relay cannot store anything";
    upgrades.stopAccepting(CloseCode.tryAgainLater, reason);
    for (const room of rooms.loaded) room.closeAll(CloseCode.tryAgainLater, reason);
    options.onFatal?.(error);
  };
  const journal = new Journal(store, clock, fail, (error) => {
    logger.error({ err: error }, "something could not be told after a commit");
  });

  const { awarenessClock, key, value } = await AwarenessClock.open(store, clock);
  journal.write({ type: "put-meta", key, value }, "flushed");

  const deadlines = new Deadlines({
    store,
    journal,
    clock,
    check: (room) => rooms.checkDeadline(room),
    onError: (error) => fail(toError(error)),
  });
  const context = {
    clock,
    journal,
    awarenessClock,
    limits: config.limits,
    hostAbsenceMs: config.hostAbsenceMs,
    startedAt: clock.now(),
    deadlineSet: (deadlineAt: number) => deadlines.noticed(deadlineAt),
  };
  const rooms = new Rooms(store, context);
  const tokens = createTokens(options.tokenSecret, clock, config.tokenJwksUrl);

  // Before anybody can connect: every live run gets the deadline that a start of the relay gives it.
  for await (const records of store.liveRooms(START_BATCH)) {
    for (const record of records) {
      new Room({ record, content: [], guard: [] }, context).resume(config.restartGraceMs);
    }
    await journal.settled();
  }
  await journal.settled();
  await deadlines.start();

  const heartbeat = new Heartbeat(clock, () => {
    for (const room of rooms.loaded) room.renewPresence();
    upgrades.prune();
  });
  const handler = createHttpHandler({
    config,
    rooms,
    tokens,
    clock,
    logger,
    webRoot: options.webRoot,
    listensOnLoopback: () => isLoopbackAddress(boundAddress(server)?.address ?? ""),
    baseUrl: () => url,
    isReady: () => isReady,
  });
  const server = createHttpServer(config.limits, handler);
  const newcomers = new Newcomers(server, config.limits.newcomers);
  const upgrades: Upgrades = new Upgrades({
    rooms,
    tokens,
    clock,
    limits: config.limits,
    allowedOrigins: config.allowedOrigins,
    ownUrl: () => config.publicUrl ?? url,
    heartbeat,
    newcomers,
    logger,
  });

  server.on("upgrade", upgrades.handle);
  const stopTimers = (): void => {
    heartbeat.stop();
    deadlines.stop();
  };
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(config.port, config.host, () => {
        server.off("error", reject);
        resolve();
      });
    });
    // A deadline may have been served in the meantime.
    if (failure !== null) throw failure;
  } catch (error) {
    stopTimers();
    server.close();
    await journal.stop();
    throw error;
  }
  server.on("error", (error) => logger.error({ err: error }, "the server failed"));
  url = urlOf(boundAddress(server)!, config.host);
  isReady = hasListened = true;

  const stopAccepting = (): void => {
    isReady = false;
    // A relay that has failed goes on saying so.
    if (failure === null) upgrades.stopAccepting(CloseCode.restarting, RESTARTING);
    // What falls due from now on is the next start's to serve (L14): hosts are sent away, they do not leave.
    deadlines.stop();
  };
  const close = async (): Promise<void> => {
    stopAccepting();
    heartbeat.stop();
    const isClosed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const room of rooms.loaded) room.closeAll(CloseCode.restarting, RESTARTING);
    // Whoever does not answer the goodbye in time is cut off.
    const cancel = clock.setTimer(GOODBYE_MS, () => {
      upgrades.terminateAll();
      server.closeAllConnections();
    });
    server.closeIdleConnections();
    await isClosed;
    // The last word of a socket may come after its line is closed, and its room may have something to write then.
    await upgrades.drained();
    cancel();
    await journal.stop();
    await store.close();
  };
  const sendAllAway = (): Promise<void> => {
    stopAccepting();
    const all = rooms.loaded.flatMap((room) => [...room.connections].map((connection) => ({ room, connection })));
    // Hosts last: the less time a class is without one, the better.
    return inSpread(
      all,
      ({ connection }) => connection.isHost,
      clock,
      ({ room, connection }) => room.sendAway(connection, CloseCode.restarting, RESTARTING),
    );
  };
  let closing: Promise<void> | null = null;
  const closeOnce = (): Promise<void> => (closing ??= close());
  let retiring: Promise<void> | null = null;
  return { url, close: closeOnce, retire: () => (retiring ??= sendAllAway().then(closeOnce)) };
};
