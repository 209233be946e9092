/** Who may write under which client id, over real sockets (docs/SPEC.md, G8 to G10). */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { writeAwareness, writeSyncStep2, writeUpdate } from "../../../../src/protocol/protocol.ts";
import { MemoryStore } from "../../../../sync-server/store/memory-store.ts";
import { awarenessFrame, exchanged } from "../../frames.ts";
import { rawClient, roomState, startRelay, stockClient, until } from "../../harness.ts";
import type { Setting } from "../../harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;
const ann = { role: "participant", sub: "ann", name: "Ann" } as const;
const mallory = { role: "participant", sub: "mallory", name: "Mallory" } as const;

const stockSocket = async (setting: Setting, claims: typeof ann | typeof mallory) =>
  rawClient(setting, "", { path: `/room?token=${await setting.token(claims)}`, protocols: [] });

const setUp = async (store = new MemoryStore()) => {
  const setting = await startRelay({ store });
  await setting.api("POST", "/v1/rooms", { room: "room" });
  const reader = await stockClient(setting, host);
  await until("the run is live", () => reader.session?.status === "live");
  return { setting, reader };
};

/** What somebody would write under another's client id, having seen the same document. */
const forgeAs = (seen: Y.Doc, clientId: number, text: string): Uint8Array => {
  const doc = new Y.Doc();
  Y.applyUpdate(doc, Y.encodeStateAsUpdate(seen));
  doc.clientID = clientId;
  const before = Y.encodeStateVector(doc);
  doc.getText("text").insert(0, text);
  return Y.encodeStateAsUpdate(doc, before);
};

describe("authorship", () => {
  it("[G8] nobody writes the next struct of somebody who is here, and theirs still counts", async () => {
    const { setting, reader } = await setUp();
    const writer = await stockClient(setting, ann);
    writer.text.insert(0, "one ");
    await until("it arrived", () => reader.text.toString() === "one ");
    const attacker = await stockSocket(setting, mallory);
    attacker.send(writeUpdate(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
    attacker.send(writeSyncStep2(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
    writer.text.insert(4, "two");
    await until("the author's own arrived", () => reader.text.toString() === "one two");
  });

  it("[G8] a client id is its cursor's before anything is written under it", async () => {
    const { setting, reader } = await setUp();
    const writer = await stockClient(setting, ann);
    await until("the writer is seen", () => reader.others.length === 1);
    const attacker = await stockSocket(setting, mallory);
    attacker.send(writeUpdate(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
    attacker.send(writeUpdate(forgeAs(reader.doc, 4_711, "mine ")));
    await until("the attacker's own arrived", () => reader.text.toString() === "mine ");
    writer.text.insert(0, "hers ");
    await until("the writer's arrived", () => reader.text.toString().includes("hers"));
    expect(reader.text.toString()).not.toContain("forged");
  });

  it("[G9] nobody writes under the id of somebody who has gone, not after a restart of the relay either", async () => {
    const store = new MemoryStore();
    const { setting, reader } = await setUp(store);
    const writer = await stockClient(setting, ann);
    writer.text.insert(0, "hers ");
    await until("it arrived", () => reader.text.toString() === "hers ");
    writer.provider.destroy();
    await until("she is gone", () => reader.others.length === 0);
    const attack = async (at: Setting): Promise<void> => {
      const attacker = await stockSocket(at, mallory);
      attacker.send(writeSyncStep2(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
      attacker.send(writeUpdate(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
      attacker.send(writeUpdate(forgeAs(reader.doc, 4_711 + reader.text.length, "x")));
    };
    await attack(setting);
    await until("the attacker's own arrived", () => reader.text.toString().startsWith("x"));
    expect(reader.text.toString()).toBe("xhers ");
    await setting.relay.close();
    const again = await startRelay({ store });
    const back = await stockClient(again, host);
    await until("the document is back", () => back.text.toString() === "xhers ");
    await attack(again);
    await until("the attacker's own arrived", () => back.text.toString() === "xxhers ");
  });

  it("[G8] who only writes under a client id yields to somebody else who shows a cursor under it", async () => {
    const { setting, reader } = await setUp();
    const [bringer, other] = [await stockSocket(setting, mallory), await stockSocket(setting, ann)];
    bringer.send(writeUpdate(forgeAs(reader.doc, 7, "one ")));
    await until("it arrived", () => reader.text.toString() === "one ");
    other.send(writeUpdate(forgeAs(reader.doc, 7, "two ")));
    await exchanged(other, reader);
    expect(reader.text.toString()).toBe("one ");
    other.send(awarenessFrame({ id: 7, json: "{}" }));
    other.send(writeUpdate(forgeAs(reader.doc, 7, "two ")));
    await until("hers arrived", () => reader.text.toString() === "two one ");
    bringer.send(writeUpdate(forgeAs(reader.doc, 7, "three ")));
    await exchanged(bringer, reader);
    expect(reader.text.toString()).toBe("two one ");
  });

  it.each([
    ["by Update", writeUpdate],
    ["by SyncStep2", writeSyncStep2],
  ])(
    "[G8] [G9] somebody in a mesh brings %s what a person writes who is not connected yet, or any more",
    async (_how, write) => {
      const { setting, reader } = await setUp();
      const alice = await stockClient(setting, ann);
      await until("she is seen", () => reader.others.length === 1);
      const socket = alice.provider.ws as unknown as { send(bytes: Uint8Array): void };
      const bob = new Y.Doc();
      const bring = (): void => socket.send(write(Y.encodeStateAsUpdate(bob, Y.encodeStateVector(reader.doc))));
      const text = bob.getText("text");
      text.insert(0, "before ");
      bring();
      await until("it arrived", () => reader.text.toString() === "before ");
      const bobs = await stockClient(setting, { role: "participant" }, { doc: bob });
      await until("he is seen", () => reader.others.length === 2);
      text.insert(text.length, "here ");
      await until("he writes himself", () => reader.text.toString() === "before here ");
      bobs.provider.destroy();
      await until("he is gone", async () => (await roomState(setting))["participants"] === 1);
      text.insert(text.length, "after ");
      bring();
      await until("it arrived", () => reader.text.toString() === "before here after ");
      const back = await stockClient(setting, { role: "participant" }, { doc: bob });
      await until("he is back", () => back.provider.synced && reader.others.length === 2);
      text.insert(text.length, "again");
      await until("and goes on", () => reader.text.toString() === "before here after again");
    },
  );

  it("[G8] what is brought for somebody who is here is dropped, and asked for again once they are gone", async () => {
    const { setting, reader } = await setUp();
    const doc = new Y.Doc();
    const bob = await stockClient(setting, { role: "participant" }, { doc });
    bob.text.insert(0, "one ");
    await until("it arrived", () => reader.text.toString() === "one ");
    await until("he is seen", () => reader.others.length === 1);
    // His relay connection brings nothing any more, and the mesh does.
    const brought = new Y.Doc();
    Y.applyUpdate(brought, Y.encodeStateAsUpdate(doc));
    brought.clientID = doc.clientID;
    brought.getText("text").insert(4, "two ");
    const meshed = await stockClient(setting, ann);
    await until("she has joined", () => meshed.text.toString() === "one ");
    Y.applyUpdate(meshed.doc, Y.encodeStateAsUpdate(brought));
    meshed.text.insert(8, "hers");
    await exchanged(await stockSocket(setting, mallory), reader);
    expect(reader.text.toString()).toBe("one ");
    bob.provider.destroy();
    await until("both arrived", () => reader.text.toString() === "one two hers");
    expect(meshed.closed).toBeNull();
  });

  it("[G10] a newer connection of the same person takes over at once", async () => {
    const { setting, reader } = await setUp();
    const doc = new Y.Doc();
    const first = await stockClient(setting, ann, { doc });
    first.text.insert(0, "one ");
    await until("it arrived", () => reader.text.toString() === "one ");
    // The first connection hangs: its socket stays open, and she reconnects on another.
    const hanging = first.provider.ws as unknown as { pause(): void };
    hanging.pause();
    const second = await stockSocket(setting, ann);
    const before = Y.encodeStateVector(doc);
    doc.getText("text").insert(4, "two");
    second.send(writeUpdate(Y.encodeStateAsUpdate(doc, before)));
    await until("what she wrote on the second connection arrived", () => reader.text.toString() === "one two");
  });

  it("[G10] guests of one invitation come back under their client ids", async () => {
    const { setting, reader } = await setUp();
    const guest = { role: "participant" } as const;
    const doc = new Y.Doc();
    const first = await stockClient(setting, guest, { doc });
    first.text.insert(0, "one ");
    await until("it arrived", () => reader.text.toString() === "one ");
    first.provider.disconnect();
    doc.getText("text").insert(4, "offline ");
    first.provider.connect();
    await until("what was written offline arrived", () => reader.text.toString() === "one offline ");
    doc.getText("text").insert(12, "two");
    await until("so does what comes next", () => reader.text.toString() === "one offline two");
  });

  it("[G12] [P5] an invited page whose first connection breaks before its welcome goes on as its next person", async () => {
    // Found by the simulation, seed 10219: nothing that it wrote was taken any more.
    const { setting, reader } = await setUp();
    const invitation = await setting.token({ role: "participant" });
    const doc = new Y.Doc();
    doc.clientID = 7;
    const typed = (text: string): Uint8Array => {
      const before = Y.encodeStateVector(doc);
      doc.getText("text").insert(doc.getText("text").length, text);
      return writeUpdate(Y.encodeStateAsUpdate(doc, before));
    };
    const first = await rawClient(setting, invitation);
    first.send(awarenessFrame({ id: 7, json: "{}" }));
    first.send(typed("one "));
    await until("it arrived", () => reader.text.toString() === "one ");
    first.socket.terminate();
    const second = await rawClient(setting, invitation);
    expect(second.welcome!.person.id).not.toBe(first.welcome!.person.id);
    expect(await second.command({ type: "join" })).toMatchObject({ ok: true });
    second.send(awarenessFrame({ id: 7, json: "{}" }));
    second.send(typed("two "));
    await until("it goes on", () => reader.text.toString() === "one two ");
    await until("it is seen", () => reader.provider.awareness.getStates().has(7));
    // From then on it is nobody else's while that page is there.
    const other = await rawClient(setting, invitation);
    await other.command({ type: "join" });
    other.send(writeUpdate(forgeAs(doc, 7, "stolen")));
    await exchanged(other, reader);
    expect(reader.text.toString()).toBe("one two ");
  });

  it("[S5] [G9] a relay that lost its store gets everybody's content back from any client that holds it", async () => {
    const { setting, reader } = await setUp();
    const writer = await stockClient(setting, ann);
    writer.text.insert(0, "hers ");
    await until("it arrived", () => reader.text.toString() === "hers ");
    const held = new Y.Doc();
    Y.applyUpdate(held, Y.encodeStateAsUpdate(reader.doc));
    writer.provider.disconnect();
    reader.provider.disconnect();
    await setting.relay.close();
    const fresh = await startRelay();
    const survivor = await stockClient(fresh, host, { doc: held });
    await until("a new run is live", () => survivor.session?.status === "live" && survivor.provider.synced);
    const newcomer = await stockClient(fresh, mallory);
    await until("the content is back", () => newcomer.text.toString() === "hers ");
    const back = await stockClient(fresh, ann, { doc: writer.doc });
    await until("she is back", () => back.provider.synced);
    writer.doc.getText("text").insert(5, "again");
    await until("and writes on", () => newcomer.text.toString() === "hers again");
  });

  it("[P2] a cursor under another's client id is not taken, here or gone", async () => {
    const { setting, reader } = await setUp();
    const writer = await stockClient(setting, ann);
    writer.text.insert(0, "hers");
    await until("it arrived", () => reader.text.toString() === "hers" && reader.others.length === 1);
    writer.provider.destroy();
    await until("she is gone", () => reader.others.length === 0);
    const attacker = await stockSocket(setting, mallory);
    const state = (id: number, text: string): Uint8Array => {
      const json = new TextEncoder().encode(text);
      const idBytes: number[] = [];
      for (let rest = id; ; rest = Math.floor(rest / 128)) {
        if (rest < 128) {
          idBytes.push(rest);
          break;
        }
        idBytes.push((rest % 128) + 128);
      }
      return writeAwareness(Uint8Array.from([1, ...idBytes, 1, json.length, ...json]));
    };
    attacker.send(state(writer.doc.clientID, '{"cursor":1}'));
    attacker.send(state(99, '{"cursor":2}'));
    await until("the attacker's own is seen", () => reader.others.length === 1);
    expect(reader.provider.awareness.getStates().has(writer.doc.clientID)).toBe(false);
    expect(reader.others[0]).toMatchObject({ id: "mallory", name: "Mallory" });
  });

  it("[G8] [P2] a client id stays its cursor's while that person is away, before anything is written", async () => {
    const { setting, reader } = await setUp();
    const writer = await stockClient(setting, ann);
    await until("the writer is seen", () => reader.others.length === 1);
    writer.provider.disconnect();
    await until("she is away", () => reader.others.length === 0);
    const attacker = await stockSocket(setting, mallory);
    attacker.send(awarenessFrame({ id: writer.doc.clientID, json: "{}" }));
    attacker.send(writeUpdate(forgeAs(reader.doc, writer.doc.clientID, "forged ")));
    // It took the id for its own, and what it writes under it never counts: it must not go on as if it did.
    await until("the attacker is closed", () => attacker.closeCode !== null);
    expect(attacker.closeCode).toBe(4400);
    expect(reader.text.toString()).toBe("");
    expect(reader.others).toEqual([]);
    writer.text.insert(0, "hers ");
    writer.provider.connect();
    await until("what she wrote arrived", () => reader.text.toString().includes("hers "));
    await until("she is seen again", () => reader.others.some(({ id }) => id === "ann"));
  });
});
