/** The ledger beside a client's state vector: whether the store is an older copy (docs/SPEC.md, S5). */
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../../src/protocol/protocol.ts";
import { WAITING } from "../../../../src/session/session.ts";
import { Ledger } from "../../../../sync-server/room/session/ledger.ts";

const ID = 2 ** 33;
const STARTED_AT = ID + 1_000;

describe("a client's state vector", () => {
  const ledger = Ledger.create(WAITING, ID);
  const isOutdatedBy = (...entries: [number, number][]): boolean =>
    ledger.isOutdatedBy(Y.encodeStateVector(new Map(entries)), STARTED_AT);

  it("[S5] shows that the ledger is outdated by more of it, or by a later one from before the start", () => {
    expect(isOutdatedBy([5, 100], [ID, ledger.clock])).toBe(false);
    expect(isOutdatedBy([ID - 1, 100])).toBe(false);
    expect(isOutdatedBy([ID, ledger.clock + 1])).toBe(true);
    expect(isOutdatedBy([ID + 1, 1])).toBe(true);
    // A client's own id, or made up.
    expect(isOutdatedBy([STARTED_AT, 1])).toBe(false);
    const made = Ledger.create(WAITING, STARTED_AT + 1);
    const more = Y.encodeStateVector(new Map([[made.id, made.clock + 1]]));
    expect(made.isOutdatedBy(more, STARTED_AT)).toBe(true);
  });

  it.each([
    ["ends early", Uint8Array.of(2, 1, 1, 5)],
    ["is empty", new Uint8Array()],
    ["claims more entries than there could ever be", encoding.encode((e) => encoding.writeVarUint(e, 2 ** 53 - 1))],
    ["holds a number beyond 2^53", Uint8Array.of(1, ...new Uint8Array(9).fill(0xff), 1, 0)],
  ])("[G6] is malformed if it %s", (_what, stateVector) => {
    expect(() => ledger.isOutdatedBy(stateVector, STARTED_AT)).toThrow(MalformedError);
  });
});
