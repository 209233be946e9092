/** Presence over real sockets: who is here, under which name, and what others see of it (docs/SPEC.md, part P). */
import { describe, expect, it, onTestFinished } from "vitest";
import type { WebSocket } from "ws";
import * as Y from "yjs";
import { manualClock } from "../../../manual-clock.ts";
import { MessageType, PERSON_NAME_MAX_CHARS } from "../../../../src/protocol/protocol.ts";
import type { Claims } from "../../../../sync-server/auth/tokens.ts";
import type { Role } from "../../../../src/session/session.ts";
import { awarenessFrame, exchanged, passTime, rawStockClient, userState } from "../../frames.ts";
import { GatedStore } from "../../store/gated-store.ts";
import { rawClient, roomState, startRelay, stockClient, until } from "../../harness.ts";
import type { RawClient, Setting } from "../../harness.ts";

const host = { role: "host", sub: "h1", name: "Hana" } as const;
const participant = { role: "participant", sub: "p1", name: "Pia" } as const;
const invited = { role: "participant" } as const;
/** y-protocols drops states that were not renewed for this long. */
const OUTDATED_MS = 30_000;

const joined = async (setting: Setting, claims: Partial<Claims> & { role: Role }): Promise<RawClient> => {
  const client = await rawClient(setting, await setting.token(claims));
  expect(await client.command({ type: "join" })).toMatchObject({ ok: true });
  return client;
};

/** A live room with a host who watches, and a participant who sends states. */
const pair = async (claims: Partial<Claims> & { role: Role } = participant) => {
  const setting = await startRelay();
  const watcher = await joined(setting, host);
  const speaker = await joined(setting, claims);
  return { setting, watcher, speaker };
};

const userOf = (client: RawClient, id: number): unknown => client.seen.get(id)?.state?.["user"];

const counts = async (setting: Setting) => {
  const { hosts, participants } = await roomState(setting);
  return { hosts, participants };
};

describe("what others see of a person", () => {
  it("[P2] a foreign awareness id is dropped silently, the own one is accepted", async () => {
    const { watcher, speaker, setting } = await pair();
    watcher.send(awarenessFrame({ id: 1, json: userState("Hana") }));
    await until("the host is seen", () => speaker.seen.get(1));
    const hostSeenAt = speaker.seen.get(1);
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    speaker.send(
      awarenessFrame({ id: 1, clock: 2 ** 52, json: userState("Pia") }, { id: 2, clock: 2, json: '{"cursor":5}' }),
    );
    speaker.send(awarenessFrame({ id: 1, clock: 2 ** 52, json: "null" }));
    const third = await joined(setting, { ...participant, sub: "p2" });
    third.send(Uint8Array.of(MessageType.queryAwareness));
    await exchanged(speaker, watcher, third);
    expect(watcher.seen.get(2)?.state).toMatchObject({ cursor: 5 });
    expect([...watcher.seen.keys()]).toEqual([2]);
    expect(third.seen.get(1)?.state).toEqual(hostSeenAt?.state);
    expect(speaker.closeCode).toBeNull();
  });

  it("[P2] one connection has one id: a second one is dropped", async () => {
    const { watcher, speaker } = await pair();
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    speaker.send(awarenessFrame({ id: 3, json: userState("Pia's double") }));
    await exchanged(speaker, watcher);
    expect([...watcher.seen.keys()]).toEqual([2]);
  });

  it("[P3] [P4] forged id, role, verified and name are replaced, and other fields pass", async () => {
    const { watcher, speaker } = await pair();
    const forged = { id: "h1", role: "host", verified: false, name: "Hana", color: "#f00" };
    speaker.send(
      awarenessFrame({ id: 2, json: JSON.stringify({ user: forged, cursor: { anchor: [1] }, role: "host" }) }),
    );
    await until("the state came", () => watcher.seen.get(2));
    expect(watcher.seen.get(2)?.state).toEqual({
      user: { id: "p1", role: "participant", verified: true, name: "Pia", color: "#f00" },
      cursor: { anchor: [1] },
      role: "host",
    });
  });

  it.each([
    '{"user":"host"}',
    '{"user":null}',
    '{"user":["h1"]}',
    "{}",
    '{"user":{"id":"h1"},"user":{"id":"h2"}}',
    '{"__proto__":{"user":{}}}',
  ])("[P3] the relay says who it is, whatever stands in its place: %s", async (json) => {
    const { watcher, speaker } = await pair();
    speaker.send(awarenessFrame({ id: 2, json }));
    await until("the state came", () => watcher.seen.get(2));
    expect(userOf(watcher, 2)).toEqual({ id: "p1", role: "participant", verified: true, name: "Pia" });
  });

  it("[P3] [P5] a guest chooses the name and is not verified, and stays a participant", async () => {
    const { watcher, speaker } = await pair(invited);
    speaker.send(awarenessFrame({ id: 2, json: userState("Gus", { role: "host", verified: true }) }));
    await until("the state came", () => watcher.seen.get(2));
    expect(userOf(watcher, 2)).toEqual({ ...speaker.welcome!.person, name: "Gus" });
    expect(speaker.welcome!.person).toMatchObject({ role: "participant", verified: false });
  });

  it.each([
    ["  Gus\n", "Gus"],
    ["\u{1f600}".repeat(100), "\u{1f600}".repeat(PERSON_NAME_MAX_CHARS)],
    ["<b>Gus</b>", "<b>Gus</b>"],
    [{ toString: "Gus" }, ""],
  ])("[P6] a chosen name is trimmed text of at most 80 characters: %j", async (name, shown) => {
    const { watcher, speaker } = await pair(invited);
    speaker.send(awarenessFrame({ id: 2, json: JSON.stringify({ user: { name } }) }));
    await until("the state came", () => watcher.seen.get(2));
    expect(userOf(watcher, 2)).toMatchObject({ name: shown });
  });
});

describe("who counts", () => {
  it("[P4] two connections of one sub are one person; one that goes leaves the other", async () => {
    const { setting, speaker } = await pair();
    const second = await stockClient(setting, participant);
    await until("the second is in", () => second.provider.synced);
    expect(await counts(setting)).toEqual({ hosts: 1, participants: 1 });
    speaker.socket.close();
    await until("the first is gone", () => speaker.closeCode !== null);
    expect(await counts(setting)).toEqual({ hosts: 1, participants: 1 });
    second.provider.destroy();
    await until("nobody is left", async () => (await counts(setting)).participants === 0);
  });

  it("[P4] [L3] a host's second tab keeps the run from an absence", async () => {
    const setting = await startRelay();
    const first = await joined(setting, host);
    const second = await joined(setting, host);
    await first.command({ type: "leave" });
    expect(await roomState(setting)).toMatchObject({ hosts: 1, endsAt: null });
    await second.command({ type: "leave" });
    expect(await roomState(setting)).toMatchObject({ hosts: 0, endsAt: expect.any(Number) });
  });

  it("[P5] with an invitation each stock connection is a new person; a personal token is one person in all tabs", async () => {
    const setting = await startRelay();
    await joined(setting, host);
    const token = await setting.token(invited);
    const stock = [await rawStockClient(setting, token), await rawStockClient(setting, token)];
    await exchanged(...stock);
    expect(await counts(setting)).toEqual({ hosts: 1, participants: 2 });
    const guest = await joined(setting, invited);
    const tab = await rawClient(setting, guest.welcome!.token!);
    await tab.command({ type: "join" });
    expect(await counts(setting)).toEqual({ hosts: 1, participants: 3 });
  });

  it("[P1] a socket on the waiting, left or ended screen is nobody's presence", async () => {
    const setting = await startRelay();
    const client = await rawClient(setting, await setting.token(host));
    const guest = await rawClient(setting, await setting.token(participant));
    const here = async () => {
      const { status, ...state } = await roomState(setting);
      return [status, state["hosts"], state["participants"]];
    };
    for (const one of [client, guest]) one.send(awarenessFrame({ id: one === client ? 1 : 2, json: userState("x") }));
    await exchanged(client, guest);
    expect(await here()).toEqual(["waiting", 0, 0]);
    expect([client.seen.size, guest.seen.size]).toEqual([0, 0]);
    await client.command({ type: "join" });
    expect(await here()).toEqual(["live", 1, 0]);
    await guest.command({ type: "join" });
    expect(await here()).toEqual(["live", 1, 1]);
    // What they said of themselves before shows now.
    await until("they see each other", () => client.seen.get(2)?.state && guest.seen.get(1)?.state);
    await guest.command({ type: "leave" });
    await until("the guest is gone from the list", () => client.seen.get(2)?.state === null);
    expect(await here()).toEqual(["live", 1, 0]);
    guest.send(awarenessFrame({ id: 2, clock: 9, json: userState("still here?") }));
    await exchanged(guest, client);
    expect(client.seen.get(2)?.state).toBeNull();
    await guest.command({ type: "join" });
    await until("the guest is back", () => client.seen.get(2)?.state);
    await client.command({ type: "end", run: 1 });
    expect(await here()).toEqual(["ended", 0, 0]);
    await exchanged(client, guest);
    expect([client.seen.get(2)?.state, guest.seen.get(1)?.state]).toEqual([null, null]);
  });
});

describe("coming and going", () => {
  it("[P7] a closed connection's state is gone for everybody at once, however it closed", async () => {
    const { watcher, speaker, setting } = await pair();
    const stock = await stockClient(setting, { ...participant, sub: "p2" });
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    await until("all see it", () => watcher.seen.get(2) && stock.provider.awareness.states.has(2));
    speaker.socket.terminate();
    await until("it is gone", () => watcher.seen.get(2)?.state === null && !stock.provider.awareness.states.has(2));
  });

  it("[P7] [P8] a client is back at once at the same awareness clock, with the list it left", async () => {
    const { watcher, speaker, setting } = await pair();
    watcher.send(awarenessFrame({ id: 1, json: userState("Hana") }));
    speaker.send(awarenessFrame({ id: 2, clock: 5, json: userState("Pia") }));
    const stock = await stockClient(setting, { ...participant, sub: "p2" });
    await until("it is seen", () => stock.provider.awareness.states.has(2));
    speaker.socket.close();
    await until("it is gone", () => !stock.provider.awareness.states.has(2));
    const back = await joined(setting, participant);
    back.send(awarenessFrame({ id: 2, clock: 5, json: userState("Pia") }));
    await until("it is back", () => stock.provider.awareness.states.has(2) && watcher.seen.get(2)?.state);
    expect(back.seen.get(1)?.state).toMatchObject({ user: { id: "h1" } });
  });

  it("[P8] a stock client is back after a restart of the relay, for those who keep what they saw before", async () => {
    const clock = manualClock(Date.now());
    const store = new GatedStore();
    const before = await startRelay({ clock, store });
    const port = Number(new URL(before.relay.url).port);
    const first = await stockClient(before, host);
    const second = await stockClient(before, participant);
    const seesEachOther = () =>
      first.others.some((user) => user["id"] === "p1") && second.others.some((user) => user["id"] === "h1");
    first.provider.awareness.setLocalState({});
    second.provider.awareness.setLocalState({});
    await until("they see each other", seesEachOther);
    const clockSeen = second.provider.awareness.meta.get(first.doc.clientID)!.clock;
    await before.relay.close();
    // The wall clock was set back meanwhile.
    clock.jumpWall(-60_000);
    await until("they lost each other", () => first.others.length === 0 && second.others.length === 0);
    await startRelay({ clock, store, config: { port } });
    await until("they see each other again", seesEachOther);
    expect(second.provider.awareness.meta.get(first.doc.clientID)!.clock).toBeGreaterThan(clockSeen);
  });

  it("[P7] a stock guest reconnects while its old connection is half-open: seen as soon as that is found dead", async () => {
    const setting = await startRelay();
    const watcher = await stockClient(setting, host);
    const doc = new Y.Doc();
    const first = await stockClient(setting, { role: "participant" }, { doc, user: { name: "Gil" } });
    await until("the guest is seen", () => watcher.others.length === 1);
    (first.provider.ws as unknown as { pause(): void }).pause();
    setting.clock.advance(100);
    const [{ id: firstId } = {}] = watcher.others;
    const second = await stockClient(setting, { role: "participant" }, { doc, user: { name: "Gil" } });
    await until("the new line stands", () => second.provider.synced);
    await exchanged(second);
    expect(watcher.others).toMatchObject([{ name: "Gil", id: firstId }]);
    // The relay pings the silent connection, and gives it 2 s to answer.
    setting.clock.advance(2_000);
    await until("the guest is seen as who came anew", () => ![undefined, firstId].includes(watcher.others[0]?.["id"]));
    expect(watcher.others).toMatchObject([{ name: "Gil" }]);
    second.provider.awareness.setLocalStateField("user", { name: "Gilda" });
    await until("and what it says of itself", () => watcher.others[0]!["name"] === "Gilda");
    second.text.insert(0, "and writes");
    await until("what it writes arrives", () => watcher.text.toString() === "and writes");
  });

  it("[P7] a newer connection of the same person takes its awareness id over from a half-open one", async () => {
    const { watcher, speaker, setting } = await pair();
    speaker.send(awarenessFrame({ id: 2, clock: 5, json: userState("Pia", { at: "old" }) }));
    await until("it is seen", () => watcher.seen.get(2));
    speaker.socket.pause();
    const back = await joined(setting, participant);
    back.send(awarenessFrame({ id: 2, clock: 5, json: userState("Pia", { at: "new" }) }));
    await until("the newer state shows", () => (userOf(watcher, 2) as { at: string }).at === "new");
    expect(back.seen.has(2)).toBe(false);
    // The end of the old connection removes nothing.
    await passTime(setting, 40_000, watcher, back);
    expect(await counts(setting)).toEqual({ hosts: 1, participants: 1 });
    expect(watcher.seen.get(2)?.state).toMatchObject({ user: { at: "new" } });
  });

  it("[P7] what a former connection had still sent takes nothing from its successor", async () => {
    // Found by the simulation, sweep of seed 7: the former connection was slow, and ended after the new one had begun.
    const { watcher, speaker, setting } = await pair();
    const back = await joined(setting, participant);
    back.send(awarenessFrame({ id: 2, clock: 5, json: userState("Pia", { at: "new" }) }));
    await until("it is seen", () => watcher.seen.get(2));
    speaker.send(awarenessFrame({ id: 2, clock: 4, json: userState("Pia", { at: "old" }) }));
    speaker.send(awarenessFrame({ id: 2, clock: 4, json: "null" }));
    speaker.socket.close();
    await until("the former line is gone", () => speaker.closeCode !== null);
    await exchanged(back, watcher);
    expect(watcher.seen.get(2)?.state).toMatchObject({ user: { at: "new" } });
  });

  it("[P7] [P8] a page that reconnects while its former connection still ends is seen, whatever its clock has become", async () => {
    // Found by the simulation, seed 32126: a page that is sent the removal of its own state goes on from the relay's clock.
    const { watcher, speaker, setting } = await pair();
    const high = 2 ** 50 + 7;
    speaker.send(awarenessFrame({ id: 2, clock: high, json: userState("Pia", { at: "old" }) }));
    await until("it is seen", () => watcher.seen.get(2));
    const back = await joined(setting, participant);
    back.send(awarenessFrame({ id: 2, clock: high + 1, json: userState("Pia", { at: "new" }) }));
    await exchanged(back);
    speaker.socket.close();
    await until("the former line is gone", () => speaker.closeCode !== null);
    await exchanged(back, watcher);
    expect(watcher.seen.get(2)?.state).toMatchObject({ user: { at: "new" } });
    // And it was never sent its own state.
    expect(back.seen.has(2)).toBe(false);
  });

  it("[P8] a client without a state is not sent that the same person's other connection is gone", async () => {
    const { watcher, speaker, setting } = await pair();
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    await until("it is seen", () => watcher.seen.get(2));
    const back = await joined(setting, participant);
    speaker.socket.close();
    await until("it is gone for others", () => watcher.seen.get(2)?.state === null);
    await exchanged(back);
    expect(back.seen.has(2)).toBe(false);
  });

  it("[P2] [P8] an echo takes nobody's id, not even that of the same person's other tab", async () => {
    const { watcher, speaker, setting } = await pair();
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    await until("it is seen", () => watcher.seen.get(2));
    const tab = await rawStockClient(setting, await setting.token(participant));
    const { clock, state } = watcher.seen.get(2)!;
    // As a stock client without a state of its own echoes what it receives (y-websocket 3.1).
    tab.send(awarenessFrame({ id: 2, clock, json: JSON.stringify(state) }));
    await exchanged(tab);
    tab.socket.close();
    await until("the tab is gone", () => tab.closeCode !== null);
    await exchanged(speaker, watcher);
    expect(watcher.seen.get(2)?.state).not.toBeNull();
  });

  it("[P7] disconnect() takes the state away at the same clock", async () => {
    const { watcher, setting } = await pair();
    const stock = await stockClient(setting, { ...participant, sub: "p2" }, { user: { name: "Pia" } });
    const id = stock.doc.clientID;
    await until("it is seen", () => watcher.seen.get(id)?.state);
    stock.provider.awareness.setLocalState(null);
    await until("it is gone", () => watcher.seen.get(id)?.state === null);
    stock.provider.awareness.setLocalState({});
    await until("it is back", () => watcher.seen.get(id)?.state);
    stock.provider.disconnect();
    await until("it is gone for good", () => watcher.seen.get(id)?.state === null);
  });
});

describe("renewal", () => {
  it("[P9] stock clients get all states with fresh clocks at least every 30 s, and never their own", async () => {
    const setting = await startRelay();
    const first = await rawStockClient(setting, await setting.token(host));
    const second = await rawStockClient(setting, await setting.token(participant));
    first.send(awarenessFrame({ id: 1, json: userState("Hana") }));
    second.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    await until("they see each other", () => first.seen.get(2) && second.seen.get(1));
    for (let round = 0; round < 3; round++) {
      const clocks = [first.seen.get(2)!.clock, second.seen.get(1)!.clock];
      await passTime(setting, OUTDATED_MS - 5_000, first, second);
      expect(first.seen.get(2)!.clock).toBeGreaterThan(clocks[0]!);
      expect(second.seen.get(1)!.clock).toBeGreaterThan(clocks[1]!);
    }
    expect([first.seen.has(1), second.seen.has(2)]).toEqual([false, false]);
  });

  it("[P8] [P9] a renewal, a query and a return overwrite nobody's own state", async () => {
    const setting = await startRelay();
    const other = await stockClient(setting, host, { user: { name: "Hana" } });
    const stock = await stockClient(setting, participant, { user: { name: "Pia", at: 1 } });
    await until("they see each other", () => stock.others.length === 1 && other.others.length === 1);
    await passTime(setting, 20_000, other, stock);
    expect(stock.provider.awareness.getLocalState()).toEqual({ user: { name: "Pia", at: 1 } });
    // Its connection breaks unnoticed, and it reconnects with a newer state while the old one is still there.
    const broken = stock.provider.ws as unknown as WebSocket;
    onTestFinished(() => broken.terminate());
    broken.pause();
    stock.provider.ws = null;
    stock.provider.wsconnected = false;
    stock.provider.awareness.setLocalStateField("user", { name: "Pia", at: 2 });
    stock.provider.connect();
    await until("the newer state shows", () => other.others.some((user) => user["at"] === 2));
    await exchanged(stock);
    expect(stock.provider.awareness.getLocalState()).toEqual({ user: { name: "Pia", at: 2 } });
  });

  it("[P8] the person's other tab is seen too, once the relay knows which state is one's own", async () => {
    const { watcher, speaker, setting } = await pair();
    speaker.send(awarenessFrame({ id: 2, json: userState("Pia") }));
    await until("it is seen", () => watcher.seen.get(2));
    const tab = await joined(setting, participant);
    tab.send(awarenessFrame({ id: 3, json: userState("Pia") }));
    await until("the tabs see each other", () => tab.seen.get(2)?.state && speaker.seen.get(3)?.state);
  });
});
