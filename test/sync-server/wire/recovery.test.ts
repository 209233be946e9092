/** A store that was replaced by an older copy, or a relay that was killed, over sockets (docs/SPEC.md, R9, G9 and S5). */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { manualClock } from "../../manual-clock.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { writeSyncStep1, writeSyncStep2, writeUpdate } from "../../../src/protocol/protocol.ts";
import { CommitProofs } from "../../../sync-server/auth/commit-proof.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { exchanged } from "../frames.ts";
import { host, rawClient, SECRET, startRelay, stockClient, until } from "../harness.ts";
import type { Setting } from "../harness.ts";
import { textInRoom } from "./clients.ts";

const ann = { role: "participant", sub: "ann", name: "Ann" } as const;
const mallory = { role: "participant", sub: "mallory", name: "Mallory" } as const;
const RECOVERY_MS = 10 * 60_000;

const copyOf = async (store: MemoryStore): Promise<MemoryStore> => {
  const { record, content, guard } = (await store.readRoom("room"))!;
  const copy = new MemoryStore();
  await copy.commit([
    { type: "put-room", record },
    ...content.map((update) => ({ type: "append-content", room: "room", update }) as const),
    ...guard.map((each) => ({ type: "append-guard", room: "room", record: each }) as const),
  ]);
  return copy;
};

/** Ann has written "one " before the copy was made and "two " after it; now she is gone, and a host holds both. */
const setUp = async () => {
  const clock = manualClock(Date.now());
  const store = new MemoryStore();
  const before = await startRelay({ clock, store });
  const reader = await stockClient(before, host);
  const writer = await stockClient(before, ann);
  writer.text.insert(0, "one ");
  await until("it arrived", () => reader.text.toString() === "one ");
  const older = await copyOf(store);
  writer.text.insert(4, "two ");
  await until("it arrived", () => reader.text.toString() === "one two ");
  writer.provider.destroy();
  await until("she is gone", () => reader.others.length === 0);
  reader.provider.destroy();
  await before.relay.close();
  const { record, contentCount } = (await store.readRoom("room"))!;
  const seen = new CommitProofs(SECRET).sign("room", record.ledgerId, contentCount);
  return { clock, store, older, held: Y.encodeStateAsUpdate(reader.doc), seen };
};

const joined = async (setting: Setting, claims: typeof host | typeof mallory) => {
  const client = await rawClient(setting, await setting.token(claims));
  await client.command({ type: "join" });
  return client;
};

describe("an older copy of the store", () => {
  it("[R9] [G9] takes back what an absent person wrote, once a signed count has proved the loss", async () => {
    const { clock, older, held, seen } = await setUp();
    const setting = await startRelay({ clock, store: older });
    const client = await joined(setting, host);
    const ledgerIds = () => new Set([...client.doc.getMap(SESSION_ROOT)._map.values()].map(({ id }) => id.client));
    const [ledgerBefore] = ledgerIds();
    client.send(writeSyncStep2(held));
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("one ");
    const { ok } = await client.command({ type: "join", seen: { ...seen, count: seen.count + 1 } });
    client.send(writeSyncStep2(held));
    await exchanged(client);
    expect(ok).toBe(true);
    expect(await textInRoom(setting)).toBe("one ");
    const askedBefore = client.syncSteps.filter((step) => step === 0).length;
    await client.command({ type: "join", seen });
    // For having joined, and because of the loss.
    expect(client.syncSteps.filter((step) => step === 0)).toHaveLength(askedBefore + 2);
    client.send(writeUpdate(held));
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("one ");
    client.send(writeSyncStep2(held));
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("one two ");
    const [ledgerAfter, ...others] = ledgerIds();
    expect(ledgerAfter).toBeGreaterThan(ledgerBefore!);
    expect(others).toEqual([]);
  });

  it("[R9] closes the recovery after ten minutes, across a restart too, and the same proof does not open it again", async () => {
    const { clock, older, held, seen } = await setUp();
    let setting = await startRelay({ clock, store: older });
    await (await joined(setting, host)).command({ type: "join", seen });
    await setting.relay.close();
    clock.advance(RECOVERY_MS - 1);
    const inTime = await copyOf(older);
    setting = await startRelay({ clock, store: inTime });
    let client = await joined(setting, host);
    client.send(writeSyncStep2(held));
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("one two ");
    await setting.relay.close();
    clock.advance(1);
    setting = await startRelay({ clock, store: older });
    client = await joined(setting, host);
    await client.command({ type: "join", seen });
    client.send(writeSyncStep2(held));
    await exchanged(client);
    expect(await textInRoom(setting)).toBe("one ");
    // The author herself brings it at any time.
    const author = await rawClient(setting, await setting.token(ann));
    author.send(writeSyncStep2(held));
    await exchanged(author);
    expect(await textInRoom(setting)).toBe("one two ");
  });

  it("[R9] [S5] opens nothing for who only claims to hold a later ledger, or more of the present one", async () => {
    const { clock, older, held } = await setUp();
    clock.advance(1_000);
    const setting = await startRelay({ clock, store: older });
    const { ledgerId } = (await older.readRoom("room"))!.record;
    const client = await joined(setting, mallory);
    for (const [id, ledgerClock] of [
      [ledgerId, 1_000],
      [ledgerId + 1, 1],
    ] as const) {
      client.send(writeSyncStep1(Y.encodeStateVector(new Map([[id, ledgerClock]]))));
      client.send(writeSyncStep2(held));
      await exchanged(client);
    }
    expect((await older.readRoom("room"))!.record.ledgerId).toBeGreaterThan(ledgerId + 1);
    expect((await older.readRoom("room"))!.record.formerLedgers.map(({ id }) => id)).toContain(ledgerId);
    expect(await textInRoom(setting)).toBe("one ");
  });
});

describe("a relay that was killed", () => {
  it("[R9] [G9] opens nothing: nobody writes in the name of absent people", async () => {
    const { clock, store, older, held, seen } = await setUp();
    // As a kill leaves it: nothing was written at the end.
    const setting = await startRelay({ clock, store: older });
    const attacker = await joined(setting, mallory);
    attacker.send(writeSyncStep2(held));
    await exchanged(attacker);
    expect(await textInRoom(setting)).toBe("one ");
    await setting.relay.close();
    const whole = await startRelay({ clock, store });
    const honest = await joined(whole, host);
    await honest.command({ type: "join", seen });
    expect((await store.readRoom("room"))!.record.recoversUntil).toBe(0);
  });
});

describe("client ids of 53 bits", () => {
  it("[S4] [G1] are honest ids, but for those of this room's ledgers, former ones too", async () => {
    const clock = manualClock(Date.now());
    const store = new MemoryStore();
    const setting = await startRelay({ clock, store });
    const reader = await stockClient(setting, host);
    await until("the run is live", () => reader.session?.status === "live");
    const { ledgerId } = (await store.readRoom("room"))!.record;
    const client = await joined(setting, mallory);
    client.send(writeSyncStep1(Y.encodeStateVector(new Map([[ledgerId, 1_000]]))));
    await until("the ledger has another id", async () => (await store.readRoom("room"))!.record.ledgerId !== ledgerId);
    const typedAs = (clientId: number, what: string): Uint8Array => {
      const doc = new Y.Doc();
      doc.clientID = clientId;
      doc.getText("text").insert(0, what);
      return writeUpdate(Y.encodeStateAsUpdate(doc));
    };
    client.send(typedAs(ledgerId, "former"));
    client.send(typedAs((await store.readRoom("room"))!.record.ledgerId, "present"));
    client.send(typedAs(4_624_497_851_153_597, "big "));
    client.send(typedAs(2 ** 32, "small "));
    await until("both arrived", () => reader.text.length === 10);
    await exchanged(client);
    expect(["big small ", "small big "]).toContain(reader.text.toString());
    expect(client.closeCode).toBeNull();
  });
});
