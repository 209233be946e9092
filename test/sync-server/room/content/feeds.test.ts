/** Content in pieces, to sockets that read at their own pace, from a store of structs. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError, MessageType, SyncStep } from "../../../../src/protocol/protocol.ts";
import { Answers } from "../../../../sync-server/room/content/answers.ts";
import { Feeds } from "../../../../sync-server/room/content/feeds.ts";
import type { UseContent } from "../../../../sync-server/room/content/answers.ts";
import type { Connection, PeerSocket } from "../../../../sync-server/room/connection/connection.ts";
import { updateFrame } from "../../../../sync-server/room/connection/messages.ts";
import { Outbox } from "../../../../sync-server/room/connection/outbox.ts";
import { StructStore } from "../../../../sync-server/struct-store/struct-store.ts";
import type { Batch } from "../../../../sync-server/websocket/frame.ts";
import { manualClock } from "../../../manual-clock.ts";

const KIB = 1024;
const SLOW_BYTES = 1024 * KIB;
const WINDOW_BYTES = 256 * KIB;
const NEWCOMER = Uint8Array.of(0);

/** A client whose socket takes nothing until `read` is called. */
class SlowClient implements PeerSocket {
  readonly doc = new Y.Doc();
  readonly steps: number[] = [];
  readonly sizes: number[] = [];
  readonly others: number[] = [];
  unreadBytes = 0;
  most = 0;
  isFast = false;
  #unread: Batch[] = [];
  #whenRead: { bytes: number; callback: () => void }[] = [];

  send(batch: Batch): boolean {
    this.#unread.push(batch);
    for (const { payload } of batch.frames) this.unreadBytes += payload.byteLength;
    this.most = Math.max(this.most, this.unreadBytes);
    if (this.isFast) queueMicrotask(() => this.read());
    return this.unreadBytes <= SLOW_BYTES;
  }

  whenRead(bytes: number, callback: () => void): void {
    if (this.unreadBytes <= bytes) callback();
    else this.#whenRead.push({ bytes, callback });
  }

  read(): void {
    const batches = this.#unread;
    this.#unread = [];
    this.unreadBytes = 0;
    for (const batch of batches) for (const { payload } of batch.frames) this.#receive(payload);
    for (const { callback } of this.#whenRead.splice(0)) callback();
  }

  #receive(message: Uint8Array): void {
    const decoder = decoding.createDecoder(message);
    const type = decoding.readVarUint(decoder);
    if (type !== MessageType.sync) return void this.others.push(type);
    this.steps.push(decoding.readVarUint(decoder));
    const update = decoding.readVarUint8Array(decoder);
    this.sizes.push(update.byteLength);
    Y.applyUpdate(this.doc, update);
    expect(this.doc.store.pendingStructs).toBeNull();
    expect(this.doc.store.pendingDs).toBeNull();
  }

  probe(): void {}
  pause(): () => void {
    return () => {};
  }
  close(): void {}
}

/** A room's content and its connections. What is stored is committed in the next microtask. */
const setUp = () => {
  const clock = manualClock();
  const store = new StructStore();
  const connections = new Set<Connection>();
  const after: (() => void)[] = [];
  const journal = {
    write: () => {},
    beforeCommit: (run: () => void) => queueMicrotask(run),
    afterCommit: (run: () => void) => {
      after.push(run);
      queueMicrotask(() => after.shift()!());
    },
  };
  const outbox = new Outbox({ clock, journal }, connections);
  const adding = { isNow: false };
  const opened = { count: 0, open: 0, bytes: 0 };
  const use: UseContent = (act) =>
    act({
      get bytes() {
        return store.bytes;
      },
      stateVector: () => new Map(store.stateVector()),
      clockOf: (client) => store.clockOf(client),
      answer: (held, knowsDeletes) => {
        const answer = store.answer(held, knowsDeletes);
        opened.count++;
        opened.open++;
        let isOpen = true;
        const close = (): void => {
          if (isOpen) opened.open--;
          isOpen = false;
        };
        return {
          next: () => {
            const piece = answer.next();
            if (piece === null) close();
            else opened.bytes += piece.byteLength;
            return piece;
          },
          close: () => {
            answer.close();
            close();
          },
        };
      },
    });
  const answers = new Answers(use, () => adding.isNow);
  const caughtUp: Connection[] = [];
  const feeds = new Feeds({
    clock,
    outbox,
    answers,
    windowBytes: WINDOW_BYTES,
    isAdding: () => adding.isNow,
    onCaughtUp: (connection) => void caughtUp.push(connection),
  });
  outbox.onSlow = (connection) => feeds.slowDown(connection);
  const author = new Y.Doc();
  const writer = {} as Connection;
  author.on("update", (update: Uint8Array) => {
    store.add(outbox.forward(update, writer));
    answers.contentChanged();
  });
  const connect = () => {
    const socket = new SlowClient();
    const connection = { socket, membership: { isAttached: true } } as unknown as Connection;
    connections.add(connection);
    outbox.connectionsChanged();
    outbox.subscribe(connection, true);
    return { socket, connection };
  };
  const fill = (parts: number, bytes: number): void => {
    for (let i = 0; i < parts; i++) author.getArray("parts").push([new Uint8Array(bytes).fill(i)]);
  };
  return { clock, store, outbox, feeds, answers, author, connect, fill, opened, adding, caughtUp };
};

/** Everything that is planned happens. */
const settle = async (): Promise<void> => {
  for (let i = 0; i < 40; i++) await Promise.resolve();
};
const readAll = async (socket: SlowClient, until: () => boolean): Promise<void> => {
  for (let i = 0; i < 2_000 && !until(); i++) {
    socket.read();
    await settle();
  }
  expect(until()).toBe(true);
};
const isSame = (a: Y.Doc, b: Y.Doc): boolean =>
  Buffer.compare(Y.encodeStateAsUpdate(a), Y.encodeStateAsUpdate(b)) === 0;

describe("an answer to a SyncStep1", () => {
  it("[W19] is one SyncStep2 if it is small, and then updates come as they are", async () => {
    const { connect, author, feeds, fill } = setUp();
    fill(2, 10);
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    author.getText("text").insert(0, "later");
    await settle();
    socket.read();
    expect(socket.steps).toEqual([SyncStep.step2, SyncStep.update]);
    expect(isSame(socket.doc, author)).toBe(true);
  });

  it("[W19] is empty if nothing is lacking", async () => {
    const { connect, feeds, author } = setUp();
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    await settle();
    socket.read();
    expect(socket.steps).toEqual([SyncStep.step2]);
    author.getText("text").insert(0, "x");
    await settle();
    socket.read();
    feeds.answer(connection, Y.encodeStateVector(socket.doc));
    await settle();
    socket.read();
    expect(socket.steps).toEqual([SyncStep.step2, SyncStep.update, SyncStep.step2]);
  });

  it("[W19] comes in pieces, each when the last was read, and the SyncStep2 last", async () => {
    const { connect, feeds, fill, author, opened } = setUp();
    fill(60, 100 * KIB);
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    await settle();
    const before = socket.most;
    expect(before).toBeLessThan(WINDOW_BYTES * 2.1);
    await settle();
    expect(socket.most).toBe(before);
    await readAll(socket, () => socket.steps.includes(SyncStep.step2));
    expect(socket.most).toBeLessThan(WINDOW_BYTES * 2.1);
    expect(Math.max(...socket.sizes)).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(socket.steps.filter((step) => step === SyncStep.step2)).toHaveLength(1);
    expect(socket.steps.at(-1)).toBe(SyncStep.step2);
    expect(isSame(socket.doc, author)).toBe(true);
    expect(opened.open).toBe(0);
  });

  it("[W19] holds what is written and deleted meanwhile, in order, each once", async () => {
    const { connect, feeds, fill, author, caughtUp } = setUp();
    fill(20, 100 * KIB);
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    for (let i = 0; !socket.steps.includes(SyncStep.step2); i++) {
      author.getText("text").insert(0, `${i} `);
      if (i < 10) author.getArray("parts").delete(0);
      await settle();
      socket.read();
    }
    author.getText("text").insert(0, "and on ");
    await settle();
    socket.read();
    expect(isSame(socket.doc, author)).toBe(true);
    expect(caughtUp).toEqual([connection]);
  });

  it("[W19] a second SyncStep1 begins anew, and what was begun is closed", async () => {
    const { connect, feeds, fill, author, opened } = setUp();
    fill(20, 100 * KIB);
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    await settle();
    socket.read();
    await settle();
    feeds.answer(connection, Uint8Array.of(1, 5, 0));
    await readAll(socket, () => socket.steps.includes(SyncStep.step2));
    expect(isSame(socket.doc, author)).toBe(true);
    expect(opened.open).toBe(0);
    feeds.answer(connection, NEWCOMER);
    feeds.stop(connection);
    expect(opened.open).toBe(0);
    author.getText("text").insert(0, "as it comes");
    await settle();
    await readAll(socket, () => isSame(socket.doc, author));
  });

  it("[W19] waits for what is being added in slices, since it may be forwarded already", async () => {
    const { connect, feeds, store, outbox, answers, author, adding, fill } = setUp();
    fill(1, 10);
    const update: Uint8Array[] = [];
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(author));
    copy.on("update", (bytes: Uint8Array) => void update.push(bytes));
    copy.getText("text").insert(0, "forwarded before it is added");
    outbox.forward(update[0]!, {} as Connection);
    answers.contentChanged();
    adding.isNow = true;
    const { socket, connection } = connect();
    feeds.answer(connection, NEWCOMER);
    for (let i = 0; i < 5; i++) {
      await settle();
      socket.read();
    }
    expect(socket.steps).not.toContain(SyncStep.step2);
    store.add(update[0]!);
    adding.isNow = false;
    await readAll(socket, () => socket.steps.includes(SyncStep.step2));
    expect(isSame(socket.doc, copy)).toBe(true);
  });
});

describe("a state vector", () => {
  const answered = async (stateVector: Uint8Array): Promise<{ socket: SlowClient; author: Y.Doc }> => {
    const { connect, feeds, author, fill } = setUp();
    fill(2, 10);
    const { socket, connection } = connect();
    feeds.answer(connection, stateVector);
    await settle();
    socket.read();
    return { socket, author };
  };

  it("[W19] that names more clients than any document has is answered with everything", async () => {
    const huge = encoding.encode((encoder) => {
      encoding.writeVarUint(encoder, 200_000);
      for (let i = 0; i < 200_000; i++) for (const number of [2 ** 40 + i, 1]) encoding.writeVarUint(encoder, number);
    });
    const { socket, author } = await answered(huge);
    expect(isSame(socket.doc, author)).toBe(true);
  });

  it("[G6] that cannot be read is malformed", async () => {
    await expect(answered(Uint8Array.of(2, 1))).rejects.toThrow(MalformedError);
  });
});

describe("those who ask at once for the same", () => {
  it("[W19] share the pieces, also with what was written since", async () => {
    const { connect, feeds, fill, author, opened, store } = setUp();
    fill(30, 50 * KIB);
    const sockets: SlowClient[] = [];
    for (let i = 0; i < 20; i++) {
      const { socket, connection } = connect();
      socket.isFast = true;
      sockets.push(socket);
      feeds.answer(connection, NEWCOMER);
      author.getText("text").insert(0, `${i} `);
      await settle();
    }
    for (const socket of sockets) await readAll(socket, () => isSame(socket.doc, author));
    // The first one alone, then all others.
    expect(opened.bytes).toBeLessThan(2.5 * store.bytes);
  });

  it("[W19] begin anew when the shared pieces were released before they had read them", async () => {
    const { connect, feeds, fill, author, answers, opened } = setUp();
    fill(30, 50 * KIB);
    const clients = Array.from({ length: 3 }, connect);
    for (const { connection } of clients) feeds.answer(connection, NEWCOMER);
    await settle();
    for (const { socket } of clients) socket.read();
    for (let i = 0; i < 3; i++) answers.evict();
    author.getText("text").insert(0, "later");
    for (const { socket } of clients) {
      await readAll(socket, () => socket.steps.includes(SyncStep.step2));
      expect(isSame(socket.doc, author)).toBe(true);
    }
    expect(opened.open).toBe(0);
  });
});

describe("a connection that reads too slowly", () => {
  it("[W19] is sent no more than a bounded number of bytes, and all of the content once it reads", async () => {
    const { connect, fill, author, caughtUp, opened } = setUp();
    const { socket, connection } = connect();
    const { socket: other } = connect();
    other.isFast = true;
    for (let i = 0; i < 100; i++) {
      fill(1, 50 * KIB);
      if (i % 3 === 2) author.getArray("parts").delete(0, 2);
      await settle();
    }
    expect(isSame(other.doc, author)).toBe(true);
    expect(socket.most).toBeLessThan(SLOW_BYTES + 64 * KIB);
    await readAll(socket, () => caughtUp.includes(connection));
    await settle();
    socket.read();
    expect(isSame(socket.doc, author)).toBe(true);
    expect(socket.steps).not.toContain(SyncStep.step2);
    expect(opened.open).toBe(0);
    author.getText("text").insert(0, "as it comes");
    await settle();
    socket.read();
    expect(isSame(socket.doc, author)).toBe(true);
  });

  it("[W19] is sent the session all the same", async () => {
    const { connect, fill, outbox, caughtUp } = setUp();
    const { socket, connection } = connect();
    for (let i = 0; i < 40; i++) {
      fill(1, 50 * KIB);
      await settle();
    }
    expect(outbox.behind.has(connection)).toBe(true);
    const before = socket.unreadBytes;
    outbox.sendToAll(updateFrame(Uint8Array.of(0, 0)));
    await settle();
    expect(socket.unreadBytes).toBeGreaterThan(before);
    expect(caughtUp).toEqual([]);
  });
});
