/** A client with too little bandwidth for what it is sent stays, does not slow the others, and catches up. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { CLIENT_KINDS } from "./peer.ts";
import type { ClientKind, Peer } from "./peer.ts";
import { createWorld } from "./world.ts";

const NARROW_BYTES_PER_SECOND = 256 * 1024;
/** Far more than the socket buffers of the system hold (some megabytes on loopback) and what the relay keeps unread. */
const BURST_BYTES = 24 * 1024 * 1024;
const EDIT_BYTES = 128 * 1024;
/** Others receive an edit within this time while one client is too slow, in ms. Waiting for that client would take longer. */
const UNDISTURBED_MS = 1_000;

const world = createWorld({ SESSION_ROOM_LIMIT_BYTES_PER_SECOND: String(4 * BURST_BYTES) });

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
  it("[W19] stays while the others are not slowed, and is consistent again once the bandwidth suffices", async () => {
    const { testRoom, host, witness, slow, all } = await setUp(kind);
    const rounds = BURST_BYTES / EDIT_BYTES;
    let longestMs = 0;
    for (let round = 1; round <= rounds; round++) {
      const sentAt = performance.now();
      edit(host, round);
      await until("the witness has it", () => roundOf(witness) === round);
      longestMs = Math.max(longestMs, performance.now() - sentAt);
    }
    expect(longestMs).toBeLessThan(UNDISTURBED_MS);
    expect(roundOf(slow)).toBeLessThan(rounds);
    slow.type("Typed at low bandwidth. ");
    await until("the host has what it typed", () => host.text.includes("Typed at low bandwidth."));
    slow.network.shape({ bytesPerSecond: Infinity });
    // After some seconds: what the buffers on the way hold comes first. The rest is only the last of the values.
    await testRoom.msUntilConsistent(all);
    await until("it has caught up", () => roundOf(slow) === rounds);
    expect(slow.closeCodes).toEqual([]);
    expect(await testRoom.describe()).toMatchObject({ hosts: 1, participants: 2 });
  });
});
