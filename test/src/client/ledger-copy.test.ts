import * as Y from "yjs";
import { describe, expect, it } from "vitest";
import { LedgerCopy } from "../../../src/client/ledger-copy.ts";
import { SESSION_ROOT } from "../../../src/session/session.ts";

const LEDGER_ID = 2 ** 51 + 7;

/** A ledger as the relay writes it: one client id, one transaction for each change. */
const makeLedger = (id: number) => {
  const doc = new Y.Doc();
  doc.clientID = id;
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  const write = (values: Record<string, unknown>): Uint8Array => {
    doc.transact(() => {
      for (const [key, value] of Object.entries(values)) doc.getMap(SESSION_ROOT).set(key, value);
    });
    return updates.at(-1)!;
  };
  return { doc, write };
};

const ended = { at: 5, reason: "admin", by: null };

describe("the copy of the ledger", () => {
  it("follows the ledger's updates and nobody else's", () => {
    const copy = new LedgerCopy();
    const ledger = makeLedger(LEDGER_ID);
    const first = ledger.write({ run: 1, startedAt: 3, ended: null });
    expect(copy.take(first)).toBe(false);
    copy.useLedger(LEDGER_ID);
    expect(copy.take(first)).toBe(true);
    expect(copy.read()).toEqual({ status: "live", run: 1, startedAt: 3 });

    const forged = new Y.Doc();
    forged.clientID = 77;
    forged.getMap(SESSION_ROOT).set("ended", ended);
    expect(copy.take(Y.encodeStateAsUpdate(forged))).toBe(false);
    expect(copy.read()?.status).toBe("live");

    expect(copy.take(ledger.write({ ended }))).toBe(true);
    expect(copy.read()).toEqual({ status: "ended", run: 1, startedAt: 3, ended });
  });

  it("takes nothing that holds another client's structs beside the ledger's", () => {
    const copy = new LedgerCopy();
    copy.useLedger(LEDGER_ID);
    const ledger = makeLedger(LEDGER_ID);
    ledger.write({ run: 1, startedAt: 3, ended: null });
    const mixed = new Y.Doc();
    mixed.clientID = 5;
    Y.applyUpdate(mixed, Y.encodeStateAsUpdate(ledger.doc));
    mixed.getMap(SESSION_ROOT).set("run", 9);
    expect(copy.take(Y.encodeStateAsUpdate(mixed))).toBe(false);
    expect(copy.read()).toBeNull();
  });

  it("starts over with another ledger", () => {
    const copy = new LedgerCopy();
    copy.useLedger(LEDGER_ID);
    copy.take(makeLedger(LEDGER_ID).write({ run: 1, startedAt: 3, ended }));
    copy.useLedger(LEDGER_ID + 1);
    expect(copy.read()).toBeNull();
    expect(copy.take(makeLedger(LEDGER_ID + 1).write({ run: 2, startedAt: 4, ended: null }))).toBe(true);
    expect(copy.read()).toEqual({ status: "live", run: 2, startedAt: 4 });
  });

  it("ignores bytes that cannot be read", () => {
    const copy = new LedgerCopy();
    copy.useLedger(LEDGER_ID);
    expect(copy.take(new Uint8Array())).toBe(false);
    expect(copy.take(Uint8Array.of(1, 255))).toBe(false);
  });

  it("notices that a document shows another state", () => {
    const copy = new LedgerCopy();
    copy.useLedger(LEDGER_ID);
    const ledger = makeLedger(LEDGER_ID);
    const page = new Y.Doc();
    const first = ledger.write({ run: 1, startedAt: 3, ended: null });
    copy.take(first);
    Y.applyUpdate(page, first);
    expect(copy.agreesWith(page)).toBe(true);
    copy.take(ledger.write({ ended }));
    expect(copy.agreesWith(page)).toBe(false);
  });
});
