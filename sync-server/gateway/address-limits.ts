/** How many connections an address may have, and open each second. A whole school may share one address. */
import type { Clock } from "../../src/clock.ts";
import type { Limits } from "../config/limits.ts";
import { limitKey } from "./trusted-proxies.ts";

type Usage = { open: number; windowAt: number; newInWindow: number };

const WINDOW_MS = 1_000;

export class AddressLimits {
  readonly #usage = new Map<string, Usage>();
  readonly #limits: Limits;
  readonly #clock: Pick<Clock, "now">;
  readonly #mayHaveAll: (address: string) => boolean;

  /** @param mayHaveAll whether an address is one of this machine, or of a proxy that did not name its client. */
  constructor(limits: Limits, clock: Pick<Clock, "now">, mayHaveAll: (address: string) => boolean) {
    this.#limits = limits;
    this.#clock = clock;
    this.#mayHaveAll = mayHaveAll;
  }

  /** Counts a new connection. @returns the limit that it exceeds; `null` if none, and then `close` must follow. */
  open(address: string): string | null {
    const now = this.#clock.now();
    const key = limitKey(address);
    let usage = this.#usage.get(key);
    if (usage === undefined) this.#usage.set(key, (usage = { open: 0, windowAt: now, newInWindow: 0 }));
    if (now - usage.windowAt >= WINDOW_MS) {
      usage.windowAt = now;
      usage.newInWindow = 0;
    }
    const { connectionsPerAddress, connectionsPerLoopbackAddress, newConnectionsPerSecondPerAddress } = this.#limits;
    const most = this.#mayHaveAll(address) ? connectionsPerLoopbackAddress : connectionsPerAddress;
    if (usage.open >= most) {
      return `more than ${most} connections from one address (limit-connections-per-address)`;
    }
    if (usage.newInWindow >= newConnectionsPerSecondPerAddress) {
      return `more than ${newConnectionsPerSecondPerAddress} new connections a second from one address (limit-new-connections-per-second-per-address)`;
    }
    usage.open++;
    usage.newInWindow++;
    return null;
  }

  close(address: string): void {
    const usage = this.#usage.get(limitKey(address));
    if (usage !== undefined) usage.open--;
  }

  /** Forgets addresses without connections, after their window: many short connections must not reset the count. */
  prune(): void {
    const now = this.#clock.now();
    for (const [address, usage] of this.#usage) {
      if (usage.open === 0 && now - usage.windowAt >= WINDOW_MS) this.#usage.delete(address);
    }
  }
}
