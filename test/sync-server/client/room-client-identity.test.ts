/** A page that becomes another person for the relay: the room client with one document and a real relay. */
import { describe, expect, it, onTestFinished } from "vitest";
import { Room } from "../../../src/index.ts";
import type { RoomOptions } from "../../../src/index.ts";
import { MemoryStore } from "../../../sync-server/store/memory-store.ts";
import { startRelay, stockClient, until } from "../harness.ts";
import type { Setting, StartOptions, StockClient } from "../harness.ts";

const ANOTHER_SECRET = "the secret that has replaced the first one";
const DAY_MS = 86_400_000;
const hana = { role: "host", sub: "h1", name: "Hana" } as const;

const join = (setting: Setting, options: Partial<RoomOptions> & Pick<RoomOptions, "token">): Room => {
  const room = new Room({ relay: setting.wsUrl, room: "room", storage: null, ...options });
  onTestFinished(() => room.destroy());
  room.join();
  return room;
};

const write = (room: Room, what: string): void => {
  const text = room.doc.getText("text");
  text.insert(text.length, what);
};

const text = (room: Room): string => room.doc.getText("text").toString();

const reads = (reader: StockClient, text: string): Promise<void> =>
  until(`"${text}" arrives`, () => reader.text.toString() === text);

/** A page that has written "before " and set a cursor; then the relay is stopped. `who.sub` `null`: invited. */
const setUp = async (who: { sub: string | null } = { sub: null }) => {
  const store = new MemoryStore();
  const setting = await startRelay({ store });
  let now = setting;
  const host = await stockClient(setting, hana);
  const invite = (): Promise<string> =>
    now.token({ role: "participant", ...(who.sub === null ? {} : { sub: who.sub, name: "Ann" }) });
  const room = join(setting, { token: await invite(), getToken: invite, displayName: "Ann" });
  room.awareness.setLocalStateField("cursor", 1);
  await room.ready;
  write(room, "before ");
  await reads(host, "before ");
  host.provider.destroy();
  const { id } = room.state.me!;
  const { clientID } = room.doc;
  await setting.relay.close();
  await until("the page notices", () => room.state.connection === "reconnecting");
  const port = Number(new URL(setting.relay.url).port);
  /** Restarts the relay and connects a host; resolves when the page has reconnected or failed. */
  const restart = async (options: StartOptions): Promise<StockClient> => {
    now = await startRelay({ store, clock: setting.clock, config: { port }, ...options });
    const next = await stockClient(now, hana);
    await until("the page has reconnected", () => room.state.connection !== "reconnecting");
    return next;
  };
  /** Joins with a new invitation, and with the document of `before` if given. */
  const rejoin = async (before?: Room): Promise<Room> => join(now, { token: await invite(), doc: before?.doc });
  return { room, id, clientID, setting, restart, rejoin };
};

describe("a page that becomes another person for the relay", () => {
  it.each<[string, StartOptions, number]>([
    ["the relay's secret was changed", { secret: ANOTHER_SECRET }, 0],
    ["its personal token is too old to prove who it was", {}, 91 * DAY_MS],
  ])("[P11] continues and is listed: %s", async (_what, options, downMs) => {
    const { room, id, clientID, setting, restart } = await setUp();
    setting.clock.advance(downMs);
    const host = await restart(options);
    expect(room.state.me!.id).not.toBe(id);
    write(room, "after ");
    await reads(host, "before after ");
    host.text.insert(host.text.length, "both");
    await until("it still receives", () => text(room) === "before after both");
    expect(room.doc.clientID).not.toBe(clientID);
    await until("it is listed", () => host.others.length === 1);
    expect(host.others[0]).toMatchObject({ id: room.state.me!.id, name: "Ann" });
    const { awareness } = host.provider;
    expect([...awareness.getStates().keys()].toSorted()).toEqual([host.doc.clientID, room.doc.clientID].toSorted());
    expect(awareness.getStates().get(room.doc.clientID)).toMatchObject({ cursor: 1 });
    expect(room.state).toMatchObject({ connection: "online", screen: { name: "joined" } });
    await until("it sees the host", () => room.state.people.map(({ name }) => name).join() === "Hana,Ann");
  });

  it("[P11] [G9] saves what it has written as its former person, an invited one", async () => {
    const { room, id, restart } = await setUp();
    write(room, "offline ");
    const host = await restart({ secret: ANOTHER_SECRET });
    await reads(host, "before offline ");
    expect(room.state.me!.id).not.toBe(id);
    write(room, "after");
    await reads(host, "before offline after");
    expect(room.state).toMatchObject({ connection: "online", screen: { name: "joined" } });
  });

  it("[P11] [G9] fails with an error when the relay rejects what it has written as its former person, a known one", async () => {
    const who = { sub: "ann" };
    const { room, restart, rejoin } = await setUp(who);
    write(room, "offline ");
    who.sub = "bea";
    const host = await restart({ secret: ANOTHER_SECRET });
    await until("it shows the error", () => room.state.screen.name === "failed");
    expect(room.state).toMatchObject({ connection: "closed", screen: { error: { code: "bad-message" } } });
    expect(host.text.toString()).toBe("before ");
    // The page still has it, but cannot continue with that document, not even with another `Room`.
    expect(text(room)).toBe("before offline ");
    const next = await rejoin(room);
    await until("so does a page that continues with the document", () => next.state.screen.name === "failed");
    room.doc.destroy();
    const reloaded = await rejoin();
    await reloaded.ready;
    write(reloaded, "reloaded");
    await reads(host, "before reloaded");
  });

  it("[P11] [G9] restores everything that it has written when the relay has lost both its store and its secret", async () => {
    const { room, id, clientID, restart } = await setUp();
    write(room, "offline ");
    const host = await restart({ secret: ANOTHER_SECRET, store: new MemoryStore() });
    expect(room.state.me!.id).not.toBe(id);
    await reads(host, "before offline ");
    write(room, "after");
    await reads(host, "before offline after");
    await until("it is listed", () => host.others.length === 1);
    expect(host.provider.awareness.getStates().has(clientID)).toBe(false);
    expect(room.state).toMatchObject({ connection: "online", screen: { name: "joined" } });
  });

  it("[P11] continues with its document in another `Room`, with another invitation", async () => {
    const { room, restart, rejoin } = await setUp();
    room.destroy();
    const host = await restart({});
    const next = await rejoin(room);
    await next.ready;
    write(next, "after");
    await reads(host, "before after");
  });

  it("[G10] an invited stock client continues with its client id when the relay's secret was changed", async () => {
    const store = new MemoryStore();
    const before = await startRelay({ store });
    const guest = await stockClient(before, { role: "participant" });
    const witness = await stockClient(before, hana);
    guest.text.insert(0, "before ");
    await reads(witness, "before ");
    for (const { provider } of [guest, witness]) provider.destroy();
    await before.relay.close();
    guest.text.insert(7, "offline ");
    const after = await startRelay({ store, clock: before.clock, secret: ANOTHER_SECRET });
    const host = await stockClient(after, hana);
    const back = await stockClient(after, { role: "participant" }, { doc: guest.doc });
    await reads(host, "before offline ");
    back.text.insert(15, "after");
    await reads(host, "before offline after");
  });
});
