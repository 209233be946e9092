/** Real sockets before and while HTTP handles them; PROXY headers from loopback provide the other addresses. */
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { connect } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { DEFAULT_LIMITS } from "../../../sync-server/config/limits.ts";
import { IncomingSockets } from "../../../sync-server/gateway/incoming-sockets.ts";
import { TrustedProxies } from "../../../sync-server/gateway/trusted-proxies.ts";
import { createHttpServer } from "../../../sync-server/http/server.ts";
import { manualClock } from "../../manual-clock.ts";
import { until } from "../harness.ts";
import { proxyHeader1, proxyHeader2 } from "./proxy-headers.ts";

const PROXIES = ["127.0.0.1", "10.0.0.0/8"];

type Client = Socket & { received(): string };

/** A server that answers each request with the client's address, but for `/slow`, which it never answers. */
const start = async ({
  proxies = PROXIES,
  unauthenticatedSockets = 2_000,
  unauthenticatedSeconds = 10,
}: { proxies?: string[]; unauthenticatedSockets?: number; unauthenticatedSeconds?: number } = {}) => {
  const clock = manualClock();
  const limits = { ...DEFAULT_LIMITS, unauthenticatedSockets, unauthenticatedSeconds };
  const incoming = new IncomingSockets({ trustedProxies: new TrustedProxies(proxies), limits, clock });
  const slow: ServerResponse[] = [];
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    if (req.url === "/slow") slow.push(res);
    else res.end(`<${incoming.clientAddress(req)}${incoming.isProxied(req) ? " by PROXY" : ""}>`);
  };
  const server = createHttpServer(limits, incoming.handler(answer));
  incoming.watch(server);
  server.on("upgrade", (req: IncomingMessage, socket: Socket) => {
    socket
      .on("error", () => {})
      .on("end", () => socket.end())
      .resume();
    socket.write(
      `HTTP/1.1 101 Switching Protocols\r\n\r\n<${incoming.startUpgrade(req) ?? incoming.clientAddress(req)}>`,
    );
    if (req.url === "/good") incoming.authenticated(socket);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => {
    incoming.closeUndecided();
    server.closeAllConnections();
    server.close();
  });
  const open = async (localAddress = "127.0.0.1"): Promise<Client> => {
    const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", localAddress });
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    onTestFinished(() => void socket.destroy());
    await once(socket, "connect");
    return Object.assign(socket, { received: () => received });
  };
  const ask = async (
    socket: Client,
    path = "/",
    headers: Record<string, string> = {},
    header: Buffer = Buffer.alloc(0),
  ) => {
    const before = socket.received().length;
    const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(Buffer.concat([header, Buffer.from(`GET ${path} HTTP/1.1\r\nHost: x\r\n${lines.join("")}\r\n`)]));
    await until("it is answered", () => /[>}]$/.test(socket.received().slice(before)) || socket.destroyed);
    return socket.received().slice(before);
  };
  const openSlow = async (localAddress?: string): Promise<Client> => {
    const socket = await open(localAddress);
    const count = slow.length;
    socket.write("GET /slow HTTP/1.1\r\nHost: x\r\n\r\n");
    await until("the request has arrived", () => slow.length > count);
    return socket;
  };
  return { clock, incoming, server, slow, open, ask, openSlow };
};

const UPGRADE = { Connection: "Upgrade", Upgrade: "websocket" };
const v1 = proxyHeader1("TCP4", "203.0.113.5", "10.0.0.1");
const v2 = proxyHeader2(0x21, 0x11, [203, 0, 113, 5, 10, 0, 0, 1, 1, 2, 3, 4]);
const local = proxyHeader2(0x20, 0, []);

describe("the address of a request", () => {
  it("[N3] is the source of a PROXY header, for each request of the connection", async () => {
    const { open, ask } = await start();
    for (const header of [v1, v2]) {
      const socket = await open();
      expect(await ask(socket, "/", {}, header)).toContain("<203.0.113.5 by PROXY>");
      expect(await ask(socket, "/")).toContain("<203.0.113.5 by PROXY>");
    }
  });

  it("[N3] is the connection's own with LOCAL, UNKNOWN, or no header", async () => {
    const { open, ask } = await start();
    expect(await ask(await open(), "/", {}, local)).toContain("<127.0.0.1>");
    expect(await ask(await open(), "/", {}, Buffer.from("PROXY UNKNOWN\r\n"))).toContain("<127.0.0.1>");
    expect(await ask(await open(), "/")).toContain("<127.0.0.1>");
  });

  it("[N3] cannot be set by a PROXY header from anybody else, which gets 400", async () => {
    const { open, ask } = await start();
    for (const header of [v1, v2]) {
      const socket = await open("127.0.0.2");
      expect(await ask(socket, "/", {}, header)).toMatch(/^HTTP\/1\.1 400 /);
      await until("it is closed", () => socket.readableEnded);
    }
    expect(await ask(await open("127.0.0.2"))).toContain("<127.0.0.2>");
  });

  it("[N3] cannot be set by a second PROXY header", async () => {
    const { open, ask } = await start();
    expect(await ask(await open(), "/", {}, Buffer.concat([local, v1]))).toMatch(/^HTTP\/1\.1 400 /);
  });

  it("[N1] is read from X-Forwarded-For of trusted proxies only", async () => {
    const { open, ask } = await start();
    const headers = { "X-Forwarded-For": "198.51.100.9, 203.0.113.5, 10.1.1.1" };
    const socket = await open();
    expect(await ask(socket, "/", headers)).toContain("<203.0.113.5>");
    expect(await ask(socket, "/", { "X-Forwarded-For": "198.51.100.2" })).toContain("<198.51.100.2>");
    expect(await ask(await open("127.0.0.2"), "/", headers)).toContain("<127.0.0.2>");
  });

  it("[N1] is read from X-Forwarded-For after a PROXY header only if its source is a trusted proxy", async () => {
    const { open, ask } = await start();
    const forwarded = { "X-Forwarded-For": "203.0.113.9" };
    const fromProxy = proxyHeader1("TCP4", "10.1.1.1", "10.0.0.1");
    expect(await ask(await open(), "/", forwarded, fromProxy)).toContain("<203.0.113.9 by PROXY>");
    expect(await ask(await open(), "/", forwarded, v1)).toContain("<203.0.113.5 by PROXY>");
  });

  it("[N3] is that of an upgrade too", async () => {
    const { open, ask } = await start();
    expect(await ask(await open(), "/room", UPGRADE, v2)).toContain("101 Switching Protocols\r\n\r\n<203.0.113.5>");
  });
});

describe("a connection of a trusted proxy", () => {
  it("[N3] has the full time for HTTP headers after the PROXY header", async () => {
    const { open } = await start({ unauthenticatedSeconds: 1 });
    const socket = await open();
    socket.write(Buffer.concat([v1, Buffer.from("GET / HTTP/1.1\r\nX: ")]));
    await once(socket, "end");
    expect(socket.received()).toMatch(/^HTTP\/1\.1 408 /);
  });

  it("[N3] that sends nothing is closed after the time limit, and counts until then", async () => {
    const { clock, open, ask } = await start({ unauthenticatedSockets: 1 });
    const silent = await open();
    const socket = await open();
    await once(silent, "end");
    clock.advance(9_999);
    expect(await ask(socket)).toContain("<127.0.0.1>");
    const late = await open();
    await until("the server waits for its header", () => clock.timers === 1);
    clock.advance(10_000);
    await once(late, "end");
  });

  it("[N3] that sends nothing does not keep the server from closing", async () => {
    const { server, incoming, clock, open } = await start();
    const silent = await open();
    await until("the server waits for its header", () => clock.timers === 1);
    const closed = once(server, "close");
    server.close();
    incoming.closeUndecided();
    await Promise.all([closed, once(silent, "end")]);
    expect(clock.timers).toBe(0);
  });
});

describe("many connections", () => {
  it("[N5] that are idle after an answer are closed first, oldest first", async () => {
    const { open, ask } = await start({ proxies: [], unauthenticatedSockets: 3 });
    const silent = await open();
    const answered = [await open(), await open()];
    for (const socket of answered) await ask(socket);
    const more = await open();
    await once(answered[0]!, "end");
    expect(await ask(more)).toContain("<127.0.0.1>");
    expect(await ask(silent)).toContain("<127.0.0.1>");
    expect(answered[1]!.readableEnded).toBe(false);
  });

  it("[N5] close one with a request in progress only after its answer", async () => {
    const { slow, open, openSlow, ask } = await start({ proxies: [], unauthenticatedSockets: 2 });
    const busy = await openSlow();
    for (let i = 0; i < 3; i++) expect(await ask(await open())).toContain("<127.0.0.1>");
    expect(busy.readableEnded).toBe(false);
    slow[0]!.end("<done>");
    await until("it is answered", () => busy.received().endsWith("<done>"));
    await open();
    await open();
    await once(busy, "end");
  });

  it("[N5] do not count those with a valid token, and close none of these", async () => {
    const { open, ask } = await start({ proxies: [], unauthenticatedSockets: 2 });
    const good: Client[] = [];
    for (let i = 0; i < 5; i++) {
      good.push(await open());
      await ask(good[i]!, "/good", UPGRADE);
    }
    for (let i = 0; i < 5; i++) expect(await ask(await open())).toContain("<127.0.0.1>");
    expect(good.filter(({ readableEnded }) => readableEnded)).toEqual([]);
  });

  it("[N5] do not count those that are closed", async () => {
    const { server, open, ask } = await start({ proxies: [], unauthenticatedSockets: 2 });
    const connections = (): Promise<number> =>
      new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    for (let i = 0; i < 2; i++) {
      const socket = await open();
      await ask(socket, "/room", UPGRADE);
      socket.destroy();
    }
    await until("both are closed", async () => (await connections()) === 0);
    expect(await ask(await open())).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("[N4] of one client of a TCP load balancer leave some for others", async () => {
    const { open, ask } = await start({ unauthenticatedSockets: 4 });
    const hostile: Client[] = [];
    for (let i = 0; i < 6; i++) {
      hostile.push(await open());
      await ask(hostile[i]!, "/", {}, v1);
    }
    await until("three are closed", () => hostile.filter(({ readableEnded }) => readableEnded).length === 3);
    const other = await open();
    expect(await ask(other, "/", {}, proxyHeader1("TCP4", "203.0.113.6", "10.0.0.1"))).toContain("<203.0.113.6");
    expect(hostile.filter(({ readableEnded }) => readableEnded)).toHaveLength(3);
  });

  it("[N6] with requests in progress: health checks are answered, anything else gets 503, an upgrade the limit", async () => {
    const { open, openSlow, ask, slow } = await start({ proxies: [], unauthenticatedSockets: 2 });
    await openSlow();
    await openSlow();
    for (const path of ["/livez", "/readyz", "/readyz?verbose"]) {
      const socket = await open();
      expect(await ask(socket, path)).toMatch(/^HTTP\/1\.1 200 [^]*Connection: close\r\n[^]*<127\.0\.0\.1>/);
      await until("it is closed", () => socket.readableEnded);
    }
    for (const path of ["/", "/livez/x", "/v1/rooms"]) {
      expect(await ask(await open(), path)).toMatch(
        /^HTTP\/1\.1 503 [^]*problem\+json[^]*Cache-Control: no-store[^]*overloaded[^]*more than 2 connections without a valid token/,
      );
    }
    expect(await ask(await open(), "/room", UPGRADE)).toContain("<more than 2 connections without a valid token");
    slow[0]!.end("<done>");
    await until("one is answered", () => slow[0]!.closed);
    expect(await ask(await open(), "/")).toMatch(/^HTTP\/1\.1 200 /);
  });

  it("[N5] that flood the relay with requests keep nobody out", async () => {
    const { open, ask } = await start({ proxies: [], unauthenticatedSockets: 20 });
    const flood = new Set<Client>();
    let isOn = true;
    const reopen = async (): Promise<void> => {
      const socket = await open("127.0.0.2");
      flood.add(socket);
      socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
      socket.once("close", () => {
        flood.delete(socket);
        if (isOn) void reopen();
      });
    };
    await Promise.all(Array.from({ length: 40 }, reopen));
    for (let i = 0; i < 100; i++) {
      const socket = await open();
      expect(await ask(socket)).toMatch(/^HTTP\/1\.1 200 /);
      socket.destroy();
    }
    isOn = false;
    expect(flood.size).toBeGreaterThan(0);
  });
});
