/** Subprotocols, tokens, the welcome, and updates as the first messages of a connection. */
import { createConnection } from "node:net";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import {
  MessageType,
  SUBPROTOCOL,
  TOKEN_SUBPROTOCOL_PREFIX,
  writeCommand,
  writeUpdate,
} from "../../../src/protocol/protocol.ts";
import { exchanged, rawStockClient, typingFrame } from "../frames.ts";
import { host, participant, rawClient, roomState, startRelay, stockClient, until } from "../harness.ts";
import { liveHost } from "./clients.ts";

describe("protocols and tokens", () => {
  it.each(["room", "a/b ü?#%20", "汉字 \u{1f600}"])(
    "[W1] a stock provider works with params: { token } in %j",
    async (room) => {
      const setting = await startRelay();
      const first = await stockClient(setting, { ...host, room });
      await until("the run is live", () => first.provider.synced);
      const second = await stockClient(setting, { ...participant, room });
      await until("both have joined", () => second.provider.synced);
      first.text.insert(0, "to ");
      await until("it arrives in one direction", () => second.text.toString() === "to ");
      second.text.insert(3, "and fro");
      await until("and in the other", () => first.text.toString() === "to and fro");
      expect(await roomState(setting, room)).toMatchObject({ room, status: "live", hosts: 1, participants: 1 });
    },
  );

  it("[W2] the relay selects session-room.v1 only, and its answer does not contain the token", async () => {
    const setting = await startRelay();
    const token = await setting.token(host);
    const { hostname, port } = new URL(setting.relay.url);
    const socket = createConnection(Number(port), hostname === "localhost" ? "127.0.0.1" : hostname);
    let received = "";
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
    });
    socket.write(
      "GET /room HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" +
        `Sec-WebSocket-Protocol: ${TOKEN_SUBPROTOCOL_PREFIX}${token}, ${SUBPROTOCOL}\r\n\r\n`,
    );
    await until("the welcome has arrived", () => received.includes('"welcome"'));
    socket.destroy();
    expect(received).toMatch(/^HTTP\/1\.1 101 /);
    expect(/^Sec-WebSocket-Protocol: (.*)\r$/im.exec(received)?.[1]).toBe(SUBPROTOCOL);
    expect(received).not.toContain(token);
  });

  it("[W3] only clients with session-room.v1 get session messages, and may send some", async () => {
    const setting = await startRelay();
    const stock = await rawStockClient(setting, await setting.token(host));
    await until("the run is live", () => stock.session?.status === "live");
    expect(stock.frames.filter(([type]) => type === MessageType.session)).toEqual([]);
    stock.send(writeCommand({ type: "end", id: 1, run: 1 }));
    await until("it was disconnected", () => stock.closeCode === 4400);
    expect(await roomState(setting)).toMatchObject({ status: "live" });
  });

  it("[W3] [P5] the welcome contains the person, and for an invited one a token with which they stay the same person", async () => {
    const setting = await startRelay();
    const known = await rawClient(setting, await setting.token(host));
    await until("the welcome has arrived", () => known.welcome);
    expect(known.welcome!.person).toEqual({ id: "h1", name: "Hana", role: "host", verified: true });
    expect(known.welcome).not.toHaveProperty("token");
    const invitation = await setting.token({ role: "participant" });
    const guest = await rawClient(setting, invitation);
    const other = await rawClient(setting, invitation);
    await until("both welcomes have arrived", () => guest.welcome && other.welcome);
    const { person, token } = guest.welcome!;
    expect(person).toMatchObject({ role: "participant", verified: false, name: "" });
    expect(other.welcome!.person.id).not.toBe(person.id);
    const back = await rawClient(setting, token!);
    await until("the welcome has arrived", () => back.welcome);
    expect(back.welcome!.person).toEqual(person);
    expect(back.welcome).not.toHaveProperty("token");
  });

  it("[W7] an update needs no SyncStep1, awareness or join before it", async () => {
    const setting = await startRelay();
    const reader = await liveHost(setting);
    const writer = await rawStockClient(setting, await setting.token(participant));
    writer.send(typingFrame("at once"));
    await until("it has arrived", () => reader.text.toString() === "at once");
  });
});

describe("updates that arrive before what they refer to", () => {
  it("[G5] are pending until that arrives", async () => {
    const setting = await startRelay();
    const reader = await liveHost(setting);
    const client = await rawClient(setting, await setting.token(participant));
    await client.command({ type: "join" });
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    for (const letter of "abc") doc.getText("text").insert(doc.getText("text").length, letter);
    client.send(writeUpdate(updates[2]!));
    client.send(writeUpdate(updates[1]!));
    await exchanged(client);
    expect(reader.text.toString()).toBe("");
    // The relay requests the missing updates, and this client does not answer.
    client.send(writeUpdate(updates[0]!));
    await until("everything has arrived", () => reader.text.toString() === "abc");
  });
});
