/** Inputs that once broke something, each by its name. The fuzzer found them. */
import { describe, expect, it } from "vitest";
import type * as Y from "yjs";
import { MalformedError } from "../../src/protocol.ts";
import { Guard } from "../../sync-server/guard/guard.ts";
import { docWithId } from "../guard/arbitrary-edits.ts";
import { startRelay, stockClient, until, rawClient } from "../relay/harness.ts";
import { writeUpdate } from "../../src/protocol.ts";

const updatesOf = (doc: Y.Doc): Uint8Array[] => {
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  return updates;
};

describe("what the fuzzer found", () => {
  it("[G5] an update that waits and also deletes what is held does not keep the relay busy for ever", async () => {
    const setting = await startRelay();
    const host = await stockClient(setting, { role: "host", sub: "h1" });
    await until("the run is live", () => host.session?.status === "live" && host.provider.synced);
    host.text.insert(0, "held");
    const doc = docWithId(4711);
    const updates = updatesOf(doc);
    doc.getText("text").insert(0, "missing");
    doc.transact(() => {
      doc.getText("text").insert(7, "waits");
      doc.getText("text").delete(0, 1);
    });
    const client = await rawClient(setting, "", {
      path: `/room?token=${await setting.token({ role: "participant", sub: "p1" })}`,
      protocols: [],
    });
    client.send(writeUpdate(updates[1]!));
    host.text.insert(4, " and alive");
    client.send(writeUpdate(updates[0]!));
    await until("all of it is there", () => host.text.toString().includes("issingwaits"));
    expect(host.text.toString()).toContain("held and alive");
  });

  it("[G6] a subdocument without options, which throws in every peer, is refused", () => {
    // One section of client 7 with one ContentDoc under the root "a": a guid, then `undefined` for its options.
    const update = Uint8Array.from([1, 1, 7, 0, 9, 1, 1, 97, 1, 103, 127, 0]);
    expect(() => new Guard(new Map(), null).admit(update)).toThrow(MalformedError);
  });

  it("[G6] a value with the key __proto__, which peers cannot read again, is refused", () => {
    const key = [...new TextEncoder().encode("__proto__")];
    const update = Uint8Array.from([1, 1, 7, 0, 8, 1, 1, 97, 1, 118, 1, key.length, ...key, 126, 0]);
    expect(() => new Guard(new Map(), null).admit(update)).toThrow(MalformedError);
  });
});
