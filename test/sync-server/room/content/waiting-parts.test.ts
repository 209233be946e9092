/** The parts of updates that wait: found by what they wait for, and bounded. */
import { describe, expect, it } from "vitest";
import type { Connection } from "../../../../sync-server/room/connection/connection.ts";
import { WaitingParts } from "../../../../sync-server/room/content/waiting-parts.ts";
import type { WaitingMessage, WaitingPart } from "../../../../sync-server/room/content/waiting-parts.ts";
import { Random } from "../../../random.ts";

const newConnection = (): Connection => ({}) as Connection;
const newMessage = (connection: Connection, n = 1): WaitingMessage => {
  return { connection, isSync: false, n, bytes: 0, parts: 0, isDropped: false };
};
const waitsFor = (message: WaitingMessage, client: number, clock: number): WaitingPart => {
  return { type: "delete", message, range: { client, clock, length: 1 } };
};
const takeAll = (parts: WaitingParts, client: number, heldUpTo: number): WaitingPart[] => {
  const taken: WaitingPart[] = [];
  for (let part = parts.take(client, heldUpTo); part !== undefined; part = parts.take(client, heldUpTo))
    taken.push(part);
  return taken;
};

describe("waiting parts", () => {
  it("[G5] are given out once what they wait for is held, each once, and then their message is done", () => {
    const random = new Random(3);
    const parts = new WaitingParts(10_000_000);
    const clocks = Array.from({ length: 500 }, () => random.below(1_000));
    const messages = clocks.map((clock, n) => {
      const message = newMessage(newConnection(), n);
      for (const part of [waitsFor(message, 7, clock), waitsFor(message, 8, clock)]) parts.add(part);
      return message;
    });
    const done: number[] = [];
    for (let held = 0; held <= 1_000; held += random.below(90)) {
      for (const client of [7, 8]) {
        for (const part of takeAll(parts, client, held)) {
          expect(clocks[part.message.n]).toBeLessThan(held);
          if (parts.done(part)) done.push(part.message.n);
        }
      }
    }
    for (const client of [7, 8])
      for (const part of takeAll(parts, client, 1_001)) if (parts.done(part)) done.push(part.message.n);
    expect(done.toSorted((a, b) => a - b)).toEqual(messages.map(({ n }) => n));
    expect(messages.some(({ connection }) => parts.has(connection))).toBe(false);
  });

  it("[W22] above the bound of a connection its oldest messages are dropped, and of the room the oldest of all", () => {
    const parts = new WaitingParts(1_280);
    const [busy, other] = [newConnection(), newConnection()];
    const messages = Array.from({ length: 30 }, (_, n) => newMessage(busy, n));
    const quiet = newMessage(other);
    parts.add(waitsFor(quiet, 9, 0));
    const dropped = messages.flatMap((message) => parts.add(waitsFor(message, 7, 5)));
    expect(dropped.map(({ n }) => n)).toEqual(Array.from({ length: 20 }, (_, n) => n));
    expect(parts.has(other)).toBe(true);
    expect(takeAll(parts, 7, 6)).toHaveLength(10);
    // Many connections together.
    const crowd = new WaitingParts(1_280);
    const all = Array.from({ length: 200 }, (_, n) => newMessage(newConnection(), n));
    const gone = all.flatMap((message) => crowd.add(waitsFor(message, 7, 5)));
    expect(gone.map(({ n }) => n)).toEqual(Array.from({ length: 40 }, (_, n) => n));
    // One message alone is dropped whole, and takes nothing more.
    const large = newMessage(newConnection());
    const each = Array.from({ length: 50 }, (_, clock) => parts.add(waitsFor(large, 3, clock)));
    expect(each.flat()).toEqual([large]);
    expect(takeAll(parts, 3, 1_000)).toEqual([]);
  });
});
