/**
 * One simulated world: a relay, its disk, its people, and random actions and faults, all from one seed.
 * Everything that happens is an event, and the oracle checks the rules after each.
 */
import * as Y from "yjs";
import { SimDisk } from "./disk.ts";
import { EPOCH_MS, enterWorld, settle } from "./globals.ts";
import { setStalled } from "./network.ts";
import { Oracle } from "./oracle.ts";
import { Person } from "./people.ts";
import type { Tab } from "./people.ts";
import { performRandomAction } from "./action.ts";
import { Random } from "../random.ts";
import { NETWORK_FAULTS } from "./network-faults.ts";
import { PAGE_ACTIONS } from "./page-actions.ts";
import { RELAY_FAULTS } from "./relay-faults.ts";
import { RelayHost, signed } from "./relay-host.ts";
import { takeViolation, violate, Violation } from "./violation.ts";
import { ENVIRONMENT, SimTime } from "./time.ts";
import { checkConvergence, checkNothingLeft } from "./checkpoint.ts";

export type Outcome = {
  readonly seed: number;
  /** `null` if all rules held. */
  readonly violation: Violation | null;
  readonly simulatedMs: number;
  readonly steps: number;
  /** How many actions and faults there were. */
  readonly actions: number;
  /** Hash of everything that happened. */
  readonly fingerprint: string;
  /** What happened, if `traces` was set. */
  readonly trace: readonly string[];
};

type WorldOptions = {
  readonly seed: number;
  /** Whether to record what happens as text. */
  readonly traces?: boolean;
  /** Makes the world short and without other faults of the relay: it ends after this many steps, by SIGKILL or by a power cut. */
  readonly end?: { readonly afterStep: number; readonly how: "kill" | "power" };
};

const NAMES = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn", "Gil"];
const PEOPLE_ACTIONS = [...PAGE_ACTIONS, ...NETWORK_FAULTS];
const ALL_ACTIONS = [...PEOPLE_ACTIONS, ...RELAY_FAULTS];
const DAY_MS = 86_400_000;
/** Long enough for the relay to detect every dead connection, and for everybody to reconnect. */
const HEAL_MS = 80_000;
/** Longest time that a relay takes to start, ms. */
const BOOT_MS = 5_000;

export class World {
  readonly time = new SimTime();
  readonly random: Random;
  readonly disk: SimDisk;
  readonly host: RelayHost;
  readonly oracle: Oracle;
  readonly people: Person[] = [];
  readonly rooms: string[] = [];
  readonly hostAbsenceMs: number;
  readonly #seed: number;
  readonly #traces: boolean;
  #end: WorldOptions["end"];
  readonly #trace: string[] = [];
  #hash = 0;
  #actions = 0;
  #faults: string[] = [];
  /** While this is set there are no faults, and a relay that ends is restarted at once. */
  #isHealing = false;

  constructor({ seed, traces = false, end }: WorldOptions) {
    this.#seed = seed;
    this.#traces = traces;
    this.#end = end;
    this.random = new Random(seed);
    enterWorld(this);
    takeViolation();
    const { random } = this;
    this.hostAbsenceMs = Math.round(random.spread(5_000, 900_000));
    const restartGraceMs = Math.round(random.spread(5_000, 60_000));
    this.disk = new SimDisk(this.time, random, (room) => this.oracle.written(room));
    this.oracle = new Oracle(this.disk, restartGraceMs);
    this.host = new RelayHost(
      this.time,
      random,
      this.disk,
      { hostAbsenceMs: this.hostAbsenceMs, restartGraceMs },
      {
        booting: (now) => this.oracle.booting(now),
        started: (now) => {
          this.note("the relay has started");
          this.oracle.started(now);
        },
        stopped: () => {
          this.note("the relay has stopped");
          this.oracle.stopped();
          this.#startLater();
        },
        attached: (socket, claims, speaksSession) => this.oracle.attached(socket, claims, speaksSession),
        fault: (what) => this.fault(what),
      },
    );
    for (let i = random.chance(0.2) ? 2 : 1; i > 0; i--) this.rooms.push(`room ${i}`);
    for (const room of this.rooms) this.#populate(room);
  }

  #populate(room: string): void {
    const { random, time } = this;
    this.oracle.watch(room, this.hostAbsenceMs);
    const count = 1 + random.below(5);
    for (let i = 0; i < count; i++) {
      const role = i === 0 || random.chance(0.3) ? "host" : "participant";
      const name = `${NAMES[i]!}${room.at(-1)}`;
      const known = random.chance(0.5) ? { sub: `id-${name}`, name } : {};
      const token = signed({ room, role, ...known, expiresAt: EPOCH_MS + 365 * DAY_MS });
      const speaksSession = random.chance(0.75);
      const environment = {
        time,
        random,
        listener: this.host,
        onSession: (who: string, ...rest: Parameters<Oracle["observed"]> extends [string, ...infer R] ? R : never) =>
          this.oracle.observed(who, ...rest),
        fault: (what: string) => this.fault(what),
      };
      this.people.push(new Person({ name, room, role, token, speaksSession }, environment));
    }
  }

  /** Reports something that must not happen in any world (I0). */
  fault(what: string): void {
    this.#faults.push(what);
  }

  /** Adds to the trace and the fingerprint, which are the same in all runs of one seed. */
  note(what: string): void {
    const line = `${(this.time.now / 1000).toFixed(3)} s  ${what}`;
    for (let i = 0; i < line.length; i++) this.#hash = (Math.imul(this.#hash, 31) + line.charCodeAt(i)) | 0;
    if (this.#traces) this.#trace.push(line);
  }

  async run(): Promise<Outcome> {
    let violation: Violation | null = null;
    const onReject = (error: unknown): void => this.fault(`unhandled: ${(error as Error)?.stack ?? String(error)}`);
    process.on("unhandledRejection", onReject);
    try {
      await this.#live();
    } catch (thrown) {
      const error = takeViolation() ?? thrown;
      violation = error instanceof Violation ? error : new Violation("I0", (error as Error).stack ?? String(error));
      this.note(`VIOLATION ${violation.message}`);
    } finally {
      process.off("unhandledRejection", onReject);
      // Each provider adds an "exit" listener (y-websocket 3.1), which would keep those of crashed pages in memory.
      process.removeAllListeners("exit");
    }
    const { now: simulatedMs, steps } = this.time;
    const fingerprint = `${(this.#hash >>> 0).toString(16).padStart(8, "0")}-${steps}`;
    return { seed: this.#seed, violation, simulatedMs, steps, actions: this.#actions, fingerprint, trace: this.#trace };
  }

  async #live(): Promise<void> {
    const { random, time } = this;
    this.host.start();
    await this.#runFor(BOOT_MS);
    await this.#makeRooms();
    for (const person of this.people) {
      if (random.chance(0.8)) this.#schedule(random.between(0, 5_000), () => person.open());
    }
    const isShort = this.#end !== undefined;
    for (let phase = isShort ? 1 : 1 + random.below(3); phase > 0; phase--) {
      const endAt = time.now + (isShort ? 15_000 : random.spread(20_000, 1_200_000));
      // Mean time between actions: some worlds are busy, some are slow.
      const paceMs = isShort ? 300 : random.spread(200, 20_000);
      while (time.now < endAt) {
        this.#schedule(0, () => {
          const action = performRandomAction(this, isShort ? PEOPLE_ACTIONS : ALL_ACTIONS);
          if (action === null) return;
          this.#actions++;
          this.note(action);
        });
        await this.#runFor(random.fraction() * 2 * paceMs);
      }
      await this.#heal();
      checkConvergence(this);
      this.note("all checks passed");
    }
    await this.#leaveAll();
    await checkNothingLeft(this, (ms) => this.#runFor(ms));
  }

  async #makeRooms(): Promise<void> {
    const { random } = this;
    for (const room of this.rooms) {
      if (random.chance(0.5)) continue;
      const start = random.chance(0.5) ? "manual" : "auto";
      this.note(`${room} is created, start ${start}`);
      this.host.core?.rooms.create(room, { start, hostAbsenceMs: null }).catch(() => {});
    }
  }

  #schedule(delayMs: number, act: () => void): void {
    this.time.schedule(delayMs, act, ENVIRONMENT);
  }

  #startLater(): void {
    const { random } = this;
    if (this.#isHealing) return this.#schedule(50, () => this.host.start());
    const downMs = random.chance(0.8) ? random.spread(50, 10_000) : random.spread(1_000, 1.5 * this.hostAbsenceMs);
    this.#schedule(downMs, () => this.host.start());
  }

  /** Removes all faults and waits until everybody has recovered. */
  async #heal(): Promise<void> {
    this.note("all faults are removed");
    this.#end = undefined;
    this.#isHealing = true;
    this.disk.isFull = false;
    this.disk.slowestMs = 5;
    for (const { uplink, tabs } of this.people) {
      Object.assign(uplink, { latencyMs: 10, jitterMs: 10, bytesPerMs: 1_000 });
      setStalled(uplink, false);
      for (const tab of tabs) {
        tab.owner.unfreeze(this.time);
        this.time.schedule(0, () => this.restoreFromCache(tab), tab.owner);
      }
    }
    this.host.start();
    await this.#runFor(HEAL_MS);
    this.#isHealing = false;
  }

  restoreFromCache(tab: Tab): void {
    if (!tab.isOpen || !tab.isCached) return;
    tab.isCached = false;
    tab.room?.resume();
  }

  async #leaveAll(): Promise<void> {
    this.note("everybody leaves");
    for (const person of this.people) {
      for (const tab of [...person.tabs]) this.time.schedule(0, () => person.close(tab), tab.owner);
    }
    await this.#runFor(HEAL_MS);
  }

  async #runFor(ms: number): Promise<void> {
    const { time } = this;
    const untilMs = time.now + ms;
    while (time.step(untilMs)) {
      await settle();
      this.#check();
      if (time.steps !== this.#end?.afterStep) continue;
      this.#endRelay(this.#end.how);
      await settle();
    }
  }

  #endRelay(how: "kill" | "power"): void {
    this.note(`the relay ends: ${how}`);
    this.host.kill();
    if (how === "power") void this.disk.cutPower();
  }

  #check(): void {
    const violation = takeViolation();
    if (violation !== null) throw violation;
    if (this.#faults.length > 0) violate("I0", this.#faults.join("\n"));
    const { core, now } = this.host;
    if (core === null || now === null) return;
    const loaded = core.rooms.loaded;
    const handlesDeadlines = !this.host.isStopping && core.failure === null && !this.disk.isFull;
    this.oracle.afterStep(
      now,
      (name) => loaded.find((room) => room.name === name)?.describe() ?? null,
      handlesDeadlines,
    );
  }

  /** The stored content's next clock by client id. */
  storedClocksOf(room: string): ReadonlyMap<number, number> {
    return this.disk.room(room).stored;
  }

  stateVectorOf(doc: Y.Doc): Map<number, number> {
    return Y.decodeStateVector(Y.encodeStateVector(doc));
  }
}
