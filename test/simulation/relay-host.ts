/** The machine that the relay runs on: starts, kills and stops it, and has a wall clock that can jump. */
import type { Clock } from "../../src/clock.ts";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../../src/protocol/protocol.ts";
import { DEFAULT_LIMITS } from "../../sync-server/config/limits.ts";
import { CommitProofs } from "../../sync-server/auth/commit-proof.ts";
import { RelayCore } from "../../sync-server/relay-core.ts";
import type { Claims, Tokens } from "../../sync-server/auth/tokens.ts";
import type { SimDisk } from "./disk.ts";
import { EPOCH_MS } from "./globals.ts";
import type { Link, Listener } from "./network.ts";
import type { ServerSocket } from "./sockets.ts";
import type { Random } from "../random.ts";
import { Owner } from "./time.ts";
import type { SimTime } from "./time.ts";

/** Notified of what happens to the relay. */
type RelayObserver = {
  readonly booting: (now: number) => void;
  readonly started: (now: number) => void;
  readonly stopped: () => void;
  readonly attached: (socket: ServerSocket, claims: Claims, speaksSession: boolean) => void;
  readonly fault: (what: string) => void;
};

type HostOptions = { readonly hostAbsenceMs: number; readonly restartGraceMs: number };

const PROOFS = new CommitProofs("the secret of the simulation");
/** Small, so that slow clients reach it. */
const BUFFERED_BYTES = 64 * 1024;

/** Tokens without cryptography: signatures are not simulated. */
export const signed = (claims: Claims): string => Buffer.from(JSON.stringify(claims)).toString("base64url");
const readToken = (token: string): Claims => JSON.parse(Buffer.from(token, "base64url").toString()) as Claims;

type Running = {
  readonly owner: Owner;
  readonly clock: Clock;
  readonly links: Set<Link>;
  core: RelayCore | null;
  isStopping: boolean;
};

export class RelayHost implements Listener {
  readonly #time: SimTime;
  readonly #random: Random;
  readonly #disk: SimDisk;
  readonly #options: HostOptions;
  readonly #observer: RelayObserver;
  #running: Running | null = null;
  #starts = 0;
  /** Error of the wall clock, ms. */
  wallOffsetMs = 0;

  constructor(time: SimTime, random: Random, disk: SimDisk, options: HostOptions, watch: RelayObserver) {
    this.#time = time;
    this.#random = random;
    this.#disk = disk;
    this.#options = options;
    this.#observer = watch;
  }

  /** Owner of the relay's events; `null` while it does not listen. */
  get owner(): Owner | null {
    const running = this.#running;
    return running?.core == null ? null : running.owner;
  }

  get core(): RelayCore | null {
    return this.#running?.core ?? null;
  }

  get isUp(): boolean {
    return this.#running !== null;
  }

  get isStopping(): boolean {
    return this.#running?.isStopping ?? false;
  }

  /** The time with which the relay computes deadlines, ms since the epoch; `null` while it is not running. */
  get now(): number | null {
    return this.#running?.clock.now() ?? null;
  }

  /** Number of timers and other pending events of the running relay. */
  get pending(): number {
    return this.#running === null ? 0 : this.#time.pendingOf(this.#running.owner);
  }

  /** The clock that the relay is given; replaced by a mutant. */
  clockForRelay(clock: Clock): Clock {
    return clock;
  }

  start(): void {
    if (this.#running !== null) return;
    const owner = new Owner(`relay ${++this.#starts}`);
    const clock = this.clockForRelay(this.#clockFor(owner));
    const running: Running = { owner, clock, links: new Set(), core: null, isStopping: false };
    this.#running = running;
    this.#observer.booting(clock.now());
    this.#time.schedule(this.#random.between(1, 300), () => void this.#boot(running), owner);
  }

  async #boot(running: Running): Promise<void> {
    const { owner, clock } = running;
    const report = (details: object, what: string): void => {
      const error = (details as { err?: Error }).err;
      this.#observer.fault(`${what}: ${error?.stack ?? JSON.stringify(details)}`);
    };
    const core = await RelayCore.start({
      clock,
      store: this.#disk.open(owner),
      tokens: this.#tokensFor(owner, clock),
      proofs: PROOFS,
      limits: { ...DEFAULT_LIMITS, bufferedBytes: BUFFERED_BYTES },
      ...this.#options,
      logger: { info: () => {}, error: report, fatal: () => {} } as never,
      onHousekeeping: () => {},
      // Like the process, which ends a little later, after the connections are closed.
      onFailure: () => void this.#time.schedule(this.#random.between(0, 100), () => this.kill(), owner),
    }).catch((): null => null);
    if (core === null) return this.kill();
    if (this.#running !== running) return;
    running.core = core;
    this.#observer.started(clock.now());
  }

  /** SIGKILL. */
  kill(): void {
    const running = this.#running;
    if (running === null) return;
    this.#end(running);
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    const running = this.#running;
    if (running === null || running.core === null || running.isStopping) return;
    running.isStopping = true;
    await running.core.retire();
    running.core.closeAll();
    // Terminates the connections that have not answered the close frame, then stops after their last events.
    this.#time.schedule(
      1_000,
      () => {
        for (const { server } of running.links) server?.terminate();
        this.#time.schedule(10, () => void running.core!.stop().then(() => this.#end(running)), running.owner);
      },
      running.owner,
    );
  }

  #end(running: Running): void {
    if (this.#running !== running) return;
    running.owner.isAlive = false;
    this.#running = null;
    const keepsSent = this.#random.chance(0.5);
    for (const link of running.links) link.loseServer(keepsSent);
    this.#observer.stopped();
  }

  accept(link: Link, url: string, protocols: readonly string[], open: () => ServerSocket | null): void {
    const running = this.#running!;
    const { pathname, searchParams } = new URL(url);
    const prefix = TOKEN_SUBPROTOCOL_PREFIX;
    const inProtocol = protocols.find((each) => each.startsWith(prefix))?.slice(prefix.length);
    const token = inProtocol ?? searchParams.get("token");
    const speaksSession = protocols.includes(SUBPROTOCOL);
    const visitor = { room: decodeURIComponent(pathname.slice(1)), token, former: null, speaksSession };
    running.links.add(link);
    const receive = (): Promise<void> =>
      running.core!.admission.receive(visitor, () => {
        const socket = open();
        if (socket === null) return null;
        this.#observer.attached(socket, readToken(token!), speaksSession);
        socket.onClosed.push(() => running.links.delete(link));
        return socket;
      });
    this.#time.schedule(0, () => void receive().catch(() => link.breakTowardsClient()), running.owner);
  }

  #clockFor(owner: Owner): Clock {
    const time = this.#time;
    const wall = (): number => EPOCH_MS + time.now + this.wallOffsetMs;
    const anchor = wall() - time.now;
    return {
      now: () => Math.floor(anchor + time.now),
      wallNow: () => Math.floor(wall()),
      setTimer: (delayMs, fire) => time.schedule(delayMs, fire, owner),
      gather: (ms, run) => void time.schedule(ms, run, owner),
      // Something else may run first, such as a message that has arrived meanwhile.
      afterTurn: (run) => void time.schedule(this.#random.chance(0.5) ? 0 : this.#random.fraction(), run, owner),
    };
  }

  #tokensFor(owner: Owner, clock: Clock): Tokens {
    const later = <T>(value: () => T): Promise<T> =>
      new Promise((resolve) => {
        this.#time.schedule(this.#random.between(0, 3), () => resolve(value()), owner);
      });
    return {
      sign: (claims) => later(() => signed(claims)),
      verifyFormer: async () => null,
      verify: (token) =>
        later(() => {
          if (!token) return { ok: false, fault: "missing", message: "no token was given" };
          const claims = readToken(token);
          if (claims.expiresAt <= clock.wallNow()) {
            return { ok: false, fault: "expired", message: "the token has expired" };
          }
          return { ok: true, claims };
        }),
    };
  }
}
