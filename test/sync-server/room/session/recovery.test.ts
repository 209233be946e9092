/** What opens the recovery of a room (docs/SPEC.md, R9 and S5). */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { SignedCount } from "../../../../src/protocol/protocol.ts";
import { CommitProofs } from "../../../../sync-server/auth/commit-proof.ts";
import type { FormerLedger } from "../../../../sync-server/room/session/ledger-ids.ts";
import { Recovery, RECOVERY_MS } from "../../../../sync-server/room/session/recovery.ts";
import type { RecoveryOptions } from "../../../../sync-server/room/session/recovery.ts";

const proofs = new CommitProofs("the relay's secret");
const MINUTE_MS = 60_000;

/** A room whose ledger has the id 1,000, with 5 commits. */
const setUp = (formerLedgers: readonly FormerLedger[] = []) => {
  let now = 0;
  const renewals: unknown[] = [];
  const session = {
    ledger: { id: 1_000, clock: 3, encode: () => new Uint8Array(), isOutdatedBy: () => true },
    formerLedgers,
    recoversUntil: 0,
    renewLedger: (_isHeld: unknown, loss?: { lostId: number; until: number }) => {
      renewals.push(loss);
      session.formerLedgers = [...session.formerLedgers, { id: session.ledger.id, clock: 3 }];
      session.ledger = { ...session.ledger, id: session.ledger.id + 1_000 };
      session.recoversUntil = loss?.until ?? session.recoversUntil;
    },
  } satisfies RecoveryOptions["session"];
  const recovery = new Recovery(
    { clock: { now: () => now }, proofs, startedAt: 1 },
    { room: "room", count: 5, session, isHeld: () => false },
  );
  return { recovery, session, renewals, pass: (ms: number) => (now += ms) };
};

const seen = (ledger: number, count: number): SignedCount => proofs.sign("room", ledger, count);

describe("the recovery of a room", () => {
  it("[R9] is opened for ten minutes by a signed count above the store's, once", () => {
    const { recovery, renewals, pass } = setUp();
    expect(recovery.prove(seen(1_000, 5))).toBe(false);
    recovery.contentAppended();
    expect(recovery.prove(seen(1_000, 6))).toBe(false);
    expect(recovery.isOpen).toBe(false);
    expect(recovery.prove(seen(1_000, 7))).toBe(true);
    expect(renewals).toEqual([{ lostId: 1_000, until: RECOVERY_MS }]);
    pass(9 * MINUTE_MS);
    expect(recovery.isOpen).toBe(true);
    expect(recovery.prove(seen(1_000, 8))).toBe(false);
    pass(MINUTE_MS);
    expect(recovery.isOpen).toBe(false);
    expect(recovery.prove(seen(1_000, 7))).toBe(false);
    expect(recovery.isOpen).toBe(false);
  });

  it.each([
    ["is not signed", { ...seen(1_000, 7), proof: "" }],
    ["is signed for another count", { ...seen(1_000, 6), count: 7 }],
    ["is signed with another secret", new CommitProofs("another").sign("room", 1_000, 7)],
    ["is another room's", proofs.sign("another", 1_000, 7)],
  ])("[R9] is not opened by a count that %s", (_what, count) => {
    const { recovery, renewals } = setUp();
    expect(recovery.prove(count)).toBe(false);
    expect(renewals).toEqual([]);
  });

  it("[R9] is opened by the count of a ledger that the store does not know, but not by one of a former ledger", () => {
    for (const ledger of [700, 5_000]) expect(setUp().recovery.prove(seen(ledger, 1))).toBe(true);
    const { recovery } = setUp([{ id: 700, clock: 1 }]);
    expect(recovery.prove(seen(700, 99))).toBe(false);
    const full = setUp(Array.from({ length: 64 }, (_, at) => ({ id: 500 + at, clock: 1 })));
    expect(full.recovery.prove(seen(499, 99))).toBe(false);
    expect(full.recovery.prove(seen(600, 99))).toBe(true);
  });

  it("[S5] is not opened by the claim to hold another ledger, which renews it eight times at most", () => {
    const { recovery, renewals } = setUp();
    for (let i = 0; i < 20; i++) recovery.checkLedger(Y.encodeStateVector(new Map()));
    expect(renewals).toEqual(Array.from({ length: 8 }, () => undefined));
    expect(recovery.isOpen).toBe(false);
    // A proof counts even then.
    expect(recovery.prove(seen(recovery.signedCount().ledger, 6))).toBe(true);
  });
});

describe("the signed count of a room", () => {
  it("[R9] is that of the store and of what was appended since, under the present ledger", () => {
    const { recovery, session } = setUp();
    expect(recovery.signedCount()).toEqual(seen(1_000, 5));
    recovery.contentAppended();
    expect(recovery.signedCount()).toEqual(seen(1_000, 6));
    session.renewLedger(null);
    expect(recovery.signedCount()).toEqual(seen(2_000, 6));
  });
});
