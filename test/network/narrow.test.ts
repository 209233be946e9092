/** A line too narrow for what is sent to it: its person is let go, nobody else notices, and it comes back by a sync. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { KINDS } from "./peer.ts";
import type { Kind, Peer } from "./peer.ts";
import { createTown, RIGHT_MS } from "./town.ts";

const BUFFERED_BYTES = 256 * 1024;
const NARROW_BYTES_PER_SECOND = 4 * 1024;
/** What the systems at both ends of a connection hold comes first: some megabytes on loopback. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Surely more than those hold, and so little that the relay's goodbye, of 2 s, is not over before it has passed. */
const BURST_BYTES = 24 * 1024 * 1024;
const EDIT_BYTES = 128 * 1024;
/** Others get an edit within this, in ms, while one of them is too slow: a busy machine may take some of it, a wait for that one would be longer. */
const UNDISTURBED_MS = 1_000;

const town = createTown({
  SESSION_ROOM_LIMIT_BUFFERED_BYTES: String(BUFFERED_BYTES),
  SESSION_ROOM_LIMIT_BYTES_PER_SECOND: String(MOST_BYTES),
});

/** Replaces one value by another as large: the document stays small, what is sent does not. */
const edit = (peer: Peer, round: number): void => {
  peer.doc.getMap("slides").set("current", `${round} `.padEnd(EDIT_BYTES, "x"));
};
const roundOf = ({ doc }: Peer): number => Number.parseInt((doc.getMap("slides").get("current") as string) ?? "-1");

/** A host and a witness on wide lines, and one on a line that the test makes narrow. */
const gather = async (kind: Kind) => {
  const guests = await town.makeRoom(onTestFinished);
  const host = await guests.enter("room", "host", "Hera");
  const witness = await guests.enter("stock", "participant", "Wim");
  const slow = await guests.enter(kind, "participant", "Gus");
  const all = [host, witness, slow];
  await guests.msUntilRight(all);
  slow.cable.change({ bytesPerSecond: NARROW_BYTES_PER_SECOND }, "down");
  return { guests, host, witness, slow, all };
};

describe.each(KINDS)("a %s client on a narrow line", (kind) => {
  it("[W13] is let go, while the others are undisturbed, and is right again when the line is wide", async () => {
    const { guests, host, witness, slow, all } = await gather(kind);
    let round = 0;
    let longestMs = 0;
    while (witness.others.includes(slow.name)) {
      if (round * EDIT_BYTES > MOST_BYTES) throw new Error("the relay holds all of it");
      const sentAt = performance.now();
      edit(host, ++round);
      await until("the witness has it", () => roundOf(witness) === round);
      longestMs = Math.max(longestMs, performance.now() - sentAt);
    }
    expect(longestMs).toBeLessThan(UNDISTURBED_MS);
    expect(await guests.describe()).toMatchObject({ hosts: 1, participants: 1 });
    expect(host.others).toEqual(["Wim"]);
    slow.type("Typed on the narrow line. ");
    const wideAt = performance.now();
    slow.cable.change({ bytesPerSecond: Infinity });
    await until("it is back", () => slow.onlineAt > wideAt);
    expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
    await until("it has what it missed", () => roundOf(slow) === round);
    expect(host.text).toContain("Typed on the narrow line.");
  });

  it("[W4] [W13] reads 1013 if it reads as far, and comes back by itself", async () => {
    const { guests, host, witness, slow, all } = await gather(kind);
    const rounds = BURST_BYTES / EDIT_BYTES;
    for (let round = 1; round <= rounds; round++) edit(host, round);
    await until("the witness has it", () => roundOf(witness) === rounds);
    slow.cable.change({ bytesPerSecond: Infinity });
    await until("it was let go", () => slow.closeCodes.length > 0);
    expect(slow.closeCodes).toEqual([1013]);
    await until("it is back", () => slow.isOnline);
    expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
    await until("it has what it missed", () => roundOf(slow) === rounds);
  });
});
