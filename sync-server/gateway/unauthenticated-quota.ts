/**
 * Which of the connections without a valid token stay open (docs/SPEC.md, N4 to N6). There is a limit for all and a
 * share for each address. Above either, a new connection closes another one, so that a flood of idle connections does
 * not keep others out:
 *
 * 1. one whose requests have all been answered, longest idle first;
 * 2. one that has not sent a complete request, oldest first. An incomplete request does not protect its connection,
 *    since a single byte would be enough; a normal client sends all of it at once, while its connection is the newest;
 * 3. one with a request in progress for at least `PROTECTED_MS`, oldest first.
 *
 * If there is none of these, the new connection goes to a small reserve, in which only health checks are answered.
 * This file knows no HTTP: `incoming-sockets.ts` calls it for what happens on each socket.
 */
import type { Clock } from "../../src/clock.ts";
import { limitKey } from "./trusted-proxies.ts";

/** Part of the limit that one address may have: 1,500 of 2,000, as many as its connections are limited to by default. */
const ADDRESS_SHARE = 0.75;
/**
 * How long a request in progress protects its connection, in ms. An upgrade takes some milliseconds. Without this,
 * many clients that connect at once would close each other's connections just before each is authenticated.
 */
const PROTECTED_MS = 2_000;
/** Connections above the limit, for health checks. One more closes the oldest of them. */
const RESERVE = 100;

/** The part of a `net.Socket` that is used here. */
export type CountedSocket = { destroy(): void };

type Stage = "answered" | "waiting" | "busy";

type Entry = {
  readonly socket: CountedSocket;
  /** The address of the connection; a proxy's, if its requests come from several clients. */
  peerAddress: string;
  /** The account in whose share it counts; `null`: it is in the reserve. */
  account: Account | null;
  stage: Stage;
  requestsInProgress: number;
  /** When the first request in progress began, by `Clock.now`. */
  busySinceMs: number;
};

const first = (entries: ReadonlySet<Entry>): Entry | null => entries.values().next().value ?? null;

/** Connections by what they do, oldest first: sets keep the order of insertion. */
class Places {
  readonly answered = new Set<Entry>();
  readonly waiting = new Set<Entry>();
  readonly busy = new Set<Entry>();

  get size(): number {
    return this.answered.size + this.waiting.size + this.busy.size;
  }

  /** The connection to close for a new one, or `null`. */
  next(nowMs: number): Entry | null {
    const idle = first(this.answered) ?? first(this.waiting);
    if (idle !== null) return idle;
    const busy = first(this.busy);
    return busy !== null && nowMs - busy.busySinceMs >= PROTECTED_MS ? busy : null;
  }
}

type Account = { readonly key: string; readonly most: number; readonly places: Places };

export type UnauthenticatedQuotaOptions = {
  /** The limit for all addresses, without the reserve. */
  readonly most: number;
  /** Whether an address may have all of the limit, since it may be that of many clients. */
  readonly mayHaveAll: (address: string) => boolean;
  readonly clock: Pick<Clock, "now">;
};

export class UnauthenticatedQuota {
  readonly #options: UnauthenticatedQuotaOptions;
  readonly #entries = new Map<CountedSocket, Entry>();
  readonly #places = new Places();
  /** By `limitKey`. An address without a counted connection has no account, so the limit bounds them too. */
  readonly #accounts = new Map<string, Account>();
  readonly #reserve = new Set<Entry>();

  constructor(options: UnauthenticatedQuotaOptions) {
    this.#options = options;
  }

  /** Adds a new connection, which may close another one. */
  add(socket: CountedSocket, peerAddress: string): void {
    const entry: Entry = {
      socket,
      peerAddress,
      account: null,
      stage: "waiting",
      requestsInProgress: 0,
      busySinceMs: 0,
    };
    this.#entries.set(socket, entry);
    this.#enter(entry, peerAddress);
  }

  /** Changes the address of a connection to the one that its PROXY header named. */
  setPeerAddress(socket: CountedSocket, peerAddress: string): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return;
    entry.peerAddress = peerAddress;
    this.#leave(entry);
    this.#enter(entry, peerAddress);
  }

  /**
   * Marks the connection as busy: its request has arrived. On a connection from an HTTP proxy, requests come from
   * different clients, so each counts for its own client until `endRequest`.
   *
   * @returns whether it may be answered; if not, only a health check may.
   */
  startRequest(socket: CountedSocket, clientAddress: string): boolean {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return true;
    entry.requestsInProgress++;
    // Pipelined requests count for the client of the first one.
    if (entry.requestsInProgress > 1) return entry.account !== null;
    this.#leave(entry);
    entry.stage = "busy";
    entry.busySinceMs = this.#options.clock.now();
    return this.#enter(entry, clientAddress);
  }

  endRequest(socket: CountedSocket): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined || --entry.requestsInProgress > 0) return;
    const hadPlace = entry.account !== null;
    if (hadPlace) this.#leave(entry);
    entry.stage = "answered";
    if (hadPlace) this.#enter(entry, entry.peerAddress);
  }

  /** Stops counting a connection, since it is closed or has sent a valid token. */
  delete(socket: CountedSocket): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return;
    this.#leave(entry);
    this.#entries.delete(socket);
  }

  /** Counts the connection for the address, or else puts it into the reserve. @returns whether it is counted. */
  #enter(entry: Entry, address: string): boolean {
    const account = this.#makeRoom(address);
    entry.account = account;
    if (account === null) {
      if (this.#reserve.size >= RESERVE) this.#close(first(this.#reserve)!);
      this.#reserve.add(entry);
      return false;
    }
    account.places[entry.stage].add(entry);
    this.#places[entry.stage].add(entry);
    return true;
  }

  /** Closes another connection if one of this address needs its place. @returns `null` if there is none to close. */
  #makeRoom(address: string): Account | null {
    const { most, mayHaveAll } = this.#options;
    const key = limitKey(address);
    const account = this.#accounts.get(key) ?? {
      key,
      most: mayHaveAll(address) ? most : Math.ceil(most * ADDRESS_SHARE),
      places: new Places(),
    };
    if (account.places.size >= account.most && !this.#closeNext(account.places)) return null;
    if (this.#places.size >= most && !this.#closeNext(this.#places)) return null;
    // Only now: closing the last connection of an account removes it.
    this.#accounts.set(key, account);
    return account;
  }

  #closeNext(places: Places): boolean {
    const next = places.next(this.#options.clock.now());
    if (next !== null) this.#close(next);
    return next !== null;
  }

  #close(entry: Entry): void {
    this.delete(entry.socket);
    entry.socket.destroy();
  }

  #leave(entry: Entry): void {
    const { account, stage } = entry;
    if (account === null) {
      this.#reserve.delete(entry);
      return;
    }
    account.places[stage].delete(entry);
    this.#places[stage].delete(entry);
    if (account.places.size === 0) this.#accounts.delete(account.key);
  }
}
