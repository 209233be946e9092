/** What is sent to whom before the start and after the end of a session. */
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MessageType, SyncStep, writeSyncStep1, writeSyncStep2 } from "../../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { awarenessFrame, exchanged, typing, typingFrame, userState } from "../frames.ts";
import { host, participant, rawClient, roomState, startRelay, stockClient, until } from "../harness.ts";
import type { RawClient } from "../harness.ts";
import { EMPTY_STATE_VECTOR, joined, liveHost, textOf, textInRoom, joinThenEnd } from "./clients.ts";

/** The state vector of the last SyncStep1 received. */
const lastStateVector = (client: RawClient): Map<number, number> => {
  const frame = client.frames.findLast(([type, step]) => type === MessageType.sync && step === SyncStep.step1)!;
  return Y.decodeStateVector(decoding.readVarUint8Array(decoding.createDecoder(frame.subarray(2))));
};

describe("while content is withheld", () => {
  it("[W5] SyncStep1 is answered with the ledger as an Update, and with SyncStep2 at the start", async () => {
    const setting = await startRelay();
    await joinThenEnd(setting, "of run 1");
    const waiting = await rawClient(setting, await setting.token(participant));
    waiting.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await exchanged(waiting);
    expect(waiting.syncSteps).toEqual([2]);
    expect([...waiting.doc.share.keys()]).toEqual([SESSION_ROOT]);
    const client = await rawClient(setting, await setting.token(host));
    await client.command({ type: "start", run: 1 });
    expect(await waiting.command({ type: "join" })).toMatchObject({ ok: true, run: 2 });
    await until("the content has arrived", () => textOf(waiting) === "of run 1");
    expect(waiting.syncSteps.filter((step) => step === 1)).toHaveLength(1);
  });

  it("[W5] [W6] a stock client is not synced before the start, and then asked for what it has written", async () => {
    const setting = await startRelay();
    const early = await stockClient(setting, participant);
    const raw = await rawClient(setting, await setting.token(participant));
    early.text.insert(0, "early");
    raw.send(typingFrame("lost"));
    raw.send(writeSyncStep2(typing("lost too")));
    raw.send(awarenessFrame({ id: 7, json: userState("Pia") }));
    await until("the ledger has arrived", () => early.session?.status === "waiting");
    await exchanged(early, raw);
    expect(early.provider.synced).toBe(false);
    expect(raw.syncSteps).toEqual([2]);
    expect(raw.seen.size).toBe(0);
    const late = await liveHost(setting);
    await until("it was asked for its edits, and has sent them", () => late.text.toString() === "early");
    await until("everyone is synced", () => early.provider.synced);
    // All clients are asked, whether they have joined or not.
    expect(raw.syncSteps).toContain(0);
    expect(await textInRoom(setting)).toBe("early");
  });

  it("[W5] [W9] after the end a session-room.v1 client stays connected, without presence or content, and cannot change anything", async () => {
    const setting = await startRelay();
    const client = await joined(setting, host);
    const guest = await joined(setting, participant);
    client.send(awarenessFrame({ id: 1, json: userState("Hana") }));
    client.send(typingFrame("kept"));
    await exchanged(client, guest);
    expect(guest.seen.get(1)?.state).not.toBeNull();
    await client.command({ type: "end", run: 1 });
    await until(
      "both have received the end",
      () => guest.session?.status === "ended" && client.session?.status === "ended",
    );
    expect(guest.seen.get(1)?.state).toBeNull();
    const before = guest.frames.length;
    client.send(typingFrame("refused"));
    client.send(writeSyncStep2(typing("refused")));
    client.send(awarenessFrame({ id: 1, clock: 9, json: userState("Hana") }));
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    client.send(Uint8Array.of(MessageType.queryAwareness));
    await exchanged(client, guest);
    expect(guest.frames).toHaveLength(before);
    expect([client.closeCode, guest.closeCode]).toEqual([null, null]);
    expect(await roomState(setting)).toMatchObject({ status: "ended", hosts: 0, participants: 0 });
    await client.command({ type: "start", run: 1 });
    await until("the start reaches those who are still connected", () => guest.session?.run === 2);
    expect(await textInRoom(setting)).toBe("kept");
  });

  it("[W9] stock clients get the flag and then 4410, also when they connect after the end", async () => {
    const setting = await startRelay();
    const present = await liveHost(setting);
    await setting.api("POST", "/v1/rooms/room/end", {});
    await until("the present client was disconnected", () => present.closed === 4410);
    expect(present.session).toMatchObject({ status: "ended", ended: { reason: "admin" } });
    const late = await stockClient(setting, participant);
    await until("the late client was disconnected", () => late.closed === 4410);
    expect(late.session).toEqual(present.session);
    expect(late.provider.synced).toBe(false);
  });

  it("[W6] a SyncStep1 contains the relay's current state vector of content and ledger", async () => {
    const setting = await startRelay();
    const writer = await joined(setting, host);
    writer.send(typingFrame("abc", 77));
    await exchanged(writer);
    const ledgerOf = ({ doc }: RawClient) =>
      [...Y.decodeStateVector(Y.encodeStateVector(doc))].filter(([id]) => id > 77);
    const late = await joined(setting, participant);
    expect(lastStateVector(late)).toEqual(new Map([...ledgerOf(late), [77, 3]]));
    const before = lastStateVector(late);
    await writer.command({ type: "end", run: 1 });
    await writer.command({ type: "start", run: 1 });
    await exchanged(late);
    expect(lastStateVector(late)).toEqual(new Map([...ledgerOf(late), [77, 3]]));
    expect(lastStateVector(late)).not.toEqual(before);
  });

  it("[W6] the next start asks for what was written after the end", async () => {
    const setting = await startRelay();
    const writer = await liveHost(setting);
    await setting.api("POST", "/v1/rooms/room/end", {});
    await until("the writer was disconnected", () => writer.closed === 4410);
    writer.text.insert(0, "written after the end");
    await setting.api("POST", "/v1/rooms/room/start", {});
    writer.provider.connect();
    await until("the writer has reconnected", () => writer.provider.synced);
    await exchanged(writer);
    expect(await textInRoom(setting)).toBe("written after the end");
  });
});
