/**
 * Which of the connections without a valid token may stay (docs/SPEC.md, N4 to N7). There is a total for all and a
 * share for each address. Above either, the connection that has least to lose is closed for the new one, so that a
 * flood of idle connections locks nobody out:
 *
 * 1. one whose requests are all answered, longest idle first;
 * 2. one that has sent no complete request yet, oldest first. A part of a request protects nothing, or a single byte
 *    would; an honest client sends the whole at once and is the newest here;
 * 3. one with a request in progress for longer than `PROTECTED_MS`, oldest first.
 *
 * If there is none of these, the new connection goes to a small reserve, where only health checks are answered.
 * This file knows no HTTP: `incoming-sockets.ts` reports to it what happens on each socket.
 */
import type { Clock } from "../../src/clock.ts";
import { limitKey } from "./trusted-proxies.ts";

/** Part of the total that one address may have: as many as it may have connections by default (1,500 of 2,000). */
const ADDRESS_SHARE = 0.75;
/**
 * How long a request in progress keeps its connection in any case, in ms. An upgrade takes some milliseconds. Without
 * this, a rush of honest clients would close each other's connections just before each is done.
 */
const PROTECTED_MS = 2_000;
/** Connections beyond the total, for health checks. Each lives until as many newer ones have come. */
const RESERVE = 100;

/** What is needed of a `net.Socket`. */
export type CountedSocket = { destroy(): void };

type Stage = "answered" | "waiting" | "busy";

type Entry = {
  readonly socket: CountedSocket;
  /** The address of the other end of the socket; a proxy's, if its requests come from several clients. */
  peerAddress: string;
  /** Whose share it takes a place of; `null`: it is in the reserve. */
  account: Account | null;
  stage: Stage;
  requestsInProgress: number;
  /** Since when there has been one, by `Clock.now`. */
  busySinceMs: number;
};

const first = (entries: ReadonlySet<Entry>): Entry | null => entries.values().next().value ?? null;

/** Connections in the order in which they would be closed: sets keep the order of insertion. */
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
  /** The total, without the reserve. */
  readonly most: number;
  /** Whether an address may have the whole total: this machine's own, and proxies', whose clients it may not know. */
  readonly mayHaveAll: (address: string) => boolean;
  readonly clock: Pick<Clock, "now">;
};

export class UnauthenticatedQuota {
  readonly #options: UnauthenticatedQuotaOptions;
  readonly #entries = new Map<CountedSocket, Entry>();
  readonly #places = new Places();
  /** By `limitKey`. An address without a place has none, so there are no more of them than places. */
  readonly #accounts = new Map<string, Account>();
  readonly #reserve = new Set<Entry>();

  constructor(options: UnauthenticatedQuotaOptions) {
    this.#options = options;
  }

  /** A connection has come. It may close another one. */
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

  /** A TCP balancer has said whom the connection is from. */
  setPeerAddress(socket: CountedSocket, peerAddress: string): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return;
    entry.peerAddress = peerAddress;
    this.#leave(entry);
    this.#enter(entry, peerAddress);
  }

  /**
   * A complete request has come. An HTTP proxy's requests come from different clients, so each counts for its own
   * client until `endRequest`.
   *
   * @returns whether it may be answered; if not, only a health check may.
   */
  startRequest(socket: CountedSocket, clientAddress: string): boolean {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return true;
    entry.requestsInProgress++;
    // Requests in a pipeline count for the client of the first.
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

  /** The connection is closed, or has brought a valid token: it no longer counts. */
  delete(socket: CountedSocket): void {
    const entry = this.#entries.get(socket);
    if (entry === undefined) return;
    this.#leave(entry);
    this.#entries.delete(socket);
  }

  /** Takes a place for the connection, or else one in the reserve. @returns whether it is a proper place. */
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

  /** Closes another connection if that is needed for one of this address. @returns `null` if there is none to close. */
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
