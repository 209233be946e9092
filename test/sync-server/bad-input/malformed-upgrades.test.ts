/** Connections that violate HTTP or RFC 6455, over plain TCP. */
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { TOKEN_SUBPROTOCOL_PREFIX } from "../../../src/protocol/protocol.ts";
import { participant, roomState, until } from "../harness.ts";
import type { Setting } from "../harness.ts";
import { liveRoom } from "./live-room.ts";

describe("malformed upgrades and WebSocket frames", () => {
  const connect = (setting: Setting): Socket & { received: () => string } => {
    const socket = createConnection(Number(new URL(setting.relay.url).port), "127.0.0.1");
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    onTestFinished(() => void socket.destroy());
    return Object.assign(socket, { received: () => received });
  };
  const KEY = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  const request = (headers: string, path = "/room") =>
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n${headers}\r\n`;

  it.each([
    ["another protocol", "Upgrade: h2c\r\n"],
    ["no key", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"],
    ["an invalid key", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"],
    ["another version", `Upgrade: websocket\r\nSec-WebSocket-Version: 7\r\n${KEY}`],
    [
      "invalid subprotocols",
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}Sec-WebSocket-Protocol: ,,\x01,\r\n`,
    ],
    [
      "one subprotocol twice",
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}Sec-WebSocket-Protocol: a, a\r\n`,
    ],
  ])("an upgrade with %s is answered with 4xx", async (_what, headers) => {
    const { setting, expectUnaffected } = await liveRoom();
    const token = await setting.token(participant);
    const socket = connect(setting);
    socket.write(request(headers, `/room?token=${token}`));
    await until("it was answered", () => socket.received().includes("\r\n\r\n") || socket.destroyed);
    expect(socket.received()).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectUnaffected();
  });

  it("[W13] connections that never finish their headers, or send too many: closed in time, with the limit's name", async () => {
    const { setting, expectUnaffected } = await liveRoom({ limits: { unauthenticatedSeconds: 1, headerBytes: 2_000 } });
    const silent = connect(setting);
    const slow = connect(setting);
    slow.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ");
    const large = connect(setting);
    large.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(2_000)}\r\n\r\n`);
    await until("they are closed", () => [silent, slow, large].every(({ readableEnded }) => readableEnded));
    expect(slow.received()).toMatch(/^HTTP\/1\.1 408 [^]*did not arrive within/);
    expect(large.received()).toMatch(/^HTTP\/1\.1 431 [^]*headers are larger than/);
    await expectUnaffected();
  });

  it("connections that are reset at any point of the upgrade", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const token = await setting.token(participant);
    const upgrade = request(`Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}`, `/room?token=${token}`);
    const cuts = [0, 10, upgrade.length - 2, upgrade.length];
    for (let i = 0; i < 40; i++) {
      const socket = connect(setting);
      await until("it is connected", () => !socket.connecting);
      socket.write(upgrade.slice(0, cuts[i % cuts.length]));
      if (i % 3 === 0) await new Promise((resolve) => setImmediate(resolve));
      socket.resetAndDestroy();
    }
    await until("they are closed", async () => (await roomState(setting))["participants"] === 0);
    await expectUnaffected();
  });

  it("[W14] frames that violate RFC 6455 close only their own connection", async () => {
    const { setting, expectUnaffected } = await liveRoom();
    const token = await setting.token(participant);
    const breaks: [string, number[]][] = [
      ["an unmasked frame", [0x82, 0x01, 0x00]],
      ["a reserved opcode", [0x83, 0x80, 0, 0, 0, 0]],
      ["reserved bits", [0xf2, 0x80, 0, 0, 0, 0]],
      ["a continuation without a message", [0x80, 0x80, 0, 0, 0, 0]],
      ["a length of 2^63", [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]],
      ["an invalid close code", [0x88, 0x82, 0, 0, 0, 0, 0x00, 0x01]],
      ["a long ping", [0x89, 0xfe, 0x01, 0x00]],
      ["a ping in parts", [0x09, 0x80, 0, 0, 0, 0]],
      ["a message within a message", [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]],
      ["a close reason that is not UTF-8", [0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff]],
    ];
    for (const [what, bytes] of breaks) {
      const socket = connect(setting);
      socket.write(request(`Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}`, `/room?token=${token}`));
      await until("it is open", () => socket.received().startsWith("HTTP/1.1 101"));
      socket.write(Uint8Array.from(bytes));
      await until(`${what} was closed`, () => socket.readableEnded || socket.destroyed);
    }
    await until("they are closed", async () => (await roomState(setting))["participants"] === 0);
    await expectUnaffected();
  });

  it("[W2] a token without session-room.v1 is accepted, and never part of the answer", async () => {
    const { setting } = await liveRoom();
    const token = await setting.token(participant);
    const socket = new WebSocket(`${setting.wsUrl}/room`, [TOKEN_SUBPROTOCOL_PREFIX + token]);
    onTestFinished(() => socket.terminate());
    let message = "";
    socket.on("error", (error) => {
      message = error.message;
    });
    // Like browsers, ws fails the connection if none of the offered subprotocols is selected.
    await until("the client gave up", () => message !== "");
    expect(message).toContain("no subprotocol");
  });
});
