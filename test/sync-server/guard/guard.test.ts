/**
 * The guard alone, against real Yjs documents: honest clients in step with the relay, attackers who
 * send whatever they like. After every step all honest clients read the relay's session.
 */
import fc from "fast-check";
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { readSession, WAITING } from "../../../src/session/session.ts";
import type { Session } from "../../../src/session/session.ts";
import { MalformedError } from "../../../src/protocol/protocol.ts";
import { Content } from "../../../sync-server/room/content/content.ts";
import { Guard } from "../../../sync-server/guard/guard.ts";
import { MAX_TYPE_DEPTH } from "../../../sync-server/guard/plan.ts";
import { finish } from "../../../sync-server/update/slice.ts";
import { Ledger } from "../../../sync-server/room/session/ledger.ts";
import { anyEdit, applyEdit, docWithId } from "./arbitrary-edits.ts";
import { readContent } from "../read-content.ts";

const LEDGER_ID = 2 ** 41;
const LIVE: Session = { status: "live", run: 1, startedAt: 5 };
const ENDED: Session = { ...LIVE, status: "ended", ended: { at: 9, reason: "host-ended", by: null } };

/** A room reduced to what the guard needs: ledger, content, and everyone who listens. */
class World {
  ledger = Ledger.create(WAITING, LEDGER_ID);
  content = new Content([]);
  guard = new Guard(new Map(), [], (client) => client === this.ledger.id);
  readonly guardRecords: Uint8Array[] = [];
  readonly honest: Y.Doc[] = [];

  constructor(honestCount = 2) {
    for (let i = 0; i < honestCount; i++) this.join(docWithId(100 + i));
    this.setSession(LIVE);
  }

  makeGuard(held: Map<number, number>, records: readonly Uint8Array[] = []): Guard {
    return new Guard(held, records, (client) => client === this.ledger.id);
  }

  join(doc: Y.Doc): Y.Doc {
    Y.applyUpdate(doc, this.ledger.encode(), "relay");
    for (const update of readContent(this.content, doc)) Y.applyUpdate(doc, update, "relay");
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin !== "relay") this.send(update, doc);
    });
    this.honest.push(doc);
    return doc;
  }

  setSession(session: Session): void {
    const update = this.ledger.write(session);
    for (const doc of this.honest) Y.applyUpdate(doc, update, "relay");
  }

  /** What the room does with an update; returns whether it was complete. */
  send(update: Uint8Array, from?: Y.Doc): boolean {
    const { accepted, waitingStructs, waitingDeletes } = this.guard.admit(update, { content: this.content });
    const changes = this.guard.takeChanges();
    if (changes !== null) this.guardRecords.push(changes);
    if (accepted !== null) {
      this.content.add(accepted);
      for (const doc of this.honest) if (doc !== from) Y.applyUpdate(doc, accepted, "relay");
    }
    return waitingStructs.length === 0 && waitingDeletes.length === 0;
  }

  /** A new relay process on the same store. */
  restart(): void {
    this.content = new Content(readContent(this.content));
    this.guard = new Guard(this.content.stateVector(), this.guardRecords, (client) => client === this.ledger.id);
    this.ledger = Ledger.load(this.ledger.id, this.ledger.encode());
  }

  /** All that anybody may see: the ledger and the content in one document. */
  snapshot(): Y.Doc {
    const doc = new Y.Doc();
    doc.getMap("session");
    Y.applyUpdate(doc, this.ledger.encode());
    for (const update of readContent(this.content)) Y.applyUpdate(doc, update);
    return doc;
  }

  check(): void {
    const expected = this.ledger.read();
    for (const doc of [...this.honest, this.snapshot()]) {
      expect(readSession(doc)).toEqual(expected);
      expect([...doc.getMap("session").keys()].sort()).toEqual(
        expected.status === "waiting" ? ["ended", "run"] : ["ended", "run", "startedAt"],
      );
      // Nothing waits in anybody's document for somebody's next edit.
      expect(doc.store.pendingStructs).toBeNull();
      expect(doc.store.pendingDs).toBeNull();
    }
  }

  /** A copy of what everybody can see, under an attacker's hand. */
  attacker(clientId = 666): Y.Doc {
    const doc = this.snapshot();
    doc.clientID = clientId;
    return doc;
  }
}

/** What a document did as one update. */
const diff = (doc: Y.Doc, act: (doc: Y.Doc) => void): Uint8Array => {
  const before = Y.encodeStateVector(doc);
  const updates: Uint8Array[] = [];
  const collect = (update: Uint8Array): void => void updates.push(update);
  doc.on("update", collect);
  doc.transact(() => act(doc));
  doc.off("update", collect);
  return updates[0] ?? Y.encodeStateAsUpdate(doc, before);
};

type RawStruct = {
  origin?: [number, number];
  right?: [number, number];
  parent?: string | [number, number];
  sub?: string;
};

/** An update made by hand: one string item, then deletes. */
const forge = (
  client: number,
  clock: number,
  { origin, right, parent, sub }: RawStruct,
  deletes: [number, number, number][] = [],
): Uint8Array => {
  const encoder = encoding.createEncoder();
  const id = ([idClient, idClock]: [number, number]): void => {
    encoding.writeVarUint(encoder, idClient);
    encoding.writeVarUint(encoder, idClock);
  };
  for (const number of [1, 1, client, clock]) encoding.writeVarUint(encoder, number);
  encoding.writeUint8(encoder, 8 | (origin ? 0x80 : 0) | (right ? 0x40 : 0) | (sub === undefined ? 0 : 0x20));
  if (origin) id(origin);
  if (right) id(right);
  if (!origin && !right) {
    encoding.writeVarUint(encoder, typeof parent === "string" ? 1 : 0);
    if (typeof parent === "string") encoding.writeVarString(encoder, parent);
    else id(parent!);
    if (sub !== undefined) encoding.writeVarString(encoder, sub);
  }
  encoding.writeVarUint(encoder, 1);
  encoding.writeAny(encoder, "forged");
  encoding.writeVarUint(encoder, deletes.length);
  for (const [deleted, at, length] of deletes) {
    for (const number of [deleted, 1, at, length]) encoding.writeVarUint(encoder, number);
  }
  return encoding.toUint8Array(encoder);
};

const ATTACKS: Record<string, (world: World) => Uint8Array> = {
  "overwrites a key": (world) => diff(world.attacker(), (doc) => doc.getMap("session").set("ended", null)),
  "overwrites a key under a higher id": (world) =>
    diff(world.attacker(2 ** 32 - 1), (doc) => doc.getMap("session").set("run", 77)),
  "deletes a key": (world) => diff(world.attacker(), (doc) => doc.getMap("session").delete("run")),
  "adds a key": (world) => diff(world.attacker(), (doc) => doc.getMap("session").set("new", 1)),
  "adds a key without having seen any": () => diff(docWithId(666), (doc) => doc.getMap("session").set("run", 9)),
  "nests a type under the root": (world) =>
    diff(world.attacker(), (doc) => doc.getMap("session").set("deep", new Y.Map([["x", new Y.Text("y")]]))),
  "takes the root as an array": () => diff(docWithId(666), (doc) => doc.getArray("session").push([1, 2])),
  "takes the root as text": () => diff(docWithId(666), (doc) => doc.getText("session").insert(0, "text")),
  "writes under the ledger's id at the next clock": (world) =>
    forge(world.ledger.id, world.ledger.clock, { parent: "session", sub: "run" }),
  "writes under the ledger's id at a future clock": (world) =>
    forge(world.ledger.id, world.ledger.clock + 5, { parent: "session", sub: "run" }),
  "writes under the ledger's id, elsewhere": (world) =>
    forge(world.ledger.id, world.ledger.clock, { parent: "notes", sub: "run" }),
  "writes under a later ledger's id": (world) => forge(world.ledger.id + 1, 0, { parent: "session", sub: "run" }),
  "hangs off the ledger's future item": (world) => forge(667, 0, { origin: [world.ledger.id, world.ledger.clock + 1] }),
  "hangs left of the ledger's item": (world) => forge(668, 0, { right: [world.ledger.id, 0] }),
  "has the ledger's item as parent": (world) => forge(669, 0, { parent: [world.ledger.id, 0], sub: "x" }),
  "deletes the ledger's future items": (world) =>
    forge(670, 0, { parent: "notes" }, [[world.ledger.id, world.ledger.clock, 50]]),
  "undoes with an undo manager on the root": (world) => {
    const doc = world.attacker();
    const map = doc.getMap("session");
    const manager = new Y.UndoManager(map, { trackedOrigins: new Set(["attack", null]) });
    doc.transact(() => map.set("ended", { at: 1, reason: "forged", by: null }), "attack");
    manager.stopCapturing();
    doc.transact(() => map.delete("run"), "attack");
    return diff(doc, () => {
      manager.undo();
      manager.undo();
      manager.redo();
    });
  },
  "mixes everything into one update": (world) => {
    const doc = world.attacker();
    doc.getMap("session").set("ended", null);
    doc.getMap("session").delete("run");
    doc.getMap("session").set("x", new Y.Array());
    return Y.encodeStateAsUpdate(doc);
  },
};

describe("the guard", () => {
  it.each(Object.keys(ATTACKS))("[G1] [G2] the session is unchanged when an attacker %s", (name) => {
    const world = new World();
    world.honest[0]!.getText("text").insert(0, "hello");
    world.send(ATTACKS[name]!(world));
    world.check();
    // Again when the session has moved on, and when the relay was restarted.
    world.setSession(ENDED);
    world.check();
    world.restart();
    world.send(ATTACKS[name]!(world));
    world.setSession({ status: "live", run: 2, startedAt: 11 });
    world.check();
    expect(world.snapshot().getText("text").toString()).toBe("hello");
  });

  it("[G3] what refers to a forbidden struct is forbidden too, in later updates and after a restart", () => {
    const world = new World();
    const attacker = docWithId(666);
    world.send(diff(attacker, (doc) => doc.getMap("session").set("a", new Y.Map())));
    world.restart();
    world.send(diff(attacker, (doc) => (doc.getMap("session").get("a") as Y.Map<number>).set("b", 1)));
    world.send(diff(attacker, (doc) => doc.getMap("session").set("a", 2)));
    world.check();
    // A client that holds the forbidden structs itself is the one that a later reference would reach.
    const victim = docWithId(900);
    Y.applyUpdate(victim, Y.encodeStateAsUpdate(attacker));
    expect(() => world.join(victim)).not.toThrow();
    world.send(diff(attacker, (doc) => doc.getMap("session").set("a", 3)));
    expect(victim.getMap("session").get("a")).not.toBe(3);
  });

  it("[G4] honest content beside forbidden parts is accepted, and clocks stay whole", () => {
    const world = new World();
    const doc = docWithId(50);
    doc.getText("text").insert(0, "before ");
    doc.getMap("session").set("run", 9);
    doc.getText("text").insert(7, "after");
    expect(world.send(Y.encodeStateAsUpdate(doc))).toBe(true);
    world.check();
    expect(world.snapshot().getText("text").toString()).toBe("before after");
    expect(world.guard.held.get(50)).toBe(Y.getState(doc.store, 50));
  });

  it("[G4] [S5] a client that holds an older ledger brings its content to a relay that lost its store", () => {
    const old = new World(1);
    old.honest[0]!.getText("text").insert(0, "kept");
    old.setSession(ENDED);
    const survivor = old.honest[0]!;
    const fresh = new World(1);
    fresh.ledger = Ledger.create(LIVE, LEDGER_ID + 1);
    fresh.content = new Content([]);
    fresh.honest.length = 0;
    fresh.guard = new Guard(new Map(), [], (client) => client === fresh.ledger.id);
    fresh.send(Y.encodeStateAsUpdate(survivor));
    Y.applyUpdate(survivor, fresh.ledger.encode());
    fresh.honest.push(survivor);
    fresh.check();
    expect(fresh.snapshot().getText("text").toString()).toBe("kept");
  });

  it("[G1] an honest SyncStep2 that repeats the ledger and its deletes passes, and holds nothing new", () => {
    const world = new World();
    world.setSession(ENDED);
    world.setSession({ status: "live", run: 2, startedAt: 12 });
    const doc = world.honest[0]!;
    doc.getText("text").insert(0, "abc");
    doc.getText("text").delete(1, 1);
    const result = world.guard.admit(Y.encodeStateAsUpdate(doc), { content: world.content });
    expect(result).toMatchObject({ accepted: null, waitingStructs: [], waitingDeletes: [], count: 0 });
  });

  it("[G8] what the sender may not write is left out, what refers to it waits, and both are returned", () => {
    const world = new World();
    const owner = docWithId(50);
    world.send(diff(owner, () => owner.getText("text").insert(0, "mine ")));
    const doc = world.attacker(666);
    doc.clientID = 50;
    const start = Y.encodeStateVector(doc);
    doc.getText("text").insert(5, "forged ");
    doc.clientID = 666;
    doc.getText("text").insert(12, "after it");
    doc.getArray("array").push([1]);
    const update = Y.encodeStateAsUpdate(doc, start);
    const asked: number[] = [];
    const result = world.guard.admit(update, {
      mayWrite: (client) => {
        asked.push(client);
        return client !== 50;
      },
    });
    expect(asked.toSorted((a, b) => a - b)).toEqual([50, 666]);
    expect(result).toMatchObject({ accepted: null, blocked: [50], written: [] });
    expect(result.waitingStructs).toMatchObject([{ client: 666, clock: 0, missing: { client: 50, clock: 11 } }]);
    expect(world.guard.held.get(50)).toBe(5);
    const own = forge(667, 0, { parent: "array" });
    expect(world.guard.admit(own, { mayWrite: () => true })).toMatchObject({ blocked: [], written: [667] });
    // Nothing new under an id: nobody is asked, and nothing is blocked.
    expect(world.guard.admit(own, { mayWrite: () => false })).toMatchObject({ blocked: [], written: [] });
  });

  it("[G5] what refers to something unknown waits, and enters when that has come", () => {
    const world = new World();
    const doc = docWithId(50);
    const first = diff(doc, () => doc.getText("text").insert(0, "one "));
    const second = diff(doc, () => doc.getText("text").insert(4, "two "));
    const deletion = diff(doc, () => doc.getText("text").delete(0, 4));
    expect(world.send(deletion)).toBe(false);
    expect(world.send(second)).toBe(false);
    world.check();
    expect(world.send(first)).toBe(true);
    expect(world.send(second)).toBe(true);
    expect(world.send(deletion)).toBe(true);
    world.check();
    expect(world.honest[0]!.getText("text").toString()).toBe("two ");
  });

  it("[G5] structs of several clients are taken in an order in which each finds what it refers to", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(3), anyEdit), { maxLength: 40 }), (steps) => {
        const world = new World(0);
        const docs = [11, 12, 13, 14].map(docWithId);
        for (const [who, edit] of steps) {
          const update = diff(docs[who]!, (doc) => applyEdit(doc, edit));
          for (const doc of docs) if (doc !== docs[who]) Y.applyUpdate(doc, update);
        }
        expect(world.send(Y.encodeStateAsUpdate(docs[0]!))).toBe(true);
        expect(Y.encodeStateVector(world.snapshot()).length).toBeGreaterThan(0);
        for (const doc of docs) {
          expect(world.snapshot().getText("text").toDelta()).toEqual(doc.getText("text").toDelta());
          expect(world.snapshot().getArray("array").toJSON()).toEqual(doc.getArray("array").toJSON());
        }
      }),
    );
  });

  it.each([
    ["an undo manager", { gc: true }, true],
    ["gc: false", { gc: false }, false],
    ["a plain document", { gc: true }, false],
  ])(
    "[G11] a key that was set several times offline arrives from %s, and so does what is written after it",
    (_, options, hasUndo) => {
      for (const sets of [2, 3, 10]) {
        const world = new World();
        const author = new Y.Doc(options);
        author.clientID = 50;
        const map = author.getMap("map");
        const manager = hasUndo ? new Y.UndoManager(map) : null;
        map.set("shape", new Y.Map());
        const shape = map.get("shape") as Y.Map<unknown>;
        for (let i = 1; i <= sets; i++) shape.set("x", i);
        author.transact(() => {
          for (let i = 1; i <= sets; i++) map.set("y", i);
        });
        expect(world.send(Y.encodeStateAsUpdate(author))).toBe(true);
        const state = Y.encodeStateVector(author);
        shape.set("x", "later");
        map.delete("y");
        expect(world.send(Y.encodeStateAsUpdate(author, state))).toBe(true);
        world.check();
        for (const doc of [...world.honest, world.snapshot()]) expect(doc.getMap("map").toJSON()).toEqual(map.toJSON());
        manager?.destroy();
        // Peers can delete all of it, and their observers still fire.
        const [peer] = world.honest;
        let fired = 0;
        peer!.getMap("map").observe(() => fired++);
        peer!.getMap("map").delete("shape");
        expect(fired).toBe(1);
        world.check();
        expect(world.snapshot().getMap("map").toJSON()).toEqual({});
      }
    },
  );

  it("[G11] of several values of one key, some of which are not deleted, peers get a GC struct", () => {
    const guard = new Guard(new Map());
    const value = (count: number): number[] => [
      1,
      1,
      7,
      0,
      8 | 0x20,
      1,
      1,
      109,
      1,
      107,
      count,
      ...Array<number>(count).fill(126),
    ];
    const kindsOf = (update: number[]): string[] =>
      Y.decodeUpdate(guard.admit(Uint8Array.from(update)).accepted!).structs.map(
        ({ length, constructor }) => `${constructor.name} ${length}`,
      );
    // Of three values, two are deleted.
    expect(kindsOf([...value(3), 1, 7, 1, 0, 2])).toEqual(["GC 3"]);
    expect(guard.admit(Uint8Array.from([1, 1, 7, 3, 8 | 0x80, 7, 2, 1, 126, 0])).forbidden).toEqual(
      new Map([[7, "forbidden"]]),
    );
  });

  it("[G13] types nested up to the bound arrive and can be deleted; a deeper one is forbidden with its code", () => {
    const world = new World();
    const doc = docWithId(50);
    let map = doc.getMap("deep");
    for (let i = 0; i < MAX_TYPE_DEPTH; i++) {
      const inner = new Y.Map<unknown>();
      map.set("inner", inner);
      map = inner;
    }
    expect(world.send(Y.encodeStateAsUpdate(doc))).toBe(true);
    expect(JSON.stringify(world.snapshot().getMap("deep")).length).toBeGreaterThan(MAX_TYPE_DEPTH * 10);
    const before = Y.encodeStateVector(doc);
    map.set("inner", new Y.Map([["x", 1]]));
    const result = world.guard.admit(Y.encodeStateAsUpdate(doc, before), { content: world.content });
    expect(result.forbidden).toEqual(new Map([[50, "too-deep"]]));
    expect(Y.decodeUpdate(result.accepted!).structs.map(({ constructor }) => constructor.name)).toEqual(["GC", "GC"]);
  });

  it("[G13] the depth counts across updates, a restart and a compaction, and in one update", () => {
    const nest = (client: number, clock: number, parent: [number, number] | null): Uint8Array =>
      encoding.encode((encoder) => {
        for (const number of [1, 1, client, clock]) encoding.writeVarUint(encoder, number);
        encoding.writeUint8(encoder, 7 | 0x20);
        encoding.writeVarUint(encoder, parent === null ? 1 : 0);
        if (parent === null) encoding.writeVarString(encoder, "a");
        else for (const number of parent) encoding.writeVarUint(encoder, number);
        encoding.writeVarString(encoder, "k");
        for (const number of [1, 0]) encoding.writeVarUint(encoder, number);
      });
    const world = new World(0);
    for (let i = 0; i < MAX_TYPE_DEPTH; i++) {
      if (i === 100) world.restart();
      if (i === 200) finish(world.content.compact());
      expect(world.send(nest(50, i, i === 0 ? null : [50, i - 1]))).toBe(true);
    }
    const { forbidden } = world.guard.admit(nest(51, 0, [50, MAX_TYPE_DEPTH - 1]), { content: world.content });
    expect(forbidden).toEqual(new Map([[51, "too-deep"]]));
  });

  it("[G14] an item whose origins lie in different types is forbidden, in one update and across two", () => {
    const world = new World();
    const doc = docWithId(50);
    doc.getMap("map").set("a", Y.Array.from([1, 2]));
    doc.getMap("map").set("b", Y.Array.from([3]));
    doc.getArray("array").push([4]);
    world.send(Y.encodeStateAsUpdate(doc));
    const idOf = (array: Y.Array<unknown>): [number, number] => [50, array._start!.id.clock];
    const [a, b] = ["a", "b"].map((key) => idOf(doc.getMap("map").get(key) as Y.Array<unknown>));
    const inRoot = idOf(doc.getArray("array"));
    for (const [index, pair] of [
      [a, b],
      [b, a],
      [a, inRoot],
      [inRoot, b],
    ].entries()) {
      const torn = forge(60 + index, 0, { origin: pair[0]!, right: pair[1]! });
      expect(world.guard.admit(torn, { content: world.content }).forbidden.get(60 + index)).toBe("forbidden");
    }
    const second: [number, number] = [50, a![1] + 1];
    expect(world.send(forge(70, 0, { origin: a!, right: second }))).toBe(true);
    world.check();
  });

  it("[G15] what throws while an update is checked leaves the guard as it was", () => {
    const world = new World();
    const doc = docWithId(50);
    doc.getText("text").insert(0, "one");
    doc.getMap("session").set("run", 1);
    const update = Y.encodeStateAsUpdate(doc);
    const fault = (): never => {
      throw new Error("a fault of the relay");
    };
    expect(() => world.guard.admit(update, { mayWrite: fault })).toThrow("a fault");
    const content = { isDeleted: fault, parentOf: fault };
    doc.getText("text").delete(0, 1);
    expect(() => world.guard.admit(Y.encodeStateAsUpdate(doc), { content })).toThrow("a fault");
    expect(world.guard.held.has(50)).toBe(false);
    expect(world.guard.takeChanges()).toBeNull();
    expect(world.send(update)).toBe(true);
  });

  it("[G15] an update with very many missing ids is no fault", () => {
    const update = encoding.encode((encoder) => {
      for (const number of [0, 1, 88, 300_000]) encoding.writeVarUint(encoder, number);
      for (let i = 0; i < 300_000; i++)
        for (const number of [16_384 + i * 2, 1]) encoding.writeVarUint(encoder, number);
    });
    expect(new Guard(new Map()).admit(update).waitingDeletes).toHaveLength(300_000);
  });

  it("[S4] client ids of 53 bits are honest; only those of the room's ledgers are reserved", () => {
    const world = new World();
    const doc = docWithId(4_624_497_851_153_597);
    doc.getText("text").insert(0, "from a bot");
    expect(world.send(Y.encodeStateAsUpdate(doc))).toBe(true);
    world.check();
    expect(world.snapshot().getText("text").toString()).toBe("from a bot");
  });

  it("[G7] a struct that repeats what is held with other content changes nothing", () => {
    const world = new World();
    world.send(forge(50, 0, { parent: "array" }));
    const { accepted } = world.guard.admit(forge(50, 0, { parent: "session", sub: "run" }));
    expect(accepted).toBeNull();
    world.check();
  });

  it("[G1] [G2] [G3] [G7] no order of anybody's bytes moves the session or parts the honest", () => {
    type Step =
      | { type: "edit"; who: number; edit: Parameters<typeof applyEdit>[1] }
      | { type: "attack"; name: string }
      | { type: "replay"; index: number; cut: number; byte: number }
      | { type: "restart" }
      | { type: "session"; ended: boolean }
      | { type: "join" };
    const step: fc.Arbitrary<Step> = fc.oneof(
      { weight: 5, arbitrary: fc.record({ type: fc.constant("edit" as const), who: fc.nat(1), edit: anyEdit }) },
      {
        weight: 4,
        arbitrary: fc.record({ type: fc.constant("attack" as const), name: fc.constantFrom(...Object.keys(ATTACKS)) }),
      },
      {
        weight: 4,
        arbitrary: fc.record({
          type: fc.constant("replay" as const),
          index: fc.nat(),
          cut: fc.nat(),
          byte: fc.nat(255),
        }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("session" as const), ended: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ type: fc.constant("join" as const) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const world = new World();
        const sent: Uint8Array[] = [];
        let run = 1;
        const attack = (bytes: Uint8Array): void => {
          try {
            world.send(bytes);
          } catch (error) {
            if (!(error instanceof MalformedError)) throw error;
          }
        };
        for (const doc of world.honest) doc.on("update", (update: Uint8Array) => sent.push(update));
        for (const action of steps) {
          switch (action.type) {
            case "edit":
              applyEdit(world.honest[action.who]!, action.edit);
              break;
            case "attack": {
              const bytes = ATTACKS[action.name]!(world);
              sent.push(bytes);
              attack(bytes);
              break;
            }
            case "replay": {
              if (sent.length === 0) break;
              const bytes = sent[action.index % sent.length]!.slice();
              bytes[action.cut % bytes.length] = action.byte;
              attack(bytes);
              attack(sent[action.index % sent.length]!);
              break;
            }
            case "restart":
              world.restart();
              break;
            case "session":
              if (action.ended) world.setSession({ ...ENDED, run });
              else world.setSession({ status: "live", run: ++run, startedAt: 5 });
              break;
            case "join":
              world.join(docWithId(200 + world.honest.length));
              break;
          }
          world.check();
        }
        const states = world.honest.map((doc) => doc.getText("text").toDelta());
        for (const state of states) expect(state).toEqual(world.snapshot().getText("text").toDelta());
      }),
      { numRuns: 150 },
    );
  });
});
