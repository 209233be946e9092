/** The PROXY protocol: which bytes are a header, and how it is read from real sockets. */
import { once } from "node:events";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { readProxyHeader, takeProxyHeader } from "../../../sync-server/gateway/proxy-protocol.ts";
import { manualClock } from "../../manual-clock.ts";
import { until } from "../harness.ts";
import { proxyHeader1, proxyHeader2, V2_SIGNATURE } from "./proxy-headers.ts";

const complete = (lengthBytes: number, source: string | null) => ({ kind: "complete", lengthBytes, source });

describe("a header of version 1", () => {
  const longest = `PROXY UNKNOWN ${"x".repeat(91)}\r\n`;

  it.each([
    ["PROXY TCP4 203.0.113.5 10.0.0.1 56324 443\r\n", "203.0.113.5"],
    ["PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255"],
    ["PROXY TCP6 2001:DB8::5 fd00::1 0 1\r\n", "2001:db8::5"],
    ["PROXY TCP6 ::ffff:203.0.113.5 ::1 1 1\r\n", "203.0.113.5"],
    ["PROXY UNKNOWN\r\n", null],
    ["PROXY UNKNOWN 1.2.3.4 anything at all\r\n", null],
    [longest, null],
  ])("[N3] %j is from %s", (line, source) => {
    expect(readProxyHeader(Buffer.from(`${line}GET / HTTP/1.1\r\n`))).toEqual(complete(line.length, source));
  });

  it.each([
    "PROXY TCP4 203.0.113.5 10.0.0.1 56324\r\n",
    "PROXY TCP4 203.0.113.5 10.0.0.1 56324 443 \r\n",
    "PROXY TCP4  203.0.113.5 10.0.0.1 56324 443\r\n",
    "PROXY TCP4 203.0.113.05 10.0.0.1 56324 443\r\n",
    "PROXY TCP4 2001:db8::5 fd00::1 1 1\r\n",
    "PROXY TCP6 203.0.113.5 10.0.0.1 1 1\r\n",
    "PROXY TCP6 fe80::1%eth0 fd00::1 1 1\r\n",
    "PROXY TCP4 203.0.113.5 10.0.0.1 65536 1\r\n",
    "PROXY TCP4 203.0.113.5 10.0.0.1 01 1\r\n",
    "PROXY TCP4 203.0.113.5 10.0.0.1 -1 1\r\n",
    "PROXY TCP4 203.0.113.5 somewhere 1 1\r\n",
    "PROXY UDP4 203.0.113.5 10.0.0.1 1 1\r\n",
    "PROXY UNKNOWNS\r\n",
    "PROXY \r\n",
    "PROXY TCP4 203.0.113.5 10.0.0.1 56324 443\n\r\n",
    `PROXY UNKNOWN ${"x".repeat(92)}\r\n`,
    `PROXY ${"x".repeat(101)}`,
  ])("[N3] %j is malformed", (line) => {
    expect(readProxyHeader(Buffer.from(line))).toEqual({ kind: "malformed" });
  });
});

describe("a header of version 2", () => {
  const v4 = [203, 0, 113, 5, 10, 0, 0, 1, 0xdc, 0x04, 0x01, 0xbb];
  const v6 = [0x20, 1, 0x0d, 0xb8, ...Array.from({ length: 11 }, () => 0), 5, ...Array.from({ length: 20 }, () => 1)];
  const tlv = [0x04, 0, 3, 1, 2, 3];

  it.each([
    ["TCP over IPv4", 0x21, 0x11, v4, "203.0.113.5"],
    ["TCP over IPv6", 0x21, 0x21, v6, "2001:db8::5"],
    ["TLVs", 0x21, 0x11, [...v4, ...tlv], "203.0.113.5"],
    ["as many TLVs as may be", 0x21, 0x11, [...v4, ...Array.from({ length: 1_012 }, () => 7)], "203.0.113.5"],
    ["LOCAL", 0x20, 0x00, [], null],
    ["LOCAL with a family and addresses", 0x20, 0x11, v4, null],
    ["LOCAL with a family that there is not", 0x20, 0xff, [1, 2, 3], null],
    ["no family", 0x21, 0x00, [], null],
    ["UDP", 0x21, 0x12, v4, null],
    ["a Unix socket", 0x21, 0x31, Array.from({ length: 216 }, () => 0), null],
  ])("[N3] with %s", (_what, command, family, rest, source) => {
    const header = proxyHeader2(command, family, rest);
    expect(readProxyHeader(header)).toEqual(complete(header.length, source));
    expect(readProxyHeader(Buffer.concat([header, Buffer.from("GET /")]))).toEqual(complete(header.length, source));
  });

  it.each([
    ["version 1 in binary", 0x11, 0x11, v4],
    ["an unknown command", 0x22, 0x11, v4],
    ["an unknown family", 0x21, 0x41, v4],
    ["an unknown transport", 0x21, 0x13, v4],
    ["too few bytes for IPv4", 0x21, 0x11, v4.slice(0, 11)],
    ["too few bytes for IPv6", 0x21, 0x21, v6.slice(0, 35)],
    ["more bytes than may be", 0x21, 0x11, Array.from({ length: 1_025 }, () => 0)],
  ])("[N3] with %s it is malformed", (_what, command, family, rest) => {
    expect(readProxyHeader(proxyHeader2(command, family, rest))).toEqual({ kind: "malformed" });
  });

  it("[N3] one that is too long is refused before its bytes have arrived", () => {
    const claims = Buffer.concat([V2_SIGNATURE, Buffer.of(0x21, 0x11, 0xff, 0xff)]);
    expect(readProxyHeader(claims)).toEqual({ kind: "malformed" });
  });
});

describe("any bytes", () => {
  it.each([
    "GET / HTTP/1.1\r\n",
    "\r\nGET / HTTP/1.1\r\n",
    "POST",
    "PROPFIND /",
    "\r\n\r\n\0\r\nQUIX",
    "\x16\x03\x01",
    "PROXY\t",
  ])("[N3] %j is no header", (text) => {
    expect(readProxyHeader(Buffer.from(text, "latin1"))).toEqual({ kind: "absent" });
  });

  const headers = fc.oneof(
    fc.ipV4().map((source) => proxyHeader1("TCP4", source, "10.0.0.1")),
    fc
      .tuple(
        fc.constantFrom(0x20, 0x21),
        fc.constantFrom(0, 0x11, 0x21),
        fc.array(fc.nat(255), { minLength: 36, maxLength: 90 }),
      )
      .map(([command, family, rest]) => proxyHeader2(command, family, rest)),
  );

  it("[N3] a header that arrives byte by byte is incomplete until its last byte", () => {
    fc.assert(
      fc.property(headers, fc.uint8Array(), (header, after) => {
        for (let i = 0; i < header.length; i++)
          expect(readProxyHeader(header.subarray(0, i))).toEqual({ kind: "incomplete" });
        expect(readProxyHeader(Buffer.concat([header, after]))).toMatchObject({
          kind: "complete",
          lengthBytes: header.length,
        });
      }),
      { numRuns: 50 },
    );
  });

  it("[N3] never throws, and is incomplete for no longer than a header may be", () => {
    const start = fc.constantFrom(
      Buffer.alloc(0),
      Buffer.from("PROXY "),
      V2_SIGNATURE,
      Buffer.concat([V2_SIGNATURE, Buffer.of(0x21, 0x21)]),
    );
    fc.assert(
      fc.property(start, fc.uint8Array({ minLength: 0, maxLength: 1_200 }), (prefix, rest) => {
        const bytes = Buffer.concat([prefix, rest]);
        const header = readProxyHeader(bytes);
        if (bytes.length >= 16 + 1_024) expect(header.kind).not.toBe("incomplete");
        if (header.kind === "complete") expect(header.lengthBytes).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});

describe("a socket", () => {
  const TIMEOUT_MS = 10_000;

  /** A server that reads a header from each socket, and keeps the bytes after it. */
  const listen = async () => {
    const clock = manualClock();
    const taken: { source: string | null; text: string }[] = [];
    const sockets: Socket[] = [];
    const server = createServer({ allowHalfOpen: true }, (socket) => {
      sockets.push(socket);
      takeProxyHeader(socket, clock, TIMEOUT_MS, (source) => {
        const entry = { source, text: "" };
        taken.push(entry);
        socket.on("data", (chunk: Buffer) => {
          entry.text += chunk.toString("latin1");
        });
        socket.on("error", () => socket.destroy());
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const client = async (): Promise<Socket> => {
      const socket = connect({ port: (server.address() as AddressInfo).port, host: "127.0.0.1", noDelay: true });
      socket.on("error", () => {});
      socket.resume();
      onTestFinished(() => void socket.destroy());
      const count = sockets.length;
      await until("it is accepted", () => sockets.length > count);
      return socket;
    };
    onTestFinished(() => void server.close());
    return { clock, taken, sockets, client };
  };
  const header = proxyHeader1("TCP4", "203.0.113.5", "10.0.0.1");

  it("[N3] loses its header, and keeps every byte after it", async () => {
    const { clock, taken, client } = await listen();
    const socket = await client();
    const long = "x".repeat(300_000);
    socket.write(Buffer.concat([header, Buffer.from(`GET ${long}`)]));
    await until("all bytes have arrived", () => taken[0]?.text.length === long.length + 4);
    socket.write("more");
    await until("the later bytes have arrived", () => taken[0]!.text.endsWith("more"));
    expect(taken).toEqual([{ source: "203.0.113.5", text: `GET ${long}more` }]);
    expect(clock.timers).toBe(0);
  });

  it("[N3] without a header keeps all bytes, also if they begin like one", async () => {
    const { taken, client } = await listen();
    for (const [i, text] of ["GET / HTTP/1.1", "PROXIMITY", "\r\n\r\nGET"].entries()) {
      const socket = await client();
      socket.write(text);
      await until("it has arrived", () => taken[i]?.text === text);
      expect(taken[i]!.source).toBe(null);
    }
  });

  it("[N3] may send its header byte by byte", async () => {
    const { taken, client, sockets } = await listen();
    const socket = await client();
    const bytes = Buffer.concat([header, Buffer.from("GET")]);
    for (let i = 0; i < bytes.length; i++) {
      socket.write(bytes.subarray(i, i + 1));
      await until("the byte has arrived", () => sockets[0]!.bytesRead === i + 1);
    }
    await until("the rest has arrived", () => taken[0]?.text === "GET");
    expect(taken[0]!.source).toBe("203.0.113.5");
  });

  it("[N3] with a malformed header is closed", async () => {
    const { clock, taken, client, sockets } = await listen();
    const socket = await client();
    socket.write("PROXY TCP4 nonsense\r\nGET / HTTP/1.1\r\n\r\n");
    await once(socket, "close");
    expect([taken.length, sockets[0]!.destroyed, clock.timers]).toEqual([0, true, 0]);
  });

  it("[N3] that sends nothing, or half a header, is closed after the time limit, and not before", async () => {
    const { clock, taken, client, sockets } = await listen();
    await client();
    const half = await client();
    half.write(header.subarray(0, 20));
    await until("half has arrived", () => sockets[1]!.bytesRead === 20);
    clock.advance(TIMEOUT_MS - 1);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([false, false]);
    clock.advance(1);
    expect(sockets.map(({ destroyed }) => destroyed)).toEqual([true, true]);
    await once(half, "close");
    expect([taken.length, clock.timers]).toEqual([0, 0]);
  });

  it("[N3] that ends or is reset meanwhile leaves no timer", async () => {
    const { clock, taken, client, sockets } = await listen();
    const ended = await client();
    ended.end(header.subarray(0, 20));
    const reset = await client();
    reset.write(header.subarray(0, 20));
    await until("half has arrived", () => sockets[1]!.bytesRead === 20);
    reset.resetAndDestroy();
    await until("both are closed", () => sockets.every(({ destroyed }) => destroyed));
    await until("no timer is left", () => clock.timers === 0);
    expect(taken).toEqual([]);
  });

  it("[N3] that sends all and ends at once is read to its end", async () => {
    const { taken, client, sockets } = await listen();
    const socket = await client();
    socket.end(Buffer.concat([header, Buffer.from("GET")]));
    await until("it has arrived", () => taken[0]?.text === "GET");
    await until("the end has arrived", () => sockets[0]!.readableEnded);
  });
});
