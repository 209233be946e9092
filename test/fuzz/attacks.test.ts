/**
 * Attacks by one participant of one room, each once enough to end or freeze the relay, or to break the documents of
 * others. Each test has a relay process of its own, and an innocent pair in another room.
 * `it.skip` marks what the relay does not hold yet.
 */
import { once } from "node:events";
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { describe, expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { Room } from "../../src/index.ts";
import {
  MessageType,
  SyncStep,
  writeAwareness,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import type { Role } from "../../src/session/session.ts";
import { FuzzedRelay } from "./fuzzed-relay.ts";
import {
  after,
  awarenessState,
  blob,
  concurrentInserts,
  deepJson,
  deleteOf,
  inParent,
  itemOf,
  keystroke,
  nestedTypes,
  Ref,
  scatteredDeletes,
  subdocument,
  TypeRef,
  updateOf,
  valueInEach,
} from "./hostile-updates.ts";
import { Innocents } from "./innocents.ts";
import { checkLoading } from "./round-trip.ts";
import { Statistics } from "./statistics.ts";
import { until } from "../sync-server/harness.ts";

const ROOM = "attacked";
const MB = 1024 * 1024;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);
const LATER_MS = 300;

/** A stock client that applies what it receives to a document, as a page does. */
class Client {
  readonly socket: WebSocket;
  readonly doc = new Y.Doc();
  closeCode: number | null = null;
  /** The first exception of Yjs. */
  thrown: unknown = null;
  syncSteps2 = 0;

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on("error", () => {});
    socket.on("close", (code) => {
      this.closeCode = code;
    });
    socket.on("message", (data: Buffer) => this.#receive(new Uint8Array(data)));
  }

  send(...frames: readonly Uint8Array[]): void {
    for (const frame of frames) this.socket.send(frame);
  }

  #receive(frame: Uint8Array): void {
    const decoder = decoding.createDecoder(frame);
    if (decoding.readVarUint(decoder) !== MessageType.sync) return;
    const step = decoding.readVarUint(decoder);
    if (step === SyncStep.step1) return;
    try {
      Y.applyUpdate(this.doc, decoding.readVarUint8Array(decoder));
    } catch (error) {
      this.thrown ??= error;
    }
    if (step === SyncStep.step2) this.syncSteps2++;
  }
}

/** A relay with a live room, its host, an attacker, and the pair in another room. */
class Attacked {
  relay: FuzzedRelay;
  readonly statistics = new Statistics();
  host!: Client;
  attacker!: Client;
  #innocents: Innocents | null = null;

  private constructor(relay: FuzzedRelay) {
    this.relay = relay;
  }

  static async open(): Promise<Attacked> {
    const attacked = new Attacked(await FuzzedRelay.start());
    onTestFinished(async () => {
      attacked.#innocents?.stop();
      await attacked.relay.stop();
    });
    await attacked.relay.makeRoom(ROOM);
    attacked.host = await attacked.enter("host", "host");
    attacked.host.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the host is in", () => attacked.host.syncSteps2 > 0);
    attacked.attacker = await attacked.enter("mallory");
    attacked.#innocents = await Innocents.start(attacked.relay, attacked.statistics);
    return attacked;
  }

  get url(): string {
    return this.relay.url.replace("http", "ws");
  }

  token(sub: string, role: Role = "participant"): Promise<string> {
    return this.relay.token({ room: ROOM, role, sub, name: sub });
  }

  async enter(sub: string, role: Role = "participant"): Promise<Client> {
    const socket = new WebSocket(`${this.url}/${ROOM}?token=${await this.token(sub, role)}`);
    await once(socket, "open");
    onTestFinished(() => socket.terminate());
    return new Client(socket);
  }

  /** The relay answers and has logged no error, the pair was not disturbed, and somebody new gets the room's content. */
  async expectUnharmed(): Promise<void> {
    const { relay, statistics } = this;
    expect(await checkLoading(this.url, ROOM, await this.token("newcomer"))).toBeNull();
    await sleep(LATER_MS);
    expect([...statistics.violations]).toEqual([]);
    expect(relay.exit).toBeNull();
    expect(relay.errorLines).toEqual([]);
  }

  /** How much the relay's memory grew at most, in bytes. */
  async growthDuring(run: () => Promise<void>): Promise<number> {
    const { endBytes } = this.relay.memory();
    let peakBytes = 0;
    const watch = setInterval(() => (peakBytes = Math.max(peakBytes, this.relay.memory().endBytes)), 20);
    await run();
    clearInterval(watch);
    return peakBytes - endBytes;
  }
}

describe("one participant", { timeout: 60_000 }, () => {
  // Not held yet: guids that are no strings are accepted.
  it("[G6] cannot make the room unreadable by a subdocument whose guid is a number", async () => {
    const attacked = await Attacked.open();
    attacked.attacker.send(writeUpdate(subdocument([77, 0], inParent("map", "key"), 7)));
    await until("the attacker is closed", () => attacked.attacker.closeCode === 4_400);
    await attacked.expectUnharmed();
  });

  // Not held yet: JSON is accepted at any depth, and Yjs cannot write this one.
  it("[G6] cannot do so by a format whose JSON is nested 7,000 deep", async () => {
    const attacked = await Attacked.open();
    const format = itemOf([77, 0], Ref.format, inParent("text"), (encoder) => {
      encoding.writeVarString(encoder, "bold");
      encoding.writeVarString(encoder, deepJson(7_000, '{"a":'));
    });
    attacked.attacker.send(writeUpdate(updateOf([format])));
    await sleep(LATER_MS);
    await attacked.expectUnharmed();
  });

  // Not held yet: the relay integrates content with Yjs, which compares all with all.
  it("[W13] cannot freeze other rooms by 60,000 clients that insert at one place of a text", async () => {
    const attacked = await Attacked.open();
    attacked.attacker.send(writeUpdate(concurrentInserts(3_000_000, 60_000, inParent("text"))));
    await sleep(LATER_MS);
    // The answer is not applied: it is a page's own integration that is quadratic.
    const reader = new WebSocket(`${attacked.url}/${ROOM}?token=${await attacked.token("reader")}`);
    await once(reader, "open");
    let bytes = 0;
    reader.on("message", (data: Buffer) => (bytes += data.byteLength));
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the answer has arrived", () => bytes > 500_000);
    reader.terminate();
    await sleep(LATER_MS);
    expect([...attacked.statistics.violations]).toEqual([]);
  });

  // Not held yet: each new struct has all waiting deletes examined again.
  it("[G5] cannot freeze other rooms by keystrokes while 200,000 deletes wait", async () => {
    const attacked = await Attacked.open();
    const deletes = [88, 89].map((client) => writeUpdate(scatteredDeletes(client, 5_000, 100_000)));
    attacked.attacker.send(...deletes);
    await sleep(1_000);
    attacked.attacker.send(...Array.from({ length: 2_000 }, (_, clock) => writeUpdate(keystroke(99, clock))));
    await until("the keystrokes have arrived", () => attacked.host.doc.getText("text").length === 2_000);
    await attacked.expectUnharmed();
  });

  it("[W13] cannot keep others out by sockets that never send a token", async () => {
    const attacked = await Attacked.open();
    const sockets: Socket[] = [];
    for (let i = 0; i < 2_100; i++) {
      const socket = connect(attacked.relay.port, "127.0.0.1", () => socket.write("GET /readyz HTTP/1.1\r\nHost"));
      socket.on("error", () => {});
      sockets.push(socket);
      // Slower than the limit of new connections a second.
      if (i % 40 === 39) await sleep(100);
    }
    onTestFinished(() => sockets.forEach((socket) => socket.destroy()));
    await sleep(1_000);
    expect((await fetch(`${attacked.relay.url}/readyz`)).status).toBe(200);
    await attacked.expectUnharmed();
  });

  // Not held yet: an exception in `admit` leaves the guard ahead of the content.
  it("[G5] cannot make the guard count as held what nobody got", async () => {
    const attacked = await Attacked.open();
    const text = (value: string) => (encoder: encoding.Encoder) => encoding.writeVarString(encoder, value);
    const ranges = Array.from({ length: 110_000 }, (_, i) => [16_384 + i * 2, 1] as const);
    const bomb = updateOf(
      [itemOf([4_242, 0], Ref.text, inParent("text"), text("a"))],
      [88, 89].map((client) => ({ client, ranges })),
    );
    attacked.attacker.send(writeUpdate(bomb));
    await sleep(1_000);
    const again = await attacked.enter("mallory");
    again.send(writeUpdate(updateOf([itemOf([4_242, 1], Ref.text, after([4_242, 0]), text("b"))])));
    await sleep(LATER_MS);
    expect(attacked.host.doc.store.pendingStructs).toBeNull();
    await attacked.expectUnharmed();
  });

  // Not held yet: each reader's answer is in memory as a whole.
  it("[W13] cannot take the relay's memory by 20 readers of a large room that stop reading", async () => {
    const attacked = await Attacked.open();
    const megabytes = 12;
    for (let i = 0; i < megabytes / 4; i++) {
      attacked.attacker.send(writeUpdate(blob(5_000 + i, 4 * MB - 2_000)));
      await sleep(1_100);
    }
    const growth = await attacked.growthDuring(async () => {
      for (let i = 0; i < 20; i++) {
        const reader = await attacked.enter(`reader-${i}`);
        reader.socket.pause();
        reader.send(writeSyncStep1(Uint8Array.of(1, i, 1)));
      }
      await sleep(1_500);
    });
    // A part of what would be copied for each; what the system's sockets hold is not the process's.
    expect(growth).toBeLessThan(0.5 * 20 * megabytes * MB);
    expect([...attacked.statistics.violations]).toEqual([]);
  });

  // Not held yet: each answer to queryAwareness is encoded for itself.
  it("[W13] cannot multiply large awareness states by asking for them", async () => {
    const attacked = await Attacked.open();
    const clients: Client[] = [];
    for (let i = 0; i < 100; i++) {
      const client = await attacked.enter(`mallory-${i}`);
      const state = JSON.stringify({ user: { name: "m" }, big: "y".repeat(15_000) });
      client.send(writeAwareness(awarenessState(7_000_000 + i, 1, state)));
      clients.push(client);
    }
    await sleep(1_000);
    const growth = await attacked.growthDuring(async () => {
      for (const { socket } of clients) socket.pause();
      for (const client of clients) for (let i = 0; i < 4; i++) client.send(Uint8Array.of(MessageType.queryAwareness));
      await sleep(1_500);
    });
    // Four answers to each of 100 clients with all states would be 600 MB.
    expect(growth).toBeLessThan(80 * MB);
    expect([...attacked.statistics.violations]).toEqual([]);
  });

  // Not held yet: types are accepted at any depth, and Yjs recurses into them.
  it("[G6] cannot close the room to others by deleting 6,000 nested arrays", async () => {
    const attacked = await Attacked.open();
    attacked.attacker.send(writeUpdate(nestedTypes(77, 6_000, inParent("array"), TypeRef.array)));
    await sleep(LATER_MS);
    attacked.attacker.send(writeUpdate(deleteOf(77, 0)));
    await sleep(LATER_MS);
    expect(attacked.host.thrown).toBeNull();
    await attacked.expectUnharmed();
  });

  // Not held yet: types are accepted at any depth, and Yjs makes an event for each at each.
  it("[W13] cannot exhaust the memory by a text in each of 10,000 nested fragments", async () => {
    const attacked = await Attacked.open();
    const { attacker } = attacked;
    attacker.send(writeUpdate(nestedTypes(77, 10_000, inParent("xml"), TypeRef.xmlFragment)));
    attacker.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await sleep(LATER_MS);
    const growth = await attacked.growthDuring(async () => {
      attacker.send(writeUpdate(valueInEach(78, 77, 10_000, null)), writeSyncStep1(Uint8Array.of(1, 1, 1)));
      await sleep(1_500);
    });
    expect(growth).toBeLessThan(150 * MB);
    await attacked.expectUnharmed();
  });

  // Not held yet: each kill of the process opens a recovery in every room.
  it("[G9] cannot write in the name of an absent person after the relay was killed", async () => {
    const attacked = await Attacked.open();
    const mapValue = (id: readonly [number, number], key: string): Uint8Array =>
      updateOf([
        itemOf(id, Ref.any, inParent("map", key), (encoder) => {
          encoding.writeVarUint(encoder, 1);
          encoding.writeAny(encoder, "signed");
        }),
      ]);
    const ann = await attacked.enter("ann");
    ann.send(writeUpdate(mapValue([555, 0], "agreed")));
    await until("ann's value has arrived", () => attacked.host.doc.getMap("map").get("agreed") === "signed");
    ann.socket.close();
    await once(ann.socket, "close");
    attacked.relay = await FuzzedRelay.start(await attacked.relay.kill());
    const mallory = await attacked.enter("mallory");
    mallory.send(writeSyncStep2(mapValue([555, 1], "forged")));
    await sleep(LATER_MS);
    const reader = await attacked.enter("reader");
    reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await until("the reader has the content", () => reader.doc.getMap("map").has("agreed"));
    expect(reader.doc.getMap("map").toJSON()).toEqual({ agreed: "signed" });
  });

  // Not held yet: types are accepted at any depth, and an exception in the page's Yjs ends its events.
  it("[W9] cannot hide the end of the session from pages by nested types that are deleted", async () => {
    const attacked = await Attacked.open();
    const page = new Room({ relay: attacked.relay.url, room: ROOM, token: await attacked.token("ann") });
    onTestFinished(() => page.destroy());
    page.join();
    await page.ready;
    attacked.attacker.send(writeUpdate(nestedTypes(77, 6_000, inParent("xml"), TypeRef.xmlFragment)));
    await sleep(LATER_MS);
    attacked.attacker.send(writeUpdate(deleteOf(77, 0)));
    await sleep(LATER_MS);
    await attacked.relay.endRun(ROOM);
    await until("the page shows the end", () => page.state.screen.name === "ended");
  });
});
