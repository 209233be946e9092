/** What every store must do, whatever it keeps things in. A store's own test registers this suite. */
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { StoreError } from "../../../sync-server/store/store.ts";
import type { RoomRecord, Store, Write } from "../../../sync-server/store/store.ts";
import { ENDED, START_AT, append, live, putRoom, record } from "./store-writes.ts";

const guard = (room: string, ...bytes: number[]): Write => ({
  type: "append-guard",
  room,
  record: Uint8Array.from(bytes),
});

const NOTHING = { content: [], contentCount: 0, isContentSetAside: false, guard: [] };

const liveRooms = async (store: Store, batch: number, before = Infinity): Promise<string[][]> => {
  const batches: string[][] = [];
  for await (const records of store.liveRooms(before, batch)) batches.push(records.map(({ room }) => room));
  return batches;
};

export type OpenStore = {
  readonly store: Store;
  /** Closes it and opens it again, as a relay that is started anew does. */
  readonly reopen: () => Promise<Store>;
};

export const describeStore = (name: string, open: () => Promise<OpenStore>): void => {
  describe(`${name} as a store`, () => {
    let store: Store;
    let reopen: () => Promise<Store>;

    beforeEach(async () => {
      ({ store, reopen } = await open());
    });

    const commit = (...writes: Write[]): Promise<void> => store.commit(writes, "written");

    it("knows no room, no deadline and no value at first", async () => {
      expect(await store.readRoom("room")).toBe(null);
      expect(await store.readMeta("key")).toBe(null);
      expect(await store.earliestDeadline()).toBe(null);
      expect(await store.dueRooms(Number.MAX_SAFE_INTEGER, 10)).toEqual([]);
      expect(await liveRooms(store, 10)).toEqual([]);
    });

    it.each<[string, RoomRecord]>([
      ["waiting", record("room", { status: "waiting", run: 0 }, { start: "manual" })],
      ["live, a host in", record("room", live(), { hostAbsenceMs: 60_000 })],
      ["live, without a host", record("room", live(START_AT + 900_000))],
      ["ended", record("room", ENDED)],
      ["with a name of odd characters", record("räu\0me/../\u{1F600}'\"%")],
      ["with the largest ledger id", record("room", live(), { ledgerId: Number.MAX_SAFE_INTEGER })],
      ["with former ledgers", record("room", live(), { formerLedgers: [{ id: 2 ** 52, clock: 9 }], recoversUntil: 5 })],
      ["with an empty ledger", record("room", live(), { ledger: new Uint8Array() })],
    ])("gives back a record as it was: %s", async (_, made) => {
      await commit({ type: "put-room", record: made });
      expect(await store.readRoom(made.room)).toEqual({ record: made, ...NOTHING });
    });

    it("gives back content in the order of its arrival, each room its own", async () => {
      await commit(putRoom("a"), putRoom("b"), append("a", 1), append("b", 2), append("a", 3));
      await commit(append("a"), append("a", 1));
      expect((await store.readRoom("a"))!.content).toEqual([[1], [3], [], [1]].map((each) => Uint8Array.from(each)));
      expect((await store.readRoom("b"))!.content).toEqual([Uint8Array.of(2)]);
    });

    it("puts one update in place of all content so far; what follows comes behind it", async () => {
      await commit(putRoom("a"), putRoom("b"), append("a", 1), append("b", 2), append("a", 3));
      await commit({ type: "replace-content", room: "a", updates: [Uint8Array.of(9)] }, append("a", 4));
      expect((await store.readRoom("a"))!.content).toEqual([Uint8Array.of(9), Uint8Array.of(4)]);
      expect((await store.readRoom("b"))!.content).toEqual([Uint8Array.of(2)]);
    });

    it("counts what is appended to a room's content, whatever replaces it", async () => {
      await commit(putRoom("a"), append("a", 1), append("a", 2), append("a", 3));
      expect((await store.readRoom("a"))!.contentCount).toBe(3);
      await commit({ type: "replace-content", room: "a", updates: [Uint8Array.of(8), Uint8Array.of(9)] });
      expect(await store.readRoom("a")).toMatchObject({ content: [[8], [9]].map((each) => Uint8Array.from(each)) });
      expect((await store.readRoom("a"))!.contentCount).toBe(3);
      await commit(append("a", 4));
      store = await reopen();
      expect((await store.readRoom("a"))!.contentCount).toBe(4);
      await commit(append("a", 5));
      expect((await store.readRoom("a"))!.contentCount).toBe(5);
    });

    it("gives back an update however large, and counts it once", async () => {
      const large = Uint8Array.from({ length: 5 * 512 * 1024 + 1 }, (_, i) => i % 251);
      await commit(putRoom("a"), append("a", 1));
      await commit({ type: "append-content", room: "a", update: large });
      await commit(append("a", 2));
      const stored = (await store.readRoom("a"))!;
      expect(stored.content.map(({ byteLength }) => byteLength)).toEqual([1, large.byteLength, 1]);
      expect(Buffer.compare(stored.content[1]!, large)).toBe(0);
      expect(stored.contentCount).toBe(3);
      await commit({ type: "replace-content", room: "a", updates: [large, Uint8Array.of(7)] });
      const replaced = (await store.readRoom("a"))!.content;
      expect(replaced.map((each) => Buffer.compare(each, large))).toEqual([0, expect.anything()]);
    });

    it("keeps content that is set aside, and does not read it", async () => {
      await commit(putRoom("a"), append("a", 1), putRoom("b"), append("b", 2));
      await commit({ type: "set-content-aside", room: "a" });
      store = await reopen();
      expect(await store.readRoom("a")).toMatchObject({ content: [], contentCount: 1, isContentSetAside: true });
      expect(await store.readRoom("b")).toMatchObject({ content: [Uint8Array.of(2)], isContentSetAside: false });
      await commit(putRoom("a", ENDED));
      expect((await store.readRoom("a"))!.isContentSetAside).toBe(true);
    });

    it("puts one record of the guard in place of all so far", async () => {
      await commit(putRoom("a"), putRoom("b"), guard("a", 1), guard("b", 2), guard("a", 3));
      await commit({ type: "replace-guard", room: "a", record: Uint8Array.of(9) }, guard("a", 4));
      expect((await store.readRoom("a"))!.guard).toEqual([Uint8Array.of(9), Uint8Array.of(4)]);
      expect((await store.readRoom("b"))!.guard).toEqual([Uint8Array.of(2)]);
    });

    it("replaces a record and leaves content and guard", async () => {
      await commit(putRoom("a"), append("a", 1), guard("a", 7), guard("a", 8));
      await commit(putRoom("a", ENDED));
      expect(await store.readRoom("a")).toEqual({
        record: record("a", ENDED),
        content: [Uint8Array.of(1)],
        contentCount: 1,
        isContentSetAside: false,
        guard: [Uint8Array.of(7), Uint8Array.of(8)],
      });
    });

    it("keeps what it was handed, whatever becomes of the buffer", async () => {
      const frame = Uint8Array.of(0, 1, 2, 3);
      const ledger = Uint8Array.of(5);
      await commit(putRoom("a", live(), { ledger }), {
        type: "append-content",
        room: "a",
        update: frame.subarray(1, 3),
      });
      frame.fill(9);
      ledger.fill(9);
      const stored = (await store.readRoom("a"))!;
      expect(stored.content).toEqual([Uint8Array.of(1, 2)]);
      expect(stored.record.ledger).toEqual(Uint8Array.of(5));
    });

    it("names all live rooms and no others, in batches of at most the size asked for", async () => {
      await commit(...["a", "b", "c", "d", "e"].map((room) => putRoom(room)));
      await commit(putRoom("b", ENDED), putRoom("w", { status: "waiting", run: 0 }), putRoom("d", live(START_AT)));
      const batches = await liveRooms(store, 3);
      expect(batches.flat().sort()).toEqual(["a", "c", "d", "e"]);
      expect(batches.map(({ length }) => length)).toEqual([3, 1]);
    });

    it("leaves out live rooms whose deadline is not before the given moment", async () => {
      await commit(
        putRoom("none"),
        putRoom("early", live(99)),
        putRoom("on time", live(100)),
        putRoom("late", live(500)),
      );
      expect((await liveRooms(store, 10, 100)).flat().sort()).toEqual(["early", "none"]);
    });

    it("lets rooms be written while the live ones are walked through", async () => {
      await commit(...["a", "b", "c", "d"].map((room) => putRoom(room)));
      const seen: string[] = [];
      for await (const records of store.liveRooms(Infinity, 1)) {
        for (const { room } of records) {
          seen.push(room);
          await commit(putRoom(room, live(START_AT)));
        }
      }
      expect(seen.sort()).toEqual(["a", "b", "c", "d"]);
    });

    it("names rooms whose deadline has come, the earliest first, at most so many", async () => {
      await commit(putRoom("late", live(300)), putRoom("early", live(100)), putRoom("middle", live(200)));
      await commit(putRoom("present"), putRoom("ended", ENDED));
      expect(await store.dueRooms(99, 10)).toEqual([]);
      expect(await store.dueRooms(200, 10)).toEqual(["early", "middle"]);
      expect(await store.dueRooms(1_000, 2)).toEqual(["early", "middle"]);
      expect(await store.earliestDeadline()).toBe(100);
    });

    it("forgets a deadline when the absence or the run is over", async () => {
      await commit(putRoom("a", live(100)), putRoom("b", live(200)), putRoom("c", live(300)));
      await commit(putRoom("a", live()), putRoom("b", ENDED));
      expect(await store.dueRooms(1_000, 10)).toEqual(["c"]);
      expect(await store.earliestDeadline()).toBe(300);
    });

    it("keeps the last value of a key", async () => {
      await commit({ type: "put-meta", key: "k", value: "1" }, { type: "put-meta", key: "other", value: "" });
      await commit({ type: "put-meta", key: "k", value: "2" });
      expect(await store.readMeta("k")).toBe("2");
      expect(await store.readMeta("other")).toBe("");
    });

    it.each<[string, Write]>([
      ["an update", append("nobody", 1)],
      ["a replacement", { type: "replace-content", room: "nobody", updates: [Uint8Array.of(1)] }],
      ["a guard", guard("nobody", 1)],
    ])("keeps nothing of a batch with %s for a room that has no record, and goes on", async (_, wrong) => {
      await commit(putRoom("a"));
      const batch = [append("a", 1), putRoom("b"), { type: "put-meta", key: "k", value: "v" } as const, wrong];
      await expect(commit(...batch)).rejects.toThrow(StoreError);
      expect((await store.readRoom("a"))!.content).toEqual([]);
      expect(await store.readRoom("b")).toBe(null);
      expect(await store.readMeta("k")).toBe(null);
      await commit(append("a", 2));
      expect((await store.readRoom("a"))!.content).toEqual([Uint8Array.of(2)]);
    });

    it("goes on as if a batch that failed had never been, whatever was in it", async () => {
      await commit(putRoom("a"), append("a", 1), append("a", 2), guard("a", 1), guard("a", 2));
      const batch = [
        putRoom("b"),
        append("b", 9),
        { type: "replace-content", room: "a", updates: [Uint8Array.of(9)] } as const,
        { type: "replace-guard", room: "a", record: Uint8Array.of(9) } as const,
        append("nobody", 1),
      ];
      await expect(commit(...batch)).rejects.toThrow(StoreError);
      await commit(putRoom("c"), append("c", 4), putRoom("b"), append("b", 5), append("a", 3), guard("a", 3));
      const [one, two, three] = [1, 2, 3].map((byte) => Uint8Array.of(byte));
      expect(await store.readRoom("a")).toMatchObject({
        record: record("a"),
        content: [one, two, three],
        guard: [one, two, three],
      });
      expect((await store.readRoom("b"))!.content).toEqual([Uint8Array.of(5)]);
      expect((await store.readRoom("c"))!.content).toEqual([Uint8Array.of(4)]);
    });

    it.each(["flushed", "written"] as const)(
      "has what was committed (%s) after it is opened again",
      async (durability) => {
        await store.commit([putRoom("a", live(500)), append("a", 1), guard("a", 2)], durability);
        await store.commit([append("a", 3), { type: "put-meta", key: "k", value: "v" }], durability);
        const again = await reopen();
        onTestFinished(() => again.close());
        expect(await again.readRoom("a")).toMatchObject({
          record: record("a", live(500)),
          content: [Uint8Array.of(1), Uint8Array.of(3)],
          guard: [Uint8Array.of(2)],
        });
        expect(await again.readMeta("k")).toBe("v");
        expect(await again.earliestDeadline()).toBe(500);
        expect(await liveRooms(again, 10)).toEqual([["a"]]);
        await again.commit([append("a", 4)], durability);
        expect((await again.readRoom("a"))!.content.at(-1)).toEqual(Uint8Array.of(4));
      },
    );

    it("may be closed twice", async () => {
      await store.close();
      await store.close();
    });
  });
};
