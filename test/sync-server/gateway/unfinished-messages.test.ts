import { expect, it } from "vitest";
import { UnfinishedMessages } from "../../../sync-server/gateway/unfinished-messages.ts";
import { manualClock } from "../../manual-clock.ts";

const KIB = 1024;

const setUp = () => {
  const clock = manualClock();
  const unfinished = new UnfinishedMessages(clock, 1000 * KIB);
  const sender = () => {
    const events: unknown[] = [];
    return { events, pause: (ms: number) => void events.push(ms), refuse: (code: number) => void events.push(code) };
  };
  return { clock, unfinished, sender };
};

it("[W13] above the limit of all, senders are read slowly, but for the one whose message began first", () => {
  const { unfinished, sender } = setUp();
  const [first, second] = [sender(), sender()];
  unfinished.received(first, 500 * KIB);
  unfinished.received(second, 500 * KIB);
  expect([first.events, second.events]).toEqual([[], []]);
  unfinished.received(second, 501 * KIB);
  unfinished.received(first, 600 * KIB);
  expect([first.events, second.events]).toEqual([[], [1_000]]);
  // The first is complete.
  unfinished.received(first, 0);
  unfinished.received(second, 900 * KIB);
  expect(second.events).toEqual([1_000]);
});

it("[W13] a message that has taken long makes room for the others, if there is too much", () => {
  const { clock, unfinished, sender } = setUp();
  const [slow, other] = [sender(), sender()];
  unfinished.received(slow, 600 * KIB);
  clock.advance(29_999);
  unfinished.received(other, 600 * KIB);
  expect(slow.events).toEqual([]);
  clock.advance(1);
  unfinished.received(other, 601 * KIB);
  expect(slow.events).toEqual([1013]);
  unfinished.received(other, 900 * KIB);
  expect(other.events).toEqual([1_000, 1_000]);
});

it("small messages and connections that are gone do not count", () => {
  const { unfinished, sender } = setUp();
  const gone = sender();
  unfinished.received(gone, 900 * KIB);
  unfinished.delete(gone);
  unfinished.delete(gone);
  const last = sender();
  for (let i = 0; i < 100; i++) unfinished.received(sender(), 64 * KIB);
  unfinished.received(last, 1000 * KIB);
  expect(last.events).toEqual([]);
});
