import { expect, it } from "vitest";
import { Peer } from "../../../sync-server/gateway/peer.ts";
import type { ClientSocket } from "../../../sync-server/websocket/web-socket.ts";
import { manualClock } from "../../manual-clock.ts";

const PROBE_TIMEOUT_MS = 2_000;

const setUp = () => {
  const clock = manualClock();
  const events: string[] = [];
  const note = (event: string) => (): void => void events.push(event);
  const socket = {
    isOpen: true,
    bufferedBytes: 0,
    acceptedBytes: 0,
    unfinishedBytes: 0,
    whenDrained: () => {},
    writes: 0,
    reads: 0,
    listen: () => {},
    write: () => {},
    ping: note("ping"),
    pause: note("pause"),
    resume: note("resume"),
    close: () => {},
    terminate: note("terminate"),
  };
  const peer = new Peer(socket satisfies ClientSocket, clock, 1_000, { expiresAt: Infinity });
  return { clock, events, socket, peer };
};

it("[G10] a probe of a peer that is not read waits for the end of the pause", () => {
  const { clock, events, peer } = setUp();
  peer.pause(5_000);
  peer.probe();
  clock.advance(4_999);
  expect(events).toEqual(["pause"]);
  clock.advance(1);
  expect(events).toEqual(["pause", "resume", "ping"]);
  clock.advance(PROBE_TIMEOUT_MS);
  expect(events.at(-1)).toBe("terminate");
});

it("[G10] a pause that begins during a probe begins it anew", () => {
  const { clock, events, socket, peer } = setUp();
  peer.probe();
  peer.pause(5_000);
  clock.advance(PROBE_TIMEOUT_MS);
  expect(events).toEqual(["ping", "pause"]);
  clock.advance(3_000);
  expect(events).toEqual(["ping", "pause", "resume", "ping"]);
  socket.reads++;
  clock.advance(PROBE_TIMEOUT_MS);
  expect(events).toHaveLength(4);
});

it("[W13] of several pauses the last to end counts, and none is longer than 20 s", () => {
  const { clock, events, peer } = setUp();
  const endFirst = peer.pause(60_000);
  peer.pause(30_000);
  endFirst();
  endFirst();
  clock.advance(19_999);
  expect(events).not.toContain("resume");
  clock.advance(1);
  expect(events).toContain("resume");
  expect(clock.timers).toBe(0);
});

it("[W11] [W19] a peer that reads what waits for it is alive, one that reads nothing is stuck", () => {
  const { clock, socket, peer } = setUp();
  const check = (): number[] => {
    clock.advance(5_000);
    peer.updateActivity(clock.now());
    return [peer.checkProgress(clock.now()), clock.now() - peer.lastReceivedAt];
  };
  socket.bufferedBytes = 64 * 1024;
  // What the system has taken at once says nothing about the peer.
  socket.acceptedBytes = 5_000;
  expect(check()).toEqual([0, 5_000]);
  socket.acceptedBytes = 5_001;
  expect(check()).toEqual([0, 0]);
  expect(check()).toEqual([5_000, 5_000]);
  socket.bufferedBytes = 64 * 1024 - 1;
  expect(check()).toEqual([10_000, 10_000]);
  // What is taken of little proves nothing: the buffers may have had room.
  socket.acceptedBytes++;
  expect(check()).toEqual([0, 15_000]);
  socket.bufferedBytes = 0;
  expect(check()).toEqual([0, 20_000]);
});
