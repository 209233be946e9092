/** Which messages are acknowledged when, without a room. */
import * as decoding from "lib0/decoding";
import { describe, expect, it } from "vitest";
import { readRelayMessage } from "../../../../src/protocol/protocol.ts";
import type { Connection } from "../../../../sync-server/room/connection/connection.ts";
import { Receipts } from "../../../../sync-server/room/connection/receipts.ts";
import type { Frame } from "../../../../sync-server/websocket/frame.ts";

const make = () => {
  const sent: unknown[] = [];
  const closes: unknown[][] = [];
  let gathered: (() => void)[] = [];
  let waits = 0;
  const receipts = new Receipts({
    clock: {
      gather: (ms, run) => {
        expect(ms).toBe(100);
        waits++;
        gathered.push(run);
      },
    },
    outbox: {
      send: (_connection: Connection, frame: Frame) => {
        const decoder = decoding.createDecoder(frame.payload);
        decoding.readVarUint(decoder);
        sent.push(readRelayMessage(decoder));
      },
    },
    close: (_connection, code, reason) => void closes.push([code, reason]),
    signedCount: () => null,
  });
  /** Lets the time pass; returns what was sent. */
  const pass = (): unknown[] => {
    const runs = gathered;
    gathered = [];
    for (const run of runs) run();
    return sent.splice(0);
  };
  const client = { speaksSession: true } as Connection;
  const stock = { speaksSession: false } as Connection;
  const update = (): number => receipts.received(client, false);
  const sync = (): number => receipts.received(client, true);
  return { receipts, closes, pass, client, stock, update, sync, waits: () => waits };
};

const saved = (n: number) => ({ type: "saved", n });

describe("acknowledgements", () => {
  it("[W15] are gathered: one for all messages that were settled meanwhile", () => {
    const { receipts, client, update, pass, waits } = make();
    for (let i = 0; i < 10; i++) receipts.settled(client, update());
    expect(waits()).toBe(1);
    expect(pass()).toEqual([saved(10)]);
    expect(pass()).toEqual([]);
    receipts.settled(client, update());
    expect(pass()).toEqual([saved(11)]);
  });

  it("[W15] stop before a message that waits, until it is taken", () => {
    const { receipts, client, update, pass } = make();
    const waiting = update();
    receipts.settled(client, update());
    expect(pass()).toEqual([]);
    receipts.settled(client, waiting);
    expect(pass()).toEqual([saved(2)]);
  });

  it("[W15] or until a later SyncStep2 is settled, which holds it", () => {
    const { receipts, client, update, sync, pass } = make();
    update();
    update();
    receipts.settled(client, sync());
    update();
    expect(pass()).toEqual([saved(3)]);
  });

  it("[W15] a SyncStep2 settles nothing that was sent after it", () => {
    const { receipts, client, update, sync, pass } = make();
    const complete = sync();
    update();
    receipts.settled(client, complete);
    expect(pass()).toEqual([saved(1)]);
  });

  it("[W15] stop before what was dropped untaken, which only a SyncStep2 can bring", () => {
    const { receipts, client, update, sync, pass } = make();
    receipts.settled(client, update());
    const dropped = update();
    receipts.withheld(client, dropped);
    receipts.settled(client, update());
    expect(pass()).toEqual([saved(1)]);
    receipts.settled(client, dropped);
    expect(pass()).toEqual([]);
    receipts.settled(client, sync());
    expect(pass()).toEqual([saved(4)]);
  });

  it("[W15] stop after a SyncStep2 if something was dropped after it", () => {
    const { receipts, client, update, sync, pass } = make();
    receipts.withheld(client, update());
    const complete = sync();
    receipts.withheld(client, update());
    receipts.settled(client, complete);
    expect(pass()).toEqual([saved(2)]);
  });

  it("[W15] are sent to nobody who is gone, and not to stock clients", () => {
    const { receipts, client, stock, update, pass, waits } = make();
    receipts.settled(stock, receipts.received(stock, false));
    expect(waits()).toBe(0);
    receipts.settled(client, update());
    receipts.forget(client);
    expect(pass()).toEqual([]);
  });
});

describe("refusals", () => {
  it("[W16] are sent with the number and a text, before the acknowledgement", () => {
    const { receipts, client, update, pass } = make();
    const n = update();
    receipts.refused(client, n, "too-deep");
    receipts.settled(client, n);
    receipts.refused(client, null, "awareness-too-large");
    const message = expect.any(String) as string;
    expect(pass()).toEqual([
      { type: "refused", n: 1, code: "too-deep", message },
      { type: "refused", code: "awareness-too-large", message },
      saved(1),
    ]);
  });

  it.each(["other-author", "forbidden", "too-deep", "too-large"] as const)(
    "[W16] %s closes a stock client with a reason that fits into a close frame",
    (code) => {
      const { receipts, stock, closes } = make();
      receipts.refused(stock, receipts.received(stock, false), code);
      expect(closes).toEqual([[4400, expect.any(String)]]);
      expect(Buffer.byteLength(closes[0]![1] as string)).toBeLessThanOrEqual(123);
    },
  );

  it.each(["document-full", "awareness-too-large"] as const)("[W16] %s closes nobody", (code) => {
    const { receipts, stock, closes, pass } = make();
    receipts.refused(stock, null, code);
    expect([closes, pass()]).toEqual([[], []]);
  });
});
