/** The journal: callbacks run after the commit, in one order, and none after a failure. */
import { beforeEach, describe, expect, it } from "vitest";
import { manualClock } from "../../manual-clock.ts";
import { Journal } from "../../../sync-server/store/journal.ts";
import { StoreError } from "../../../sync-server/store/store.ts";
import type { Write } from "../../../sync-server/store/store.ts";
import { GatedStore } from "./gated-store.ts";

const meta = (key: string): Write => ({ type: "put-meta", key, value: key });

/** Lets everything run that needs no outside event. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

let store: GatedStore;
let journal: Journal;
/** What happened, in order: callbacks by their names, failures and bugs by their messages. */
let log: string[];

const after = (name: string): void => journal.afterCommit(() => log.push(name));
/** The keys of each commit, and how safe it was to be. */
const commits = (): string[] =>
  store.commits.map(
    ({ writes, durability }) =>
      `${durability}: ${writes.map((each) => (each.type === "put-meta" ? each.key : "")).join(" ")}`,
  );

beforeEach(() => {
  store = new GatedStore();
  log = [];
  journal = new Journal(
    store,
    manualClock(),
    (error) => log.push(`failure ${error.message}`),
    (error) => log.push(`bug ${(error as Error).message}`),
  );
});

describe("the journal", () => {
  it("[W8] calls back after the commit, not before", async () => {
    store.hold();
    journal.write(meta("a"), "written");
    after("a is kept");
    await turn();
    expect(commits()).toEqual(["written: a"]);
    expect(log).toEqual([]);
    store.release();
    await turn();
    expect(log).toEqual(["a is kept"]);
    expect(await store.readMeta("a")).toBe("a");
  });

  it("commits what one turn writes in one batch, in order, and then calls back in order", async () => {
    for (const key of ["a", "b", "c"]) {
      journal.write(meta(key), "written");
      after(key);
    }
    expect(commits()).toEqual([]);
    await turn();
    expect(commits()).toEqual(["written: a b c"]);
    expect(log).toEqual(["a", "b", "c"]);
  });

  it("[W8] flushes a batch if any write of it asks for that, and the next one only if it does", async () => {
    journal.write(meta("a"), "written");
    journal.write(meta("b"), "flushed");
    journal.write(meta("c"), "written");
    await turn();
    journal.write(meta("d"), "written");
    await turn();
    expect(commits()).toEqual(["flushed: a b c", "written: d"]);
  });

  it("runs at once what waits for nothing", async () => {
    after("first");
    expect(log).toEqual(["first"]);
    journal.write(meta("a"), "written");
    await turn();
    after("second");
    expect(log).toEqual(["first", "second"]);
  });

  it("gathers the next batch while a commit is under way, and has one commit at a time", async () => {
    store.hold();
    journal.write(meta("a"), "written");
    after("a");
    await turn();
    journal.write(meta("b"), "flushed");
    after("b");
    journal.write(meta("c"), "written");
    after("c");
    await turn();
    expect(commits()).toEqual(["written: a"]);
    store.release();
    await turn();
    expect(commits()).toEqual(["written: a", "flushed: b c"]);
    expect(log).toEqual(["a", "b", "c"]);
  });

  it("runs what came during a commit after what came before it, though nothing more is written", async () => {
    store.hold();
    journal.write(meta("a"), "written");
    after("1");
    await turn();
    after("2");
    expect(log).toEqual([]);
    store.release();
    await turn();
    expect(log).toEqual(["1", "2"]);
  });

  it("keeps the order when callbacks write and ask for more callbacks", async () => {
    journal.write(meta("a"), "written");
    journal.afterCommit(() => {
      log.push("1");
      after("3");
      journal.write(meta("b"), "written");
      journal.afterCommit(() => {
        log.push("4");
        after("5");
        after("6");
      });
    });
    after("2");
    await turn();
    expect(log).toEqual(["1", "2", "3", "4", "5", "6"]);
    expect(commits()).toEqual(["written: a", "written: b"]);
  });

  it("keeps the order when what waited for nothing but a commit asks for more", async () => {
    store.hold();
    journal.write(meta("a"), "written");
    await turn();
    journal.afterCommit(() => {
      log.push("1");
      after("3");
    });
    after("2");
    store.release();
    await turn();
    expect(log).toEqual(["1", "2", "3"]);
  });

  it("reports what a callback throws and runs the others", async () => {
    const fail = (name: string) => () => {
      throw new Error(name);
    };
    journal.afterCommit(fail("at once"));
    journal.write(meta("a"), "written");
    journal.afterCommit(fail("later"));
    after("called");
    await turn();
    journal.write(meta("b"), "written");
    after("called again");
    await turn();
    expect(log).toEqual(["bug at once", "bug later", "called", "called again"]);
  });
});

describe("a failed commit", () => {
  it("[W8] is reported once, and no callback or write that depended on it or came later is carried out", async () => {
    store.hold();
    journal.write(meta("a"), "written");
    after("a");
    await turn();
    journal.write(meta("b"), "written");
    after("b");
    store.fail("no space");
    store.release();
    await turn();
    journal.write(meta("c"), "written");
    after("c");
    await turn();
    expect(log).toEqual(["failure no space"]);
    expect(commits()).toEqual(["written: a"]);
  });

  it("calls back for what was committed before it", async () => {
    journal.write(meta("a"), "written");
    after("a");
    await turn();
    store.fail("no space");
    journal.write(meta("b"), "written");
    after("b");
    await turn();
    expect(log).toEqual(["a", "failure no space"]);
  });

  it("is a StoreError, whatever the store threw", async () => {
    let failure: unknown;
    const broken = { commit: () => Promise.reject(new TypeError("odd")) };
    const other = new Journal(
      broken,
      manualClock(),
      (error) => (failure = error),
      () => {},
    );
    other.write(meta("a"), "written");
    await turn();
    expect(failure).toBeInstanceOf(StoreError);
    expect((failure as StoreError).cause).toBeInstanceOf(TypeError);
  });

  it("rejects those who wait for it, and those who come later", async () => {
    store.fail("no space");
    journal.write(meta("a"), "written");
    await expect(journal.settled()).rejects.toThrow("no space");
    await expect(journal.settled()).rejects.toThrow("no space");
    await journal.stop();
  });
});

describe("settled and stop", () => {
  it("settled waits for the commit and for the callbacks before it", async () => {
    await journal.settled();
    store.hold();
    journal.write(meta("a"), "written");
    after("a");
    const settled = journal.settled().then(() => log.push("settled"));
    after("later");
    await turn();
    expect(log).toEqual([]);
    store.release();
    await settled;
    expect(log).toEqual(["a", "later", "settled"]);
  });

  it("stop commits what is queued and what comes of it, then refuses", async () => {
    journal.write(meta("a"), "written");
    journal.afterCommit(() => {
      journal.write(meta("b"), "written");
      after("b");
    });
    await journal.stop();
    expect(commits()).toEqual(["written: a", "written: b"]);
    expect(log).toEqual(["b"]);
    expect(() => journal.write(meta("c"), "written")).toThrow("the journal was stopped");
  });

  it("stop ends in spite of a failure, which onFailure has reported", async () => {
    store.fail("no space");
    journal.write(meta("a"), "written");
    await journal.stop();
    expect(log).toEqual(["failure no space"]);
  });
});
