/**
 * One episode of the fuzzer: a room under attack and a quiet one beside it on the same relay. When the
 * attackers have gone, everybody must agree on one content and one session, and nothing may be lost.
 */
import { isDeepStrictEqual } from "node:util";
import * as Y from "yjs";
import type { Edit } from "../sync-server/guard/arbitrary-edits.ts";
import { Attacker } from "./attacker.ts";
import { dumpClocks, dumpDocument, firstDifference } from "./document-dump.ts";
import { forgeFrame } from "./forge-frame.ts";
import type { Sight } from "./forge-update.ts";
import { Innocent, rawLine, stockLine } from "./innocent.ts";
import type { LineMaker, Person } from "./innocent.ts";
import { mutate } from "./mutate.ts";
import { Noise } from "./noise.ts";
import type { Random } from "../random.ts";
import type { RelayUnderFire } from "./relay-under-fire.ts";
import type { Tally } from "./tally.ts";

const EDIT_EVERY_MS = 40;
const PATIENCE_MS = 15_000;
const CAPTURED_FRAMES = 400;
const ATTACKERS = 8;
const NOISE_MAKERS = 3;

const PEOPLE: readonly (Person & { readonly isRaw: boolean })[] = [
  { role: "host", sub: "host-1", name: "Hana", isRaw: true },
  { role: "host", sub: "host-2", name: "Hugo", isRaw: false },
  { role: "participant", sub: "ann", name: "Ann", isRaw: false },
  { role: "participant", sub: "ben", name: "Ben", isRaw: true },
  { role: "participant", name: "Guest", isRaw: false },
  // Comes and goes, and writes in between.
  { role: "participant", sub: "commuter", name: "Cem", isRaw: false },
];
const COMMUTER = PEOPLE.length - 1;

const until = async (what: string, condition: () => boolean | Promise<boolean>, tally: Tally): Promise<void> => {
  const giveUpAt = performance.now() + PATIENCE_MS;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) return tally.violation(`waited ${PATIENCE_MS} ms in vain until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
};

const WORDS = ["lorem ", "ipsum ", "dolor ", "sit ", "amet ", "é", "漢字 ", "\n"];

const anyEdit = (random: Random): Edit => {
  const at = random.uint32();
  switch (random.below(12)) {
    case 0:
      return { type: "delete", at, length: random.below(6) };
    case 1:
      return { type: "format", at, length: random.below(8), bold: random.pick([true, false, null]) };
    case 2:
      return { type: "set", key: random.pick(["a", "b", "c"]), value: random.uint32() };
    case 3:
      return { type: "nest", key: random.pick(["a", "b"]) };
    case 4:
      return { type: "push", values: [random.uint32(), "x"] };
    case 5:
      return { type: "splice", at, length: random.below(3) };
    case 6:
      return { type: "xml", name: "p" };
    default:
      return { type: "insert", at, text: random.pick(WORDS) };
  }
};

export class Episode {
  readonly #relay: RelayUnderFire;
  readonly #random: Random;
  readonly #tally: Tally;
  readonly #room: string;
  readonly #quietRoom: string;
  readonly #captured: Uint8Array[] = [];
  #capturedCount = 0;
  #innocents: Innocent[] = [];
  /** Those of the quiet room, and how many characters each has typed. */
  #quiet: { innocent: Innocent; typed: number }[] = [];
  #attackers: (Attacker | Noise)[] = [];
  #clocks: ReadonlyMap<number, number> = new Map();
  #ledgerId = 2 ** 32;

  /** Whether what attackers make stands where honest clients could put it, so that everybody must read the same. */
  readonly #isComparable: boolean;

  constructor(relay: RelayUnderFire, number: number, random: Random, tally: Tally) {
    this.#isComparable = number % 2 === 0;
    this.#relay = relay;
    this.#random = random;
    this.#tally = tally;
    this.#room = `fuzz-${number}`;
    this.#quietRoom = `quiet-${number}`;
  }

  /** Runs for so long, then stops by itself and checks everything. */
  async run(durationMs: number): Promise<void> {
    try {
      await this.#open();
      const endAt = performance.now() + durationMs;
      while (performance.now() < endAt && this.#relay.isAlive) {
        this.#edit();
        await new Promise((resolve) => setTimeout(resolve, EDIT_EVERY_MS));
      }
      for (const attacker of this.#attackers) attacker.stop();
      if (this.#relay.isAlive) await this.#check();
    } finally {
      for (const attacker of this.#attackers) attacker.stop();
      for (const innocent of this.#everybody) innocent.destroy();
    }
  }

  get #everybody(): Innocent[] {
    return [...this.#innocents, ...this.#quiet.map(({ innocent }) => innocent)];
  }

  get #people(): ReadonlyMap<number, Person> {
    return new Map(this.#innocents.map(({ clientId, person }) => [clientId, person]));
  }

  readonly #rawLine: LineMaker = rawLine(
    (frame) => {
      this.#captured[this.#capturedCount++ % CAPTURED_FRAMES] = frame;
    },
    (ms) => this.#tally.pingMs.push(ms),
  );

  async #open(): Promise<void> {
    await this.#relay.makeRoom(this.#room);
    await this.#relay.makeRoom(this.#quietRoom);
    for (const { isRaw, ...person } of PEOPLE) {
      const makeLine = isRaw ? this.#rawLine : stockLine;
      this.#innocents.push(await Innocent.make(person, makeLine, this.#relay, this.#room, this.#tally));
    }
    for (const { isRaw, ...person } of PEOPLE.slice(0, 2)) {
      const makeLine = isRaw ? this.#rawLine : stockLine;
      const innocent = await Innocent.make(person, makeLine, this.#relay, this.#quietRoom, this.#tally);
      this.#quiet.push({ innocent, typed: 0 });
    }
    for (const innocent of this.#everybody) innocent.come();
    await until(
      "everybody is in the run and sees everybody",
      () =>
        this.#everybody.every(({ isOnline, session }) => isOnline && session?.status === "live") &&
        this.#innocents.every(({ awareness }) => awareness.getStates().size === PEOPLE.length),
      this.#tally,
    );
    const { clients } = this.#innocents[0]!.doc.store;
    this.#ledgerId = [...clients.keys()].find((client) => client >= 2 ** 32) ?? 2 ** 32;
    await this.#attack();
  }

  async #attack(): Promise<void> {
    const innocents = this.#innocents.map(({ clientId }) => clientId);
    for (let i = 0; i < ATTACKERS; i++) {
      const random = this.#random.fork();
      const own = [random.uint32(), random.uint32()];
      const sight = (): Sight => ({
        clocks: this.#clocks,
        innocents,
        ledgerId: this.#ledgerId,
        own,
        honestly: this.#isComparable ? this.#innocents[0]!.doc : null,
      });
      const replay = (): Uint8Array =>
        this.#isComparable ? random.pick(this.#captured) : mutate(this.#captured, [...innocents, ...own], random);
      const isMutator = i % 4 === 3;
      this.#attackers.push(
        new Attacker({
          name: `attacker-${i}`,
          url: this.#relay.url.replace("http", "ws"),
          room: this.#room,
          // Every second one is a guest, who shares an author's key with all other guests.
          token: await this.#relay.token({
            room: this.#room,
            role: "participant",
            ...(i % 2 === 0 ? { sub: `attacker-${i}`, name: "Mallory" } : {}),
          }),
          speaksSession: i % 3 === 0,
          isCareful: i % 4 < 2,
          makeFrame: () => (isMutator && this.#captured.length > 0 ? replay() : forgeFrame(sight(), random)),
          random,
          tally: this.#tally,
        }),
      );
    }
    for (let i = 0; i < NOISE_MAKERS; i++) {
      const token = await this.#relay.token({
        room: this.#room,
        role: "participant",
        sub: `noise-${i}`,
        name: "Noise",
      });
      const { port } = this.#relay;
      this.#attackers.push(
        new Noise({ port, room: this.#room, token, random: this.#random.fork(), tally: this.#tally }),
      );
    }
    for (const attacker of this.#attackers) attacker.start();
  }

  #edit(): void {
    const random = this.#random;
    this.#clocks = Y.decodeStateVector(Y.encodeStateVector(this.#innocents[0]!.doc));
    const people = this.#people;
    for (const innocent of this.#innocents) {
      if (random.percent(30)) {
        innocent.edit(anyEdit(random));
        this.#tally.edits++;
      }
      if (random.percent(20)) innocent.moveCursor(random.below(1_000));
      innocent.checkPresence(people);
    }
    const commuter = this.#innocents[COMMUTER]!;
    if (commuter.isAway ? random.percent(15) : random.percent(3)) {
      if (commuter.isAway) commuter.come();
      else commuter.go();
    }
    const writer = random.pick(this.#quiet);
    const text = writer.innocent.doc.getText("text");
    const word = random.pick(WORDS);
    text.insert(random.below(text.length + 1), word);
    writer.typed += word.length;
  }

  async #check(): Promise<void> {
    const commuter = this.#innocents[COMMUTER]!;
    if (commuter.isAway) commuter.come();
    // What they sent may still be on its way, and they may delete what anybody writes.
    await until("the attackers are gone", () => this.#isAmongItself(), this.#tally);
    for (const { doc, person } of this.#innocents) doc.getText("text").insert(0, `last words of ${person.name}; `);
    const witness = await Innocent.make(
      { role: "participant", sub: "witness", name: "Wit" },
      stockLine,
      this.#relay,
      this.#room,
      this.#tally,
    );
    try {
      await until("everybody holds the same structs", () => this.#agree(this.#innocents, dumpClocks), this.#tally);
      await until(
        "the quiet room holds the same structs",
        () => this.#agree(this.#everybody.slice(PEOPLE.length), dumpClocks),
        this.#tally,
      );
      witness.come();
      await until(
        "a newcomer gets the content",
        () => this.#agree([this.#innocents[0]!, witness], dumpClocks),
        this.#tally,
      );
      await until(
        "nobody is seen but who is here",
        () =>
          this.#innocents.every(({ awareness }) =>
            [...awareness.getStates().keys()].every((id) => this.#people.has(id) || id === witness.clientId),
          ),
        this.#tally,
      );
      this.#checkPending();
      if (this.#isComparable) await this.#compareContent(witness);
      this.#checkWords();
      await this.#checkSession();
    } finally {
      witness.destroy();
    }
  }

  async #isAmongItself(): Promise<boolean> {
    const { hosts, participants } = await this.#relay.describe(this.#room);
    return Number(hosts) + Number(participants) === PEOPLE.length;
  }

  #agree(group: readonly Innocent[], dump: (doc: Y.Doc) => string): boolean {
    const expected = dump(group[0]!.doc);
    return group.every(({ doc }) => dump(doc) === expected);
  }

  #checkPending(): void {
    for (const { doc, person } of this.#innocents) {
      const { pendingStructs, pendingDs } = doc.store;
      if (pendingStructs === null && pendingDs === null) continue;
      const structs = JSON.stringify([...(pendingStructs?.missing ?? [])]);
      const deletes = pendingDs === null ? [] : [...Y.decodeUpdateV2(pendingDs).ds.clients];
      const what = `in the document of ${person.name} structs wait for ${structs}, and the deletes ${JSON.stringify(deletes)}`;
      this.#tally.violation(what);
    }
  }

  async #compareContent(witness: Innocent): Promise<void> {
    const group = [...this.#innocents, witness];
    // A client that reads formats tidies them up, and tells the others (yjs 13.6, `cleanupYTextFormatting`).
    const areAlike = (): boolean => this.#agree(group, (doc) => JSON.stringify([...dumpDocument(doc)]));
    await until("everybody reads the same content", areAlike, this.#tally);
    const expected = dumpDocument(witness.doc);
    for (const { doc, person } of group) {
      const shown = dumpDocument(doc);
      for (const root of new Set([...expected.keys(), ...shown.keys()])) {
        const difference = firstDifference(shown.get(root) ?? "", expected.get(root) ?? "");
        if (difference !== null) {
          this.#tally.violation(`${person.name} and a newcomer read the root "${root}" differently: ${difference}`);
        }
      }
    }
  }

  #checkWords(): void {
    for (const { doc, person } of this.#innocents) {
      const text = doc.getText("text").toString();
      for (const { name } of PEOPLE) {
        if (!text.includes(`last words of ${name}; `))
          this.#tally.violation(`${person.name} lacks the last words of ${name}`);
      }
    }
    const typed = this.#quiet.reduce((sum, each) => sum + each.typed, 0);
    for (const { innocent } of this.#quiet) {
      const { length } = innocent.doc.getText("text");
      if (length !== typed)
        this.#tally.violation(`in the quiet room ${innocent.person.name} reads ${length} of ${typed} characters`);
    }
  }

  async #checkSession(): Promise<void> {
    const { status, run, startedAt } = await this.#relay.describe(this.#room);
    const expected = { status, run, startedAt };
    if (status !== "live" || run !== 1) this.#tally.violation(`the relay says ${JSON.stringify(expected)}`);
    for (const { session, person } of this.#innocents) {
      if (!isDeepStrictEqual(session, expected)) {
        this.#tally.violation(
          `${person.name} reads ${JSON.stringify(session)}, the relay says ${JSON.stringify(expected)}`,
        );
      }
    }
  }
}
