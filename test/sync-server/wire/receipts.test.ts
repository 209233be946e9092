/** Acknowledgements and refusals as clients get them: after the commit, and to whom. */
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { LedgerCopy } from "../../../src/client/ledger-copy.ts";
import { MessageType, SyncStep, writeSyncStep1, writeSyncStep2, writeUpdate } from "../../../src/protocol/protocol.ts";
import { exchanged, rawStockClient, typing, typingFrame } from "../frames.ts";
import { host, participant, rawClient, startRelay, until } from "../harness.ts";
import type { RawClient } from "../harness.ts";
import { GatedStore } from "../store/gated-store.ts";
import { joined, joinThenEnd, liveHost, textInRoom } from "./clients.ts";

const payloadOf = (frame: Uint8Array): Uint8Array =>
  decoding.readVarUint8Array(decoding.createDecoder(frame.subarray(2)));

const savedTo = (client: RawClient): number =>
  client.messages.reduce((most, message) => (message.type === "saved" ? Math.max(most, message.n) : most), 0);

/** The two halves of a text: the second refers to the first. */
const inHalves = (): [Uint8Array, Uint8Array] => {
  const doc = new Y.Doc();
  const halves: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => halves.push(update));
  doc.getText("text").insert(0, "first ");
  doc.getText("text").insert(6, "second");
  return [halves[0]!, halves[1]!];
};

describe("acknowledgements", () => {
  it("[W15] [W8] come after the commit", async () => {
    const store = new GatedStore();
    const setting = await startRelay({ store });
    const writer = await joined(setting, host);
    await exchanged(writer);
    store.hold();
    writer.send(typingFrame("one"));
    writer.send(typingFrame("two"));
    await exchanged(writer);
    expect(savedTo(writer)).toBe(0);
    store.release();
    await until("both are saved", () => savedTo(writer) === 2);
  });

  it("[W15] [G5] a message that waits for another is settled with it", async () => {
    const setting = await startRelay();
    const writer = await joined(setting, host);
    const [first, second] = inHalves();
    writer.send(writeUpdate(second));
    await exchanged(writer);
    expect(savedTo(writer)).toBe(0);
    writer.send(writeUpdate(first));
    await until("both are saved", () => savedTo(writer) === 2);
    expect(await textInRoom(setting)).toBe("first second");
  });

  it("[W15] [W5] what came while content is withheld is settled by the SyncStep2 that brings it", async () => {
    const setting = await startRelay();
    await joinThenEnd(setting, "");
    const writer = await rawClient(setting, await setting.token(host));
    const doc = new Y.Doc();
    doc.getText("text").insert(0, "early");
    writer.send(writeUpdate(Y.encodeStateAsUpdate(doc)));
    await exchanged(writer);
    await writer.command({ type: "start", run: 1 });
    writer.send(typingFrame("later "));
    await exchanged(writer);
    expect(savedTo(writer)).toBe(0);
    writer.send(writeSyncStep2(Y.encodeStateAsUpdate(doc)));
    await until("all are saved", () => savedTo(writer) === 3);
    expect(await textInRoom(setting)).toContain("early");
  });

  it("[W15] go to session-room.v1 clients alone", async () => {
    const setting = await startRelay();
    const stock = await liveHost(setting);
    const other = await joined(setting, participant);
    stock.text.insert(0, "from a stock client");
    await exchanged(stock, other);
    expect(savedTo(other)).toBe(0);
    // A stock provider logs an unknown message, and an unread one would be visible here.
    expect(stock.provider.synced).toBe(true);
  });
});

describe("refusals", () => {
  it("[W16] a document that is full: the sender is told which message, and stays", async () => {
    const setting = await startRelay({ limits: { documentBytes: 1_000 } });
    const writer = await joined(setting, host);
    writer.send(typingFrame("fits"));
    writer.send(writeUpdate(typing("x".repeat(1_000))));
    await until("both are settled", () => savedTo(writer) === 2);
    const refused = writer.messages.filter(({ type }) => type === "refused");
    expect(refused).toEqual([{ type: "refused", n: 2, code: "document-full", message: "The document is full." }]);
    expect(writer.closeCode).toBeNull();
    expect(await textInRoom(setting)).toBe("fits");
  });
});

describe("the ledger", () => {
  it("[W17] is named before its first update, and again with a new one, to session-room.v1 clients alone", async () => {
    const store = new GatedStore();
    const before = await startRelay({ store });
    await joined(before, host);
    await before.relay.close();
    before.clock.advance(1_000);
    const setting = await startRelay({ store, clock: before.clock });
    const client = await joined(setting, host);
    const stock = await rawStockClient(setting, await setting.token(participant));
    const named = (): number[] => client.messages.flatMap((message) => (message.type === "ledger" ? [message.id] : []));
    const [first] = named();
    expect([...Y.decodeStateVector(Y.encodeStateVector(client.doc)).keys()]).toEqual([first]);
    // A client that holds more of the ledger shows that the store is an older copy.
    client.send(writeSyncStep1(Y.encodeStateVector(new Map([[first!, 1_000]]))));
    await until("a new ledger is named", () => named().length === 2);
    const second = named()[1]!;
    expect(second).toBeGreaterThan(first!);
    await exchanged(client, stock);
    const copy = new LedgerCopy(new Y.Doc());
    copy.useLedger(second);
    const isName = (frame: Uint8Array): boolean => frame[0] === MessageType.session;
    for (const frame of client.frames.slice(client.frames.findLastIndex(isName) + 1)) {
      if (frame[0] === MessageType.sync && frame[1] === SyncStep.update) copy.take(payloadOf(frame));
    }
    expect(copy.read()).toMatchObject({ status: "live", run: 1 });
    expect(stock.messages).toEqual([]);
  });
});
