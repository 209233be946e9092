/** A client with too little bandwidth for what it is sent is disconnected, does not slow the others, and catches up by a sync. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { CLIENT_KINDS } from "./peer.ts";
import type { ClientKind, Peer } from "./peer.ts";
import { createWorld, CONSISTENT_MS } from "./world.ts";

const BUFFERED_BYTES = 256 * 1024;
const NARROW_BYTES_PER_SECOND = 4 * 1024;
/** Upper bound of what is sent. The kernel's socket buffers come first: some megabytes on loopback. */
const MOST_BYTES = 64 * 1024 * 1024;
/** More than the socket buffers hold, but little enough to be delivered before the relay's closing timeout of 2 s. */
const BURST_BYTES = 24 * 1024 * 1024;
const EDIT_BYTES = 128 * 1024;
/** Others receive an edit within this time while one client is too slow, in ms. Waiting for that client would take longer. */
const UNDISTURBED_MS = 1_000;

const world = createWorld({
  SESSION_ROOM_LIMIT_BUFFERED_BYTES: String(BUFFERED_BYTES),
  SESSION_ROOM_LIMIT_BYTES_PER_SECOND: String(MOST_BYTES),
});

/** Replaces one large value by another: the document stays small, but much is sent. */
const edit = (peer: Peer, round: number): void => {
  peer.doc.getMap("slides").set("current", `${round} `.padEnd(EDIT_BYTES, "x"));
};
const roundOf = ({ doc }: Peer): number => Number.parseInt((doc.getMap("slides").get("current") as string) ?? "-1");

/** A host and a witness with full bandwidth, and one client whose bandwidth is limited. */
const setUp = async (kind: ClientKind) => {
  const testRoom = await world.makeRoom(onTestFinished);
  const host = await testRoom.enter("room", "host", "Hera");
  const witness = await testRoom.enter("stock", "participant", "Wim");
  const slow = await testRoom.enter(kind, "participant", "Gus");
  const all = [host, witness, slow];
  await testRoom.msUntilConsistent(all);
  slow.network.shape({ bytesPerSecond: NARROW_BYTES_PER_SECOND }, "down");
  return { testRoom, host, witness, slow, all };
};

describe.each(CLIENT_KINDS)("a %s client with low bandwidth", (kind) => {
  it("[W13] is disconnected while the others are not slowed, and is consistent again once the bandwidth suffices", async () => {
    const { testRoom, host, witness, slow, all } = await setUp(kind);
    let round = 0;
    let longestMs = 0;
    while (witness.others.includes(slow.name)) {
      if (round * EDIT_BYTES > MOST_BYTES) throw new Error("the relay has buffered all of it");
      const sentAt = performance.now();
      edit(host, ++round);
      await until("the witness has it", () => roundOf(witness) === round);
      longestMs = Math.max(longestMs, performance.now() - sentAt);
    }
    expect(longestMs).toBeLessThan(UNDISTURBED_MS);
    expect(await testRoom.describe()).toMatchObject({ hosts: 1, participants: 1 });
    expect(host.others).toEqual(["Wim"]);
    slow.type("Typed at low bandwidth. ");
    const restoredAt = performance.now();
    slow.network.shape({ bytesPerSecond: Infinity });
    await until("it has reconnected", () => slow.onlineAt > restoredAt);
    expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
    await until("it has caught up", () => roundOf(slow) === round);
    expect(host.text).toContain("Typed at low bandwidth.");
  });

  it("[W4] [W13] receives 1013 if it reads that far, and reconnects by itself", async () => {
    const { testRoom, host, witness, slow, all } = await setUp(kind);
    const rounds = BURST_BYTES / EDIT_BYTES;
    for (let round = 1; round <= rounds; round++) edit(host, round);
    await until("the witness has it", () => roundOf(witness) === rounds);
    slow.network.shape({ bytesPerSecond: Infinity });
    await until("it was disconnected", () => slow.closeCodes.length > 0);
    expect(slow.closeCodes).toEqual([1013]);
    await until("it has reconnected", () => slow.isOnline);
    expect(await testRoom.msUntilConsistent(all)).toBeLessThan(CONSISTENT_MS);
    await until("it has caught up", () => roundOf(slow) === rounds);
  });
});
