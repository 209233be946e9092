/**
 * One episode of the fuzzer: a room under attack and a quiet room on the same relay. After the attackers
 * have gone, all honest clients must agree on content and session, and nothing may be lost.
 */
import * as Y from "yjs";
import { Attacker } from "./attacker.ts";
import { rawConnection, stockConnection } from "./client-connection.ts";
import type { ConnectionFactory } from "./client-connection.ts";
import { checkEpisode } from "./episode-checks.ts";
import type { QuietClient } from "./episode-checks.ts";
import { forgeFrame } from "./forge-frame.ts";
import type { AttackerView } from "./forge-update.ts";
import type { FuzzedRelay } from "./fuzzed-relay.ts";
import type { HostileKind } from "./hostile-kinds.ts";
import { HonestClient } from "./honest-client.ts";
import type { Person } from "./honest-client.ts";
import { mutate } from "./mutate.ts";
import { Noise } from "./noise.ts";
import type { Random } from "../random.ts";
import { anyEdit, WORDS } from "./random-edit.ts";
import { checkLoading, checkRoundTrip } from "./round-trip.ts";
import type { Statistics } from "./statistics.ts";
import { until } from "./until.ts";

const EDIT_EVERY_MS = 40;
const ROUND_TRIP_EVERY_MS = 500;
const CAPTURED_FRAMES = 400;
const ATTACKERS = 8;
const NOISE_MAKERS = 3;

const PEOPLE: readonly (Person & { readonly isRaw: boolean })[] = [
  { role: "host", sub: "host-1", name: "Hana", isRaw: true },
  { role: "host", sub: "host-2", name: "Hugo", isRaw: false },
  { role: "participant", sub: "ann", name: "Ann", isRaw: false },
  { role: "participant", sub: "ben", name: "Ben", isRaw: true },
  { role: "participant", name: "Guest", isRaw: false },
  // Disconnects and reconnects at random, and edits meanwhile.
  { role: "participant", sub: "intermittent", name: "Cem", isRaw: false },
];
const INTERMITTENT = PEOPLE.length - 1;

export class Episode {
  readonly #relay: FuzzedRelay;
  readonly #random: Random;
  readonly #statistics: Statistics;
  readonly #room: string;
  readonly #quietRoom: string;
  readonly #captured: Uint8Array[] = [];
  #capturedCount = 0;
  #honestClients: HonestClient[] = [];
  /** The clients of the quiet room. */
  #quiet: QuietClient[] = [];
  #attackers: (Attacker | Noise)[] = [];
  #clocks: ReadonlyMap<number, number> = new Map();
  #ledgerId = 2 ** 32;

  readonly #kinds: readonly HostileKind[];
  /** When the next round trip is due, and the loading that is under way. */
  #roundTripAtMs = 0;
  #loading: Promise<void> = Promise.resolve();
  #isLoading = false;

  /** Whether attackers insert only where honest clients could, so that Yjs guarantees the same content everywhere. */
  readonly #isComparable: boolean;

  constructor(
    relay: FuzzedRelay,
    number: number,
    random: Random,
    kinds: readonly HostileKind[],
    statistics: Statistics,
  ) {
    this.#kinds = kinds;
    this.#isComparable = number % 2 === 0;
    this.#relay = relay;
    this.#random = random;
    this.#statistics = statistics;
    this.#room = `fuzz-${number}`;
    this.#quietRoom = `quiet-${number}`;
  }

  /** Attacks for `durationMs`, then checks everything. */
  async run(durationMs: number): Promise<void> {
    try {
      await this.#open();
      const endAt = performance.now() + durationMs;
      while (performance.now() < endAt && this.#relay.isAlive) {
        this.#edit();
        this.#checkRoundTrips();
        await new Promise((resolve) => setTimeout(resolve, EDIT_EVERY_MS));
      }
      for (const attacker of this.#attackers) attacker.stop();
      await this.#loading;
      if (this.#relay.isAlive) {
        const intermittent = this.#honestClients[INTERMITTENT]!;
        if (intermittent.isOffline) intermittent.connect();
        await checkEpisode({
          relay: this.#relay,
          room: this.#room,
          honestClients: this.#honestClients,
          quiet: this.#quiet,
          isComparable: this.#isComparable,
          statistics: this.#statistics,
        });
      }
    } finally {
      for (const attacker of this.#attackers) attacker.stop();
      for (const client of this.#everybody) client.destroy();
    }
  }

  get #everybody(): HonestClient[] {
    return [...this.#honestClients, ...this.#quiet.map(({ client }) => client)];
  }

  get #people(): ReadonlyMap<number, Person> {
    return new Map(this.#honestClients.map(({ clientId, person }) => [clientId, person]));
  }

  readonly #rawConnection: ConnectionFactory = rawConnection(
    (frame) => {
      this.#captured[this.#capturedCount++ % CAPTURED_FRAMES] = frame;
    },
    (ms) => this.#statistics.pingMs.push(ms),
  );

  async #open(): Promise<void> {
    await this.#relay.makeRoom(this.#room);
    await this.#relay.makeRoom(this.#quietRoom);
    for (const { isRaw, ...person } of PEOPLE) {
      const createConnection = isRaw ? this.#rawConnection : stockConnection;
      this.#honestClients.push(
        await HonestClient.create(person, createConnection, this.#relay, this.#room, this.#statistics),
      );
    }
    for (const { isRaw, ...person } of PEOPLE.slice(0, 2)) {
      const createConnection = isRaw ? this.#rawConnection : stockConnection;
      const client = await HonestClient.create(
        person,
        createConnection,
        this.#relay,
        this.#quietRoom,
        this.#statistics,
      );
      this.#quiet.push({ client, typed: 0 });
    }
    for (const client of this.#everybody) client.connect();
    await until(
      "everybody has joined and sees everybody",
      () =>
        this.#everybody.every(({ isOnline, session }) => isOnline && session?.status === "live") &&
        this.#honestClients.every(({ awareness }) => awareness.getStates().size === PEOPLE.length),
      this.#statistics,
    );
    const { clients } = this.#honestClients[0]!.doc.store;
    this.#ledgerId = [...clients.keys()].find((client) => client >= 2 ** 32) ?? 2 ** 32;
    await this.#attack();
  }

  async #attack(): Promise<void> {
    const honestClients = this.#honestClients.map(({ clientId }) => clientId);
    for (let i = 0; i < ATTACKERS; i++) {
      const random = this.#random.fork();
      const own = [random.uint32(), random.uint32()];
      const view = (): AttackerView => ({
        clocks: this.#clocks,
        honestClients,
        ledgerId: this.#ledgerId,
        own,
        honestDoc: this.#isComparable ? this.#honestClients[0]!.doc : null,
      });
      const replay = (): Uint8Array =>
        this.#isComparable ? random.pick(this.#captured) : mutate(this.#captured, [...honestClients, ...own], random);
      const isMutator = i % 4 === 3;
      this.#attackers.push(
        new Attacker({
          name: `attacker-${i}`,
          url: this.#relay.url.replace("http", "ws"),
          room: this.#room,
          // Every second attacker is a guest and shares its author key with all other guests.
          token: await this.#relay.token({
            room: this.#room,
            role: "participant",
            ...(i % 2 === 0 ? { sub: `attacker-${i}`, name: "Mallory" } : {}),
          }),
          speaksSession: i % 3 === 0,
          sendsReadableOnly: i % 4 < 2,
          makeFrame: () =>
            isMutator && this.#captured.length > 0 ? replay() : forgeFrame(view(), this.#kinds, random),
          random,
          statistics: this.#statistics,
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
        new Noise({ port, room: this.#room, token, random: this.#random.fork(), statistics: this.#statistics }),
      );
    }
    for (const attacker of this.#attackers) attacker.start();
  }

  /** A sample of what has been admitted until now, of one honest client and as a new client gets it. */
  #checkRoundTrips(): void {
    const nowMs = performance.now();
    if (nowMs < this.#roundTripAtMs) return;
    this.#roundTripAtMs = nowMs + ROUND_TRIP_EVERY_MS;
    const { doc, person } = this.#random.pick(this.#honestClients);
    const fault = checkRoundTrip(doc);
    if (fault !== null) this.#statistics.reportViolation(`the document of ${person.name} ${fault}`);
    this.#statistics.roundTrips++;
    if (!this.#isLoading) this.#loading = this.#load();
  }

  async #load(): Promise<void> {
    this.#isLoading = true;
    const token = await this.#relay.token({ room: this.#room, role: "participant", sub: "loader", name: "Lea" });
    const fault = await checkLoading(this.#relay.url.replace("http", "ws"), this.#room, token);
    if (fault !== null) this.#statistics.reportViolation(`a new client of the attacked room ${fault}`);
    this.#statistics.roundTrips++;
    this.#isLoading = false;
  }

  #edit(): void {
    const random = this.#random;
    this.#clocks = Y.decodeStateVector(Y.encodeStateVector(this.#honestClients[0]!.doc));
    const people = this.#people;
    for (const client of this.#honestClients) {
      if (random.percent(30)) {
        client.edit(anyEdit(random));
        this.#statistics.edits++;
      }
      if (random.percent(20)) client.moveCursor(random.below(1_000));
      client.checkPresence(people);
    }
    const intermittent = this.#honestClients[INTERMITTENT]!;
    if (intermittent.isOffline ? random.percent(15) : random.percent(3)) {
      if (intermittent.isOffline) intermittent.connect();
      else intermittent.disconnect();
    }
    const writer = random.pick(this.#quiet);
    const text = writer.client.doc.getText("text");
    const word = random.pick(WORDS);
    text.insert(random.below(text.length + 1), word);
    writer.typed += word.length;
  }
}
