/** The journal alone: commits in order, in batches, and nothing told before or after a failure (docs/SPEC.md, W8). */
import { describe, expect, it } from "vitest";
import { manualClock } from "../../src/clock.ts";
import { Journal } from "../../sync-server/journal.ts";
import { StoreError } from "../../sync-server/store/store.ts";
import type { Write } from "../../sync-server/store/store.ts";
import { GatedStore } from "./gated-store.ts";

const meta = (key: string): Write => ({ type: "put-meta", key, value: "" });

const makeJournal = () => {
  const store = new GatedStore();
  const failures: Error[] = [];
  const bugs: unknown[] = [];
  const journal = new Journal(
    store,
    manualClock(),
    (error) => void failures.push(error),
    (error) => void bugs.push(error),
  );
  const keys = () =>
    store.commits.map(({ writes }) => writes.map((write) => (write.type === "put-meta" ? write.key : "")));
  return { store, journal, failures, bugs, keys };
};

/** Lets everything run that waits for no more than promises. */
const turn = async (): Promise<void> => {
  await new Promise((resolve) => setImmediate(resolve));
};

describe("the journal", () => {
  it("commits what came in one turn together, with fsync if any of it asks for it", async () => {
    const { journal, store, keys } = makeJournal();
    journal.write(meta("a"), "written");
    journal.write(meta("b"), "flushed");
    journal.write(meta("c"), "written");
    await journal.settled();
    journal.write(meta("d"), "written");
    await journal.settled();
    expect(keys()).toEqual([["a", "b", "c"], ["d"]]);
    expect(store.commits.map(({ durability }) => durability)).toEqual(["flushed", "written"]);
  });

  it("[W8] tells in order, each after the commit of what was written before it", async () => {
    const { journal, store, keys } = makeJournal();
    const told: string[] = [];
    journal.afterwards(() => told.push("at once"));
    expect(told).toEqual(["at once"]);
    store.hold();
    journal.write(meta("a"), "written");
    journal.afterwards(() => told.push("after a"));
    await turn();
    journal.write(meta("b"), "written");
    journal.afterwards(() => told.push("after b"));
    await turn();
    expect(told).toEqual(["at once"]);
    expect(keys()).toEqual([["a"]]);
    store.release();
    await journal.settled();
    expect(told).toEqual(["at once", "after a", "after b"]);
    expect(keys()).toEqual([["a"], ["b"]]);
  });

  it("[W8] what is told without a write of its own still waits for the commit that is under way", async () => {
    const { journal, store } = makeJournal();
    const told: string[] = [];
    store.hold();
    journal.write(meta("a"), "written");
    await turn();
    journal.afterwards(() => told.push("late"));
    await turn();
    expect(told).toEqual([]);
    store.release();
    await journal.settled();
    expect(told).toEqual(["late"]);
  });

  it("what is written while telling is committed too", async () => {
    const { journal, keys } = makeJournal();
    const told: string[] = [];
    journal.write(meta("a"), "written");
    journal.afterwards(() => {
      journal.write(meta("b"), "written");
      journal.afterwards(() => {
        told.push("after b");
        journal.write(meta("c"), "written");
      });
    });
    await journal.settled();
    await turn();
    expect(keys()).toEqual([["a"], ["b"], ["c"]]);
    expect(told).toEqual(["after b"]);
  });

  it("[W8] after a failure nothing is told and nothing kept, and whoever waits learns why", async () => {
    const { journal, store, failures, keys } = makeJournal();
    const told: string[] = [];
    store.fail("no space left on the device");
    journal.write(meta("a"), "flushed");
    journal.afterwards(() => told.push("after a"));
    const waiting = journal.settled();
    await expect(waiting).rejects.toThrow(StoreError);
    journal.write(meta("b"), "flushed");
    journal.afterwards(() => told.push("after b"));
    await expect(journal.settled()).rejects.toThrow("no space left on the device");
    await turn();
    expect(told).toEqual([]);
    expect(keys()).toEqual([["a"]]);
    expect(failures).toHaveLength(1);
    await journal.stop();
  });

  it("one who throws while being told harms nobody else", async () => {
    const { journal, bugs } = makeJournal();
    const told: string[] = [];
    journal.write(meta("a"), "written");
    journal.afterwards(() => {
      throw new Error("a bug");
    });
    journal.afterwards(() => told.push("the next"));
    await journal.settled();
    expect(told).toEqual(["the next"]);
    expect(bugs).toEqual([new Error("a bug")]);
  });

  it("stops once everything is kept; a later write is a bug and says so", async () => {
    const { journal, keys } = makeJournal();
    journal.write(meta("a"), "written");
    await journal.stop();
    expect(keys()).toEqual([["a"]]);
    expect(() => journal.write(meta("b"), "written")).toThrow("stopped");
  });
});
