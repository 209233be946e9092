/** Which connections without a valid token stay open, with a manual clock. */
import { describe, expect, it } from "vitest";
import { UnauthenticatedQuota } from "../../../sync-server/gateway/unauthenticated-quota.ts";
import { manualClock } from "../../manual-clock.ts";

const LOOPBACK = "127.0.0.1";
const PROTECTED_MS = 2_000;
const RESERVE = 100;

class FakeSocket {
  isClosed = false;

  destroy(): void {
    this.isClosed = true;
  }
}

const setUp = (most: number) => {
  const clock = manualClock();
  /** The addresses for which the quota created an account, in order. */
  const begun: string[] = [];
  const mayHaveAll = (address: string): boolean => {
    begun.push(address);
    return address === LOOPBACK;
  };
  const quota = new UnauthenticatedQuota({ most, mayHaveAll, clock });
  const open = (address: string): FakeSocket => {
    const socket = new FakeSocket();
    quota.add(socket, address);
    return socket;
  };
  const openMany = (count: number, address: string): FakeSocket[] => Array.from({ length: count }, () => open(address));
  /** Opens a connection with a request in progress. */
  const openBusy = (address: string): FakeSocket => {
    const socket = open(address);
    expect(quota.startRequest(socket, address)).toBe(true);
    return socket;
  };
  const answer = (socket: FakeSocket, address: string): void => {
    expect(quota.startRequest(socket, address)).toBe(true);
    quota.endRequest(socket);
  };
  /** Whether a request on the connection would be answered. */
  const isServed = (socket: FakeSocket, address: string): boolean => {
    const isAllowed = quota.startRequest(socket, address);
    quota.endRequest(socket);
    return isAllowed;
  };
  return { clock, quota, begun, open, openMany, openBusy, answer, isServed };
};

const closedOf = (sockets: readonly FakeSocket[]): number => sockets.filter(({ isClosed }) => isClosed).length;

describe("the share of an address", () => {
  it("[N4] is three quarters of the limit, and others keep the rest", () => {
    const { openMany } = setUp(8);
    const many = openMany(20, "203.0.113.1");
    expect(closedOf(many)).toBe(14);
    const others = openMany(2, "203.0.113.2");
    expect(closedOf(many) + closedOf(others)).toBe(14);
  });

  it("[N4] is all of the limit for addresses that may have it", () => {
    const { openMany } = setUp(8);
    expect(closedOf(openMany(8, LOOPBACK))).toBe(0);
  });

  it("[N4] counts a /64 of IPv6 as one address", () => {
    const { open } = setUp(8);
    const sockets = Array.from({ length: 8 }, (_, i) => open(`2001:db8::${i + 1}`));
    expect(closedOf(sockets)).toBe(2);
  });

  it("[N4] does not count connections that have sent a valid token or are closed", () => {
    const { quota, openMany } = setUp(8);
    const first = openMany(6, "203.0.113.1");
    for (const socket of first) quota.delete(socket);
    expect(closedOf([...first, ...openMany(6, "203.0.113.1")])).toBe(0);
  });

  it("[N4] is that of the source, once a PROXY header has named it", () => {
    const { quota, openMany } = setUp(8);
    const sockets = openMany(8, LOOPBACK);
    for (const socket of sockets) quota.setPeerAddress(socket, "203.0.113.1");
    expect(closedOf(sockets)).toBe(2);
  });

  it("[N4] through an HTTP proxy is the client's while its request is in progress, and then the proxy's", () => {
    const { clock, quota, openMany } = setUp(8);
    const [...pool] = openMany(8, LOOPBACK);
    const isStarted = pool.map((socket) => quota.startRequest(socket, "203.0.113.1"));
    expect(isStarted).toEqual([...Array.from({ length: 6 }, () => true), false, false]);
    expect(closedOf(pool)).toBe(0);
    // Another client's request on the connection of one that was answered.
    quota.endRequest(pool[0]!);
    expect(quota.startRequest(pool[0]!, "203.0.113.2")).toBe(true);
    clock.advance(PROTECTED_MS - 1);
    expect(closedOf(pool)).toBe(0);
  });

  it("[N4] does not close an HTTP proxy's idle connections for a client that asks often", () => {
    const { openMany, answer } = setUp(8);
    const pool = openMany(8, LOOPBACK);
    for (const socket of pool) answer(socket, "203.0.113.1");
    expect(closedOf(pool)).toBe(0);
  });
});

describe("the connection that is closed for a new one", () => {
  it("[N5] is the oldest of those that have sent nothing", () => {
    const { open, openMany } = setUp(4);
    const [first, second, ...rest] = openMany(4, LOOPBACK);
    open(LOOPBACK);
    expect([first, second, ...rest].map((socket) => socket!.isClosed)).toEqual([true, false, false, false]);
    open(LOOPBACK);
    expect([first, second, ...rest].map((socket) => socket!.isClosed)).toEqual([true, true, false, false]);
  });

  it("[N5] is first the one that has been idle longest since its last answer, however many it has had", () => {
    const { answer, open, openMany } = setUp(4);
    const flood = openMany(3, LOOPBACK);
    const honest = open(LOOPBACK);
    for (let round = 0; round < 3; round++) for (const socket of flood) answer(socket, LOOPBACK);
    answer(flood[0]!, LOOPBACK);
    open(LOOPBACK);
    expect(flood.map(({ isClosed }) => isClosed)).toEqual([false, true, false]);
    open(LOOPBACK);
    open(LOOPBACK);
    expect([closedOf(flood), honest.isClosed]).toEqual([3, false]);
  });

  it("[N5] is none with a request in progress for less than 2 s, then the oldest of these", () => {
    const { clock, open, openBusy } = setUp(3);
    const first = openBusy(LOOPBACK);
    clock.advance(1);
    const others = [openBusy(LOOPBACK), openBusy(LOOPBACK)];
    clock.advance(PROTECTED_MS - 2);
    open(LOOPBACK);
    expect(closedOf([first, ...others])).toBe(0);
    clock.advance(1);
    open(LOOPBACK);
    expect([first.isClosed, closedOf(others)]).toEqual([true, 0]);
  });

  it("[N5] is one with a request in progress only if no idle one is there", () => {
    const { clock, open, openBusy } = setUp(2);
    const busy = openBusy(LOOPBACK);
    clock.advance(60_000);
    const idle = open(LOOPBACK);
    open(LOOPBACK);
    expect([busy.isClosed, idle.isClosed]).toEqual([false, true]);
  });

  it("[N5] is of the new one's own address, if its share is full", () => {
    const { open, openMany } = setUp(8);
    const other = open("203.0.113.2");
    const [oldest] = openMany(7, "203.0.113.1");
    expect([other.isClosed, oldest!.isClosed]).toEqual([false, true]);
  });

  it("[N5] is of any address, if the limit is reached", () => {
    const { open, openMany } = setUp(8);
    const [oldest] = openMany(6, "203.0.113.1");
    openMany(2, "203.0.113.2");
    open("203.0.113.3");
    expect(oldest!.isClosed).toBe(true);
  });

  it("[N5] has a request in progress as long as one of its pipeline is", () => {
    const { quota, open } = setUp(2);
    const pipeline = open(LOOPBACK);
    expect([quota.startRequest(pipeline, LOOPBACK), quota.startRequest(pipeline, LOOPBACK)]).toEqual([true, true]);
    quota.endRequest(pipeline);
    const idle = open(LOOPBACK);
    open(LOOPBACK);
    expect([pipeline.isClosed, idle.isClosed]).toEqual([false, true]);
    quota.endRequest(pipeline);
    open(LOOPBACK);
    expect(pipeline.isClosed).toBe(true);
  });

  it("[N5] an address without connections has no account, and one with connections has one", () => {
    const { quota, begun, open } = setUp(8);
    const first = open("203.0.113.1");
    const second = open("203.0.113.1");
    expect(begun).toEqual(["203.0.113.1"]);
    quota.delete(first);
    quota.delete(second);
    const third = open("203.0.113.1");
    expect(begun).toHaveLength(2);
    quota.setPeerAddress(third, "203.0.113.2");
    open("203.0.113.1");
    expect(begun).toHaveLength(4);
  });
});

describe("a connection in the reserve", () => {
  /** A quota whose limit is reached, all with a request in progress. */
  const full = (most: number) => {
    const setting = setUp(most);
    const busy = Array.from({ length: most }, () => setting.openBusy(LOOPBACK));
    return { ...setting, busy };
  };

  it("[N6] is not closed, but its requests are refused", () => {
    const { open, isServed, busy } = full(3);
    const late = open(LOOPBACK);
    expect([late.isClosed, isServed(late, LOOPBACK), closedOf(busy)]).toEqual([false, false, 0]);
    // The next request on it as well.
    expect(isServed(late, LOOPBACK)).toBe(false);
  });

  it("[N6] counts as others do if another one can be closed when its request arrives", () => {
    const { open, isServed, quota, busy } = full(3);
    const late = open(LOOPBACK);
    quota.endRequest(busy[0]!);
    expect([isServed(late, LOOPBACK), busy[0]!.isClosed]).toEqual([true, true]);
  });

  it("[N6] is closed for a new one, oldest first, when there are 100 of them", () => {
    const { openMany, open } = full(3);
    const reserve = openMany(RESERVE, LOOPBACK);
    expect(closedOf(reserve)).toBe(0);
    open("203.0.113.1");
    expect([reserve[0]!.isClosed, closedOf(reserve)]).toEqual([true, 1]);
  });

  it("[N6] leaves the reserve when it is closed", () => {
    const { openMany, quota } = full(3);
    for (let i = 0; i < 3; i++) {
      const reserve = openMany(RESERVE, LOOPBACK);
      expect(closedOf(reserve)).toBe(0);
      for (const socket of reserve) quota.delete(socket);
    }
  });
});

it("[N5] a flood of idle connections keeps nobody out, of its own address or of others", () => {
  const { answer, open, openMany, isServed } = setUp(2_000);
  let flood = openMany(3_000, "203.0.113.1");
  for (let i = 0; i < 500; i++) {
    const address = i % 2 === 0 ? "203.0.113.1" : "203.0.113.2";
    const honest = open(address);
    // Meanwhile the flood opens another connection, with a health check.
    flood = [...flood.filter(({ isClosed }) => !isClosed), open("203.0.113.1")];
    answer(flood.at(-1)!, "203.0.113.1");
    expect(isServed(honest, address)).toBe(true);
    expect(honest.isClosed).toBe(false);
  }
  expect(flood.length).toBeLessThanOrEqual(1_500);
});

it("[N4] events in any order never exceed the limit, and leave no account", () => {
  const { clock, quota, begun, open } = setUp(20);
  let seed = 1;
  const next = (below: number): number => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const addresses = [LOOPBACK, "203.0.113.1", "203.0.113.2", "2001:db8::1"];
  let sockets: FakeSocket[] = [];
  const inProgress = new Map<FakeSocket, number>();
  let most = 0;
  for (let i = 0; i < 20_000; i++) {
    const address = addresses[next(addresses.length)]!;
    const socket = sockets[next(Math.max(sockets.length, 1))];
    const action = next(16);
    if (action < 7 || socket === undefined) sockets.push(open(address));
    else if (action < 12) {
      quota.startRequest(socket, address);
      inProgress.set(socket, (inProgress.get(socket) ?? 0) + 1);
    } else if (action < 14) {
      if ((inProgress.get(socket) ?? 0) > 0) quota.endRequest(socket);
      inProgress.set(socket, Math.max((inProgress.get(socket) ?? 0) - 1, 0));
    } else if (action === 14) quota.setPeerAddress(socket, address);
    else {
      quota.delete(socket);
      sockets = sockets.filter((each) => each !== socket);
    }
    clock.advance(next(10));
    sockets = sockets.filter(({ isClosed }) => !isClosed);
    most = Math.max(most, sockets.length);
  }
  expect(most).toBeGreaterThan(20);
  expect(most).toBeLessThanOrEqual(20 + RESERVE);
  for (const socket of sockets) quota.delete(socket);
  begun.length = 0;
  for (const address of addresses) quota.delete(open(address));
  expect(begun).toEqual(addresses);
  expect(closedOf(Array.from({ length: 20 }, () => open(LOOPBACK)))).toBe(0);
});
