/** The relay with trusted proxies: which addresses its limits count, and who may create rooms. */
import { connect } from "node:net";
import { WebSocket } from "ws";
import { describe, expect, it, onTestFinished } from "vitest";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../../../src/protocol/protocol.ts";
import { rawClient, startRelay, until } from "../harness.ts";
import type { RawClient, Setting } from "../harness.ts";
import { proxyHeader1 } from "./proxy-headers.ts";

const participant = { role: "participant", sub: "p1", name: "Pia" } as const;
const trustedProxies = ["127.0.0.1"];

/** Connects a client through an HTTP proxy on this machine. */
const viaHttpProxy = async (setting: Setting, forwardedFor: string): Promise<RawClient> =>
  rawClient(setting, await setting.token(participant), { headers: { "X-Forwarded-For": forwardedFor } });

/** Connects a WebSocket through a TCP load balancer on this machine. @returns its close code; 0 if it got a message. */
const viaBalancer = async (setting: Setting, source: string): Promise<number> => {
  const token = await setting.token(participant);
  const { port } = new URL(setting.wsUrl);
  const socket = new WebSocket(`${setting.wsUrl}/room`, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + token], {
    createConnection: () => {
      const connection = connect(Number(port), "127.0.0.1");
      connection.write(proxyHeader1("TCP4", source, "127.0.0.1"));
      return connection;
    },
  });
  onTestFinished(() => socket.terminate());
  let result: number | null = null;
  socket.on("error", () => {});
  socket.on("message", () => (result ??= 0));
  socket.on("close", (code) => (result ??= code));
  await until("it gets a message or is closed", () => result !== null);
  return result!;
};

describe("limits for each address", () => {
  const limits = { connectionsPerAddress: 2 };

  it("[N1] count the clients of an HTTP proxy, not the proxy", async () => {
    const setting = await startRelay({ config: { trustedProxies }, limits });
    const clients: RawClient[] = [];
    for (const address of ["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2", "198.51.100.9, 203.0.113.2"]) {
      clients.push(await viaHttpProxy(setting, address));
    }
    await until("one is closed", () => clients[2]!.closeCode === 1013);
    expect(clients[2]!.closeReason).toContain("limit-connections-per-address");
    await until("the others are welcome", () => clients.filter(({ welcome }) => welcome !== null).length === 4);
  });

  it("[N2] count the /64 networks of IPv6", async () => {
    const setting = await startRelay({ config: { trustedProxies }, limits });
    const clients: RawClient[] = [];
    for (const address of ["2001:db8::1", "2001:db8::2", "2001:db8::3", "2001:db8:0:1::1"]) {
      clients.push(await viaHttpProxy(setting, address));
    }
    await until("one is closed", () => clients[2]!.closeCode === 1013);
    await until("the others are welcome", () => clients.filter(({ welcome }) => welcome !== null).length === 3);
  });

  it("[N2] are free again once the connections are closed", async () => {
    const setting = await startRelay({ config: { trustedProxies }, limits });
    for (let i = 0; i < 4; i++) {
      const client = await viaHttpProxy(setting, `2001:db8::${i + 1}`);
      await until("it gets the welcome", () => client.welcome !== null);
      client.socket.close();
      await until("it is closed", () => client.closeCode !== null);
    }
  });

  it("[N3] count the clients of a TCP load balancer", async () => {
    const setting = await startRelay({ config: { trustedProxies }, limits });
    const codes: number[] = [];
    for (const source of ["203.0.113.1", "203.0.113.1", "203.0.113.1", "203.0.113.2"]) {
      codes.push(await viaBalancer(setting, source));
    }
    expect(codes).toEqual([0, 0, 1013, 0]);
  });

  it("[N1] ignore X-Forwarded-For from anybody else", async () => {
    const setting = await startRelay({ limits: { connectionsPerLoopbackAddress: 2 } });
    const clients: RawClient[] = [];
    for (let i = 1; i <= 3; i++) clients.push(await viaHttpProxy(setting, `203.0.113.${i}`));
    await until("the third is closed", () => clients[2]!.closeCode === 1013);
  });
});

it("[N3] a connection from a trusted proxy that has sent nothing does not keep the relay from closing", async () => {
  const setting = await startRelay({ config: { trustedProxies } });
  const before = setting.clock.timers;
  const silent = connect(Number(new URL(setting.wsUrl).port), "127.0.0.1");
  onTestFinished(() => void silent.destroy());
  silent.resume();
  await until("the relay waits for it", () => setting.clock.timers === before + 1);
  await setting.relay.close();
  await until("it is closed", () => silent.readableEnded);
});

describe("without an admin key", () => {
  /** Sends `header` and then a `POST /v1/rooms` for localhost. @returns the answer */
  const makeRoom = async (setting: Setting, header: Buffer): Promise<string> => {
    const socket = connect(Number(new URL(setting.wsUrl).port), "127.0.0.1");
    onTestFinished(() => void socket.destroy());
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    const request =
      "POST /v1/rooms HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    socket.write(Buffer.concat([header, Buffer.from(request)]));
    await until("it is answered", () => received.endsWith("}"));
    return received;
  };

  it("[N7] rooms are made on this machine, but not for the clients of a TCP load balancer", async () => {
    const setting = await startRelay({ config: { trustedProxies, adminKey: null } });
    expect(await makeRoom(setting, proxyHeader1("TCP4", "203.0.113.5", "127.0.0.1"))).toMatch(
      /^HTTP\/1\.1 403 [^]*admin-key-needed/,
    );
    expect(await makeRoom(setting, Buffer.alloc(0))).toMatch(/^HTTP\/1\.1 201 /);
    expect(await makeRoom(setting, Buffer.from("PROXY UNKNOWN\r\n"))).toMatch(/^HTTP\/1\.1 201 /);
  });
});

describe("a flood of connections without a token", () => {
  it("[N5] [N6] keeps out neither clients with a token nor health checks", async () => {
    const setting = await startRelay({ limits: { unauthenticatedSockets: 50 } });
    const port = Number(new URL(setting.wsUrl).port);
    const flood = Array.from({ length: 200 }, () => {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      socket.resume();
      socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
      onTestFinished(() => void socket.destroy());
      return socket;
    });
    await until("most are closed", () => flood.filter(({ readableEnded }) => readableEnded).length >= 150);
    const clients: RawClient[] = [];
    for (let i = 0; i < 100; i++) {
      const token = await setting.token({ role: "participant", sub: `p${i}`, name: `P${i}` });
      clients.push(await rawClient(setting, token));
      await until("it gets the welcome", () => clients[i]!.welcome !== null);
    }
    for (const path of ["/livez", "/readyz"]) expect((await setting.api("GET", path)).status).toBe(200);
    expect(clients.filter(({ closeCode }) => closeCode !== null)).toEqual([]);
  });

  it("[N6] an upgrade above the limit is closed with 1013 and the limit", async () => {
    const setting = await startRelay({ limits: { unauthenticatedSockets: 2 } });
    // Upgrades without a token, by clients that do not answer the close.
    for (let i = 0; i < 2; i++) {
      const socket = connect(Number(new URL(setting.wsUrl).port), "127.0.0.1");
      onTestFinished(() => void socket.destroy());
      let received = "";
      socket.on("data", (bytes) => {
        received += bytes.toString("latin1");
      });
      socket.write(
        "GET /room HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
      );
      await until("it is closed", () => received.includes("\x88"));
    }
    const late = await rawClient(setting, await setting.token(participant));
    await until("it is closed", () => late.closeCode !== null);
    expect([late.closeCode, late.closeReason]).toEqual([1013, "more than 2 connections without a valid token"]);
    setting.clock.advance(2_000);
    const next = await rawClient(setting, await setting.token(participant));
    await until("it gets the welcome", () => next.welcome !== null);
  });
});
