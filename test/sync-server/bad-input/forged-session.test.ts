/** Updates that try to change the session have no effect. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { writeSyncStep1, writeSyncStep2, writeUpdate } from "../../../src/protocol/protocol.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";
import { exchanged } from "../frames.ts";
import { participant, rawClient, roomState, stockClient, until } from "../harness.ts";
import { liveRoom } from "./live-room.ts";

describe("forged changes of the session", () => {
  const changeOf = (doc: Y.Doc, change: (session: Y.Map<unknown>) => void): Uint8Array => {
    const before = Y.encodeStateVector(doc);
    doc.transact(() => change(doc.getMap(SESSION_ROOT)));
    return Y.encodeStateAsUpdate(doc, before);
  };
  const ledgerId = (doc: Y.Doc): number => doc.getMap(SESSION_ROOT)._map.get("run")!.id.client;

  it.each<[string, (doc: Y.Doc) => Uint8Array]>([
    [
      "overwrites a key with the highest client id",
      (doc) => {
        doc.clientID = 2 ** 32 - 1;
        return changeOf(doc, (session) => session.set("ended", { at: 1, reason: "host-ended", by: null }));
      },
    ],
    ["deletes a key", (doc) => changeOf(doc, (session) => session.delete("run"))],
    ["adds a key without having received any", () => changeOf(new Y.Doc(), (session) => session.set("run", 99))],
    [
      "continues with the ledger's client id",
      (doc) => {
        doc.clientID = ledgerId(doc);
        return changeOf(doc, (session) => session.set("run", 99));
      },
    ],
    [
      "refers to what the ledger will write next",
      (doc) => {
        // A copy of the ledger in which the next entry is the attacker's map.
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
      "writes with a later ledger's client id",
      (doc) => {
        doc.clientID = ledgerId(doc) + 1;
        return changeOf(doc, (session) => session.set("run", 99));
      },
    ],
  ])(
    "[S1] [G1] [G2] a client that %s changes nothing, neither now nor at the next end and start",
    async (_what, forge) => {
      const { setting, bystander } = await liveRoom();
      const client = await rawClient(setting, await setting.token(participant));
      client.send(writeSyncStep1(Uint8Array.of(0)));
      await until("the attacker has received everything", () => client.syncSteps.includes(1));
      const forgery = forge(client.doc);
      client.send(writeUpdate(forgery));
      client.send(writeSyncStep2(forgery));
      await exchanged(client, bystander);
      const { startedAt } = await roomState(setting);
      expect(bystander.session).toEqual({ status: "live", run: 1, startedAt });
      const { body } = await setting.api("POST", "/v1/rooms/room/end", {});
      await until("the end has arrived", () => bystander.closed === 4410);
      expect(bystander.session).toEqual({ status: "ended", run: 1, startedAt, ended: body["ended"] });
      const next = await setting.api("POST", "/v1/rooms/room/start", {});
      bystander.provider.connect();
      await until("it has reconnected", () => bystander.provider.synced);
      expect(bystander.session).toEqual({ status: "live", run: 2, startedAt: next.body["startedAt"] });
      const observer = await stockClient(setting, { ...participant, sub: "observer" });
      await until("a new client has joined", () => observer.provider.synced);
      expect(observer.doc.getMap(SESSION_ROOT).toJSON()).toEqual({
        run: 2,
        startedAt: next.body["startedAt"],
        ended: null,
      });
      expect(observer.text.toString()).toBe("safe");
    },
  );
});
