/** Bad input over sockets: each gets its code and a reason, nobody else notices, nothing is lost (docs/SPEC.md, W4 and G6). */
import { createConnection } from "node:net";
import type { Socket } from "node:net";
import * as encoding from "lib0/encoding";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import * as Y from "yjs";
import {
  MessageType,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeCommand,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../src/session/session.ts";
import type { Limits } from "../../sync-server/config/limits.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { awarenessFrame, exchanged, rawStockClient, typing, typingFrame, userState } from "./frames.ts";
import { rawClient, roomState, startRelay, stockClient, until } from "./harness.ts";
import type { RawClient, Setting } from "./harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;
const participant = { role: "participant", sub: "p1", name: "Pia" } as const;

/** A relay with a live room, and somebody in it to whom nothing may happen. */
const liveRoom = async (options: { limits?: Partial<Limits>; allowedOrigins?: string[] } = {}) => {
  const { limits = {}, ...config } = options;
  const setting = await startRelay({ limits, config });
  const bystander = await stockClient(setting, host, { user: { name: "Hana" } });
  await until("the run is live", () => bystander.provider.synced);
  bystander.text.insert(0, "safe");
  await exchanged(bystander);
  const closes: unknown[] = [];
  bystander.provider.on("connection-close", (event) => void closes.push(event));
  /** That the bystander noticed nothing, lost nothing, and can go on. */
  const expectCalm = async () => {
    await exchanged(bystander);
    expect(closes).toEqual([]);
    expect(bystander.text.toString()).toBe("safe");
    expect(bystander.others).toEqual([]);
    const newcomer = await stockClient(setting, { ...participant, sub: "newcomer" });
    await until(
      "a newcomer gets everything",
      () => newcomer.text.toString() === "safe" && newcomer.session?.status === "live",
    );
    expect(await roomState(setting)).toMatchObject({ status: "live", run: 1, hosts: 1, participants: 1, endsAt: null });
    expect(setting.log.filter((line) => (JSON.parse(line) as { level: number }).level >= 50)).toEqual([]);
    expect(setting.log.join("")).not.toContain("eyJ");
  };
  return { setting, bystander, expectCalm };
};

const closed = async (client: RawClient): Promise<[number | null, string]> => {
  await until("the connection was closed", () => client.closeCode !== null);
  expect(client.closeReason).not.toContain("eyJ");
  return [client.closeCode, client.closeReason];
};

describe("who is not let in", () => {
  const forged = async (setting: Setting, secret: string) =>
    createTokens(secret, setting.clock).sign({ ...participant, room: "room", expiresAt: setting.clock.now() + 60_000 });
  const withAlgorithmNone = (token: string) => {
    const [, payload] = token.split(".");
    return `${Buffer.from('{"alg":"none"}').toString("base64url")}.${payload}.`;
  };

  it.each<[string, (setting: Setting) => Promise<string> | string, number, RegExp]>([
    ["no token", () => "", 4401, /no token/],
    [
      "an expired token",
      (setting) => setting.token({ ...participant, expiresAt: setting.clock.now() - 1_000 }),
      4401,
      /expired/,
    ],
    [
      "a token of another secret",
      (setting) => forged(setting, "another secret of the tests, as long"),
      4401,
      /not signed/,
    ],
    ["a token that is signed by nobody", async (setting) => withAlgorithmNone(await setting.token(host)), 4401, /./],
    ["a token that is no token", () => "eyJub3QgYSB0b2tlbg", 4401, /not a valid/],
    ["a token for another room", (setting) => setting.token({ ...participant, room: "other" }), 4403, /another room/],
  ])("[W4] %s: the code and the reason", async (_what, tokenOf, code, reason) => {
    const { setting, expectCalm } = await liveRoom();
    const token = await tokenOf(setting);
    const clients = [await rawStockClient(setting, token)];
    if (token !== "") clients.push(await rawClient(setting, token));
    for (const client of clients) {
      expect(await closed(client)).toEqual([code, expect.stringMatching(reason)]);
      expect(client.frames).toEqual([]);
      if (token !== "") expect(client.closeReason).not.toContain(token);
    }
    if (token !== "") expect(setting.log.join("")).not.toContain(token);
    await expectCalm();
  });

  it.each([
    "/",
    "/%",
    "/%ff",
    "/%00",
    "/..",
    "/%2e",
    `/${"x".repeat(129)}`,
    `/${encodeURIComponent("\u{1f600}".repeat(129))}`,
    "/%ed%a0%80",
  ])("[W4] the address %s names no room: 4400", async (path) => {
    const { setting, expectCalm } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant), { path });
    expect(await closed(client)).toEqual([4400, expect.stringContaining("1 to 128 characters")]);
    await expectCalm();
  });

  it("[W4] a page of a forbidden origin: 4403 and the setting's name; an allowed one, or no page, gets in", async () => {
    const { setting, expectCalm } = await liveRoom({ allowedOrigins: ["https://school.example"] });
    const token = await setting.token({ ...participant, sub: "newcomer" });
    for (const origin of ["https://evil.example", "null", "https://school.example.evil.example"]) {
      const client = await rawClient(setting, token, { headers: { origin } });
      expect(await closed(client)).toEqual([4403, expect.stringContaining("allowed-origins")]);
    }
    const allowed = await rawClient(setting, token, { headers: { origin: "https://school.example" } });
    await until("it is welcome", () => allowed.welcome);
    await expectCalm();
  });

  it("[W4] a room's limit holds however many come at once: 1013 and the limit's name", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { connectionsPerRoom: 5 } });
    const token = await setting.token(participant);
    const clients = await Promise.all(Array.from({ length: 20 }, () => rawClient(setting, token)));
    await until("all were answered", () =>
      clients.every(({ welcome, closeCode }) => welcome !== null || closeCode !== null),
    );
    const refused = clients.filter(({ closeCode }) => closeCode !== null);
    expect(refused).toHaveLength(16);
    expect(await closed(refused[0]!)).toEqual([1013, expect.stringContaining("limit-connections-per-room")]);
    for (const { socket } of clients) socket.terminate();
    await until("there is room again", async () => {
      const probe = await rawClient(setting, token);
      await until("it was answered", () => probe.welcome !== null || probe.closeCode !== null);
      probe.socket.terminate();
      return probe.welcome !== null;
    });
    await expectCalm();
  });

  it("[W4] an address's limits: 1013 and the limit's name; what has gone counts no more", async () => {
    const setting = await startRelay({
      limits: { connectionsPerAddress: 3, connectionsPerLoopbackAddress: 3, newConnectionsPerSecondPerAddress: 5 },
    });
    const token = await setting.token(participant);
    const three = [await rawClient(setting, token), await rawClient(setting, token), await rawClient(setting, token)];
    const fourth = await rawClient(setting, token);
    expect(await closed(fourth)).toEqual([1013, expect.stringContaining("connections-per")]);
    await exchanged(...three);
    for (const { socket } of three) socket.close();
    await until("they are gone", () => three.every(({ closeCode }) => closeCode !== null));
    const more = [await rawClient(setting, token), await rawClient(setting, token)];
    await until("there is room again", () => more.every(({ welcome }) => welcome !== null));
    const tooFast = await rawClient(setting, token);
    expect(await closed(tooFast)).toEqual([1013, expect.stringContaining("new-connections-per-second")]);
    setting.clock.advance(1_000);
    const later = await rawClient(setting, token);
    await until("a second later it gets in", () => later.welcome);
  });
});

describe("frames that break the grammar", () => {
  const tooDeep = (depth: number) => `{"a":${"[".repeat(depth)}${"]".repeat(depth)}}`;
  const varString = (text: string) => [text.length, ...Buffer.from(text)];

  it.each<[string, Uint8Array]>([
    ["an empty frame", new Uint8Array()],
    ["an unknown type", Uint8Array.of(99)],
    ["auth, which only relays send", Uint8Array.of(MessageType.auth, 0, 0)],
    ["a type that never ends", new Uint8Array(20).fill(0xff)],
    ["an unknown sync step", Uint8Array.of(0, 3, 0)],
    ["a sync frame that ends early", Uint8Array.of(0, 2, 200, 1, 1)],
    ["a length of 2^53 and more", Uint8Array.of(0, 2, 255, 255, 255, 255, 255, 255, 255, 127)],
    ["an update of nothing", writeUpdate(new Uint8Array())],
    ["an update that ends early", writeUpdate(typing("text").subarray(0, 8))],
    ["an update of a billion sections", writeUpdate(Uint8Array.of(255, 255, 255, 255, 3))],
    ["an update of zeros as a SyncStep2", writeSyncStep2(new Uint8Array(1000).fill(0xff))],
    ["a state vector that ends early", writeSyncStep1(Uint8Array.of(2, 1))],
    ["a state vector of 2^32 clients", writeSyncStep1(Uint8Array.of(255, 255, 255, 255, 15, 1, 1))],
    ["an awareness frame without a body", Uint8Array.of(1)],
    ["an awareness update that ends early", Uint8Array.of(1, 3, 1, 7, 1)],
    ["an awareness update of a billion states", Uint8Array.of(1, 5, 255, 255, 255, 255, 3)],
    ["an awareness state that is not JSON", awarenessFrame({ id: 7, json: "{" })],
    ["an awareness state that is a number", awarenessFrame({ id: 7, json: "7" })],
    ["an awareness state that is a list", awarenessFrame({ id: 7, json: "[]" })],
    ["an awareness state that is `undefined`", awarenessFrame({ id: 7, json: "undefined" })],
    ["a command that is not JSON", Uint8Array.of(83, ...varString("{"))],
    ["a command that is null", Uint8Array.of(83, ...varString("null"))],
    ["a command without an id", Uint8Array.of(83, ...varString('{"type":"join"}'))],
    ["a command with half an id", Uint8Array.of(83, ...varString('{"type":"join","id":0.5}'))],
    ["an unknown command", Uint8Array.of(83, ...varString('{"type":"promote","id":1}'))],
    ["an inherited command", Uint8Array.of(83, ...varString('{"type":"constructor","id":1}'))],
    ["an End without a run", Uint8Array.of(83, ...varString('{"type":"end","id":1}'))],
    ["an End of run -1", Uint8Array.of(83, ...varString('{"type":"end","id":1,"run":-1}'))],
    ["a command that is no UTF-8", Uint8Array.of(83, 2, 0xff, 0xfe)],
  ])("[G6] %s: 4400", async (_what, frame) => {
    const { setting, expectCalm } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    client.send(frame);
    // What comes behind it is not looked at any more.
    client.send(typingFrame("too late"));
    const [code, reason] = await closed(client);
    expect(code).toBe(4400);
    expect(reason).not.toBe("");
    await expectCalm();
  });

  it("[G6] a text frame: 4400", async () => {
    const { setting, expectCalm } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    client.socket.send("hello");
    expect(await closed(client)).toEqual([4400, expect.stringContaining("text frames")]);
    await expectCalm();
  });

  it("[W3] a session message of a stock client: 4400", async () => {
    const { setting, expectCalm } = await liveRoom();
    const client = await rawStockClient(setting, await setting.token(host));
    client.send(writeCommand({ type: "end", id: 1, run: 1 }));
    expect(await closed(client)).toEqual([4400, expect.stringContaining(SUBPROTOCOL)]);
    await expectCalm();
  });

  it("bytes behind a message are ignored, and an empty update and an empty awareness update are nothing", async () => {
    const { setting, expectCalm } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    client.send(Uint8Array.of(MessageType.queryAwareness, 1, 2, 3));
    client.send(writeUpdate(Uint8Array.of(0, 0)));
    client.send(Uint8Array.of(1, 1, 0));
    await exchanged(client);
    expect(client.closeCode).toBeNull();
    client.socket.close();
    await expectCalm();
  });

  it("an absurdly nested awareness state either passes whole or costs its own connection", async () => {
    for (const depth of [100, 8_000]) {
      const { setting, bystander } = await liveRoom();
      const client = await rawClient(setting, await setting.token(participant));
      await client.command({ type: "join" });
      client.send(awarenessFrame({ id: 7, json: tooDeep(depth) }));
      await exchanged(client);
      await exchanged(bystander);
      if (client.closeCode === null)
        expect(bystander.provider.awareness.states.get(7)).toMatchObject({ a: expect.anything() });
      else expect(client.closeCode).toBe(4400);
      expect(bystander.text.toString()).toBe("safe");
    }
  });
});

function docOf(text: string): Y.Doc {
  const doc = new Y.Doc();
  doc.getText("text").insert(0, text);
  return doc;
}

describe("forgeries of the session", () => {
  const changeOf = (doc: Y.Doc, change: (session: Y.Map<unknown>) => void): Uint8Array => {
    const before = Y.encodeStateVector(doc);
    doc.transact(() => change(doc.getMap(SESSION_ROOT)));
    return Y.encodeStateAsUpdate(doc, before);
  };
  const ledgerId = (doc: Y.Doc): number => doc.getMap(SESSION_ROOT)._map.get("run")!.id.client;

  it.each<[string, (doc: Y.Doc) => Uint8Array]>([
    [
      "overwrites a key under the highest client id",
      (doc) => {
        doc.clientID = 2 ** 32 - 1;
        return changeOf(doc, (session) => session.set("ended", { at: 1, reason: "host-ended", by: null }));
      },
    ],
    ["deletes a key", (doc) => changeOf(doc, (session) => session.delete("run"))],
    ["adds a key without having seen any", () => changeOf(new Y.Doc(), (session) => session.set("run", 99))],
    [
      "writes on under the ledger's own id",
      (doc) => {
        doc.clientID = ledgerId(doc);
        return changeOf(doc, (session) => session.set("run", 99));
      },
    ],
    [
      "waits for what the ledger will write next",
      (doc) => {
        // A second life of the ledger, in which the next key is the attacker's map.
        const next = new Y.Doc();
        Y.applyUpdate(next, Y.encodeStateAsUpdate(doc));
        next.clientID = ledgerId(doc);
        next.getMap(SESSION_ROOT).set("ended", new Y.Map());
        const forger = new Y.Doc();
        Y.applyUpdate(forger, Y.encodeStateAsUpdate(next));
        return changeOf(forger, (session) => (session.get("ended") as Y.Map<unknown>).set("at", 1));
      },
    ],
    [
      "writes under a later ledger's id",
      (doc) => {
        doc.clientID = ledgerId(doc) + 1;
        return changeOf(doc, (session) => session.set("run", 99));
      },
    ],
  ])("[S1] [G1] [G2] whoever %s changes nothing, now and at the next end and start", async (_what, forge) => {
    const { setting, bystander } = await liveRoom();
    const client = await rawClient(setting, await setting.token(participant));
    client.send(writeSyncStep1(Uint8Array.of(0)));
    await until("the attacker has everything", () => client.syncSteps.includes(1));
    const forgery = forge(client.doc);
    client.send(writeUpdate(forgery));
    client.send(writeSyncStep2(forgery));
    await exchanged(client, bystander);
    const { startedAt } = await roomState(setting);
    expect(bystander.session).toEqual({ status: "live", run: 1, startedAt });
    const { body } = await setting.api("POST", "/v1/rooms/room/end", {});
    await until("the end is read", () => bystander.closed === 4410);
    expect(bystander.session).toEqual({ status: "ended", run: 1, startedAt, ended: body["ended"] });
    const next = await setting.api("POST", "/v1/rooms/room/start", {});
    bystander.provider.connect();
    await until("it is back", () => bystander.provider.synced);
    expect(bystander.session).toEqual({ status: "live", run: 2, startedAt: next.body["startedAt"] });
    const newcomer = await stockClient(setting, { ...participant, sub: "newcomer" });
    await until("a newcomer is in", () => newcomer.provider.synced);
    expect(newcomer.doc.getMap(SESSION_ROOT).toJSON()).toEqual({
      run: 2,
      startedAt: next.body["startedAt"],
      ended: null,
    });
    expect(newcomer.text.toString()).toBe("safe");
  });
});

describe("too much", () => {
  it("[W4] a message above the limit: 4413 and the limit's name", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { messageBytes: 10_000, frameBytes: 20_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    client.send(typingFrame("x".repeat(10_000)));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("limit-message-bytes")]);
    await expectCalm();
  });

  it("[W4] a frame above the hard cap: 1009, in one piece or in many", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { messageBytes: 10_000, frameBytes: 20_000 } });
    const whole = await rawClient(setting, await setting.token(participant));
    whole.send(new Uint8Array(20_001));
    const pieces = await rawClient(setting, await setting.token(participant));
    for (let i = 0; i < 25; i++) pieces.socket.send(new Uint8Array(1_000), { fin: false });
    expect((await closed(whole))[0]).toBe(1009);
    expect((await closed(pieces))[0]).toBe(1009);
    await expectCalm();
  });

  it("[W4] a document above the limit: 4413 and the limit's name; what was there stays", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { documentBytes: 10_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    client.send(typingFrame("x".repeat(10_000)));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("limit-document-bytes")]);
    await expectCalm();
  });

  it("[W4] an awareness state above the limit: 4413 and the limit's name, counted in bytes", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { awarenessStateBytes: 1_000 } });
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    client.send(awarenessFrame({ id: 7, json: userState("\u{1f600}".repeat(250)) }));
    expect(await closed(client)).toEqual([4413, expect.stringContaining("awareness state larger than")]);
    await expectCalm();
  });

  it("many states in one message are told to others as one at most", async () => {
    const { setting, expectCalm } = await liveRoom();
    const watcher = await rawClient(setting, await setting.token({ ...participant, sub: "p2" }));
    await watcher.command({ type: "join" });
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    await exchanged(client, watcher);
    const before = watcher.frames.length;
    const entries = Array.from({ length: 5_000 }, (_, i) => [
      { id: i + 1, json: "{}" },
      { id: i + 1, json: "null" },
    ]).flat();
    client.send(awarenessFrame(...entries));
    await exchanged(client, watcher);
    expect(watcher.frames.length - before).toBeLessThanOrEqual(1);
    for (const { socket } of [client, watcher]) socket.close();
    await until("both are gone", async () => (await roomState(setting))["participants"] === 0);
    await expectCalm();
  });

  it("[W13] messages and bytes above a second's: 1013 and the limit's name, after what was saved is spent", async () => {
    const slow = await liveRoom({ limits: { messagesPerSecond: 10 } });
    const chatty = await rawClient(slow.setting, await slow.setting.token(participant));
    // What may come in 4 s may come at once.
    for (let i = 0; i < 40; i++) chatty.send(awarenessFrame());
    slow.setting.clock.advance(1_000);
    for (let i = 0; i < 10; i++) chatty.send(awarenessFrame());
    await exchanged(chatty);
    chatty.send(awarenessFrame());
    expect(await closed(chatty)).toEqual([1013, expect.stringContaining("limit-messages-per-second")]);
    const pinger = await rawClient(slow.setting, await slow.setting.token(participant));
    for (let i = 0; i < 41; i++) pinger.socket.ping();
    expect(await closed(pinger)).toEqual([1013, expect.stringContaining("limit-messages-per-second")]);
    await slow.expectCalm();

    const narrow = await liveRoom({ limits: { bytesPerSecond: 1_000, messageBytes: 5_000, frameBytes: 5_000 } });
    const writer = await rawClient(narrow.setting, await narrow.setting.token(participant));
    writer.send(awarenessFrame({ id: 7, json: userState("x".repeat(4_800)) }));
    await exchanged(writer);
    writer.send(awarenessFrame({ id: 7, json: userState("x".repeat(1_200)) }));
    expect(await closed(writer)).toEqual([1013, expect.stringContaining("limit-bytes-per-second")]);
    await narrow.expectCalm();
  });

  it.each([
    ["SyncStep1", () => writeSyncStep1(Uint8Array.of(0))],
    ["queryAwareness", () => Uint8Array.of(MessageType.queryAwareness)],
    ["a command", (i: number) => writeCommand({ type: "join", id: i })],
  ])("[W13] requests above a second's: 1013 and the limit's name (%s)", async (_, request) => {
    const { setting, expectCalm } = await liveRoom({ limits: { requestsPerSecond: 2 } });
    const client = await rawClient(setting, await setting.token(participant));
    for (let i = 0; i < 20; i++) client.send(request(i));
    await exchanged(client);
    setting.clock.advance(1_000);
    for (let i = 20; i < 22; i++) client.send(request(i));
    await exchanged(client);
    client.send(request(22));
    expect(await closed(client)).toEqual([1013, expect.stringContaining("requests a second")]);
    await expectCalm();
  });

  it("[W13] structs and deletes above a second's: 1013; more in one update than can ever come: 4413", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { structsPerSecond: 100 } });
    // Each letter, typed in front, is a struct of its own.
    const typed = (count: number): Uint8Array => {
      const doc = new Y.Doc();
      for (let i = 0; i < count; i++) doc.getText("other").insert(0, "x");
      return writeUpdate(Y.encodeStateAsUpdate(doc));
    };
    const deletes = (count: number): Uint8Array =>
      writeUpdate(
        encoding.encode((encoder) => {
          for (const number of [0, 1, 7, count]) encoding.writeVarUint(encoder, number);
          for (let i = 0; i < 2 * count; i++) encoding.writeVarUint(encoder, 0);
        }),
      );
    for (const many of [typed, deletes]) {
      const busy = await rawClient(setting, await setting.token(participant));
      busy.send(many(300));
      busy.send(many(101));
      expect(await closed(busy)).toEqual([1013, expect.stringContaining("structs a second")]);
      const greedy = await rawClient(setting, await setting.token(participant));
      greedy.send(many(401));
      expect(await closed(greedy)).toEqual([4413, expect.stringContaining("structs in an update")]);
    }
    await expectCalm();
  });

  it("updates that wait for something that never comes: 1013 and the limit's name", async () => {
    for (const [count, length] of [
      [2, 8_000],
      [20, 1],
    ] as const) {
      const { setting, expectCalm } = await liveRoom({ limits: { pendingBytes: 10_000 } });
      const client = await rawClient(setting, await setting.token(participant));
      const doc = docOf("a");
      const before = Y.encodeStateVector(doc);
      doc.getText("text").insert(1, "x".repeat(length));
      const lone = writeUpdate(Y.encodeStateAsUpdate(doc, before));
      for (let i = 0; i < count; i++) client.send(lone);
      expect(await closed(client)).toEqual([1013, expect.stringContaining("bytes wait for missing updates")]);
      await expectCalm();
    }
  });
});

describe("lines that are no WebSocket", () => {
  const line = (setting: Setting): Socket & { received: () => string } => {
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
    ["a key that is none", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x\r\n"],
    ["another version", `Upgrade: websocket\r\nSec-WebSocket-Version: 7\r\n${KEY}`],
    [
      "subprotocols that are none",
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}Sec-WebSocket-Protocol: ,,\x01,\r\n`,
    ],
    [
      "one subprotocol twice",
      `Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}Sec-WebSocket-Protocol: a, a\r\n`,
    ],
  ])("an upgrade with %s: an answer of 4xx, and the room is left alone", async (_what, headers) => {
    const { setting, expectCalm } = await liveRoom();
    const token = await setting.token(participant);
    const socket = line(setting);
    socket.write(request(headers, `/room?token=${token}`));
    await until("it was answered", () => socket.received().includes("\r\n\r\n") || socket.destroyed);
    expect(socket.received()).toMatch(/^HTTP\/1\.1 4\d\d /);
    await expectCalm();
  });

  it("[W13] lines that never finish their headers, or have too many: cut in time, and told which limit it was", async () => {
    const { setting, expectCalm } = await liveRoom({ limits: { unauthenticatedSeconds: 1, headerBytes: 2_000 } });
    const silent = line(setting);
    const slow = line(setting);
    slow.write("GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ");
    const large = line(setting);
    large.write(`GET /livez HTTP/1.1\r\nHost: localhost\r\nX: ${"x".repeat(2_000)}\r\n\r\n`);
    await until("they are cut", () => [silent, slow, large].every(({ readableEnded }) => readableEnded));
    expect(slow.received()).toMatch(/^HTTP\/1\.1 408 [^]*did not arrive within/);
    expect(large.received()).toMatch(/^HTTP\/1\.1 431 [^]*headers are larger than/);
    await expectCalm();
  });

  it("sockets that reset in the middle of everything", async () => {
    const { setting, expectCalm } = await liveRoom();
    const token = await setting.token(participant);
    const upgrade = request(`Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}`, `/room?token=${token}`);
    const cuts = [0, 10, upgrade.length - 2, upgrade.length];
    for (let i = 0; i < 40; i++) {
      const socket = line(setting);
      await until("it is connected", () => !socket.connecting);
      socket.write(upgrade.slice(0, cuts[i % cuts.length]));
      if (i % 3 === 0) await until("it was answered or not", () => true);
      socket.resetAndDestroy();
    }
    await until("they are gone", async () => (await roomState(setting))["participants"] === 0);
    await expectCalm();
  });

  it("[W14] frames that break RFC 6455 cost their own connection alone", async () => {
    const { setting, expectCalm } = await liveRoom();
    const token = await setting.token(participant);
    const breaks: [string, number[]][] = [
      ["an unmasked frame", [0x82, 0x01, 0x00]],
      ["a reserved opcode", [0x83, 0x80, 0, 0, 0, 0]],
      ["reserved bits", [0xf2, 0x80, 0, 0, 0, 0]],
      ["a continuation of nothing", [0x80, 0x80, 0, 0, 0, 0]],
      ["a length of 2^63", [0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0]],
      ["a close code that is none", [0x88, 0x82, 0, 0, 0, 0, 0x00, 0x01]],
      ["a long ping", [0x89, 0xfe, 0x01, 0x00]],
      ["a ping in parts", [0x09, 0x80, 0, 0, 0, 0]],
      ["a message within a message", [0x02, 0x80, 0, 0, 0, 0, 0x82, 0x80, 0, 0, 0, 0]],
      ["a goodbye whose reason is no UTF-8", [0x88, 0x83, 0, 0, 0, 0, 0x03, 0xe8, 0xff]],
    ];
    for (const [what, bytes] of breaks) {
      const socket = line(setting);
      socket.write(request(`Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n${KEY}`, `/room?token=${token}`));
      await until("it is open", () => socket.received().startsWith("HTTP/1.1 101"));
      socket.write(Uint8Array.from(bytes));
      await until(`${what} was closed`, () => socket.readableEnded || socket.destroyed);
    }
    await until("they are gone", async () => (await roomState(setting))["participants"] === 0);
    await expectCalm();
  });

  it("[W2] a token beside no session-room.v1 is taken, and never answered", async () => {
    const { setting } = await liveRoom();
    const token = await setting.token(participant);
    const socket = new WebSocket(`${setting.wsUrl}/room`, [TOKEN_SUBPROTOCOL_PREFIX + token]);
    onTestFinished(() => socket.terminate());
    let message = "";
    socket.on("error", (error) => {
      message = error.message;
    });
    // Browsers, like ws, give up when none of what they offered is answered.
    await until("the client gave up", () => message !== "");
    expect(message).toContain("no subprotocol");
  });
});
