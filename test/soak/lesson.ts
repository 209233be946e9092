/** One lesson in one room: a host or two and some participants, each with their habits. What they do hangs on the seed and on who comes to it first. */
import type { Random } from "../random.ts";
import { compareRoom, inspectRoom } from "./check.ts";
import { DROPPED_WITHIN_MS, LONG_TOKEN_MS, Person } from "./person.ts";
import type { SoakRoom } from "./soak-room.ts";
import { sendStranger } from "./stranger.ts";
import { Over } from "./world.ts";
import type { World } from "./world.ts";

const SECOND_MS = 1_000;
const COMPARE_EVERY_MS = 30 * SECOND_MS;

/** What a host makes of the lesson. */
const STYLES = ["ends", "ends-as-operator", "begins-again", "steps-out", "walks-away", "sleeps", "just-goes"] as const;

export class Lesson {
  readonly #world: World;
  readonly #room: SoakRoom;
  readonly #random: Random;
  readonly #endsAt: number;
  readonly #lengthMs: number;
  readonly #people: Person[] = [];

  constructor(world: World, room: SoakRoom, random: Random, lengthMs: number) {
    this.#world = world;
    this.#room = room;
    this.#random = random;
    this.#lengthMs = lengthMs;
    this.#endsAt = world.clock.now() + lengthMs;
  }

  /** @param size how many take part. @throws Over */
  async play(size: number): Promise<void> {
    const hosts = size > 4 && this.#random.chance(0.15) ? 2 : 1;
    const parts = [this.#teach(), this.#watch(), this.#inspectLate()];
    for (let i = 1; i < size; i++) parts.push(i < hosts ? this.#assist() : this.#attend());
    if (this.#random.chance(0.5)) parts.push(this.#strangerComes());
    try {
      // All of them, also if one is over: each tidies up.
      const results = await Promise.allSettled(parts);
      for (const result of results) if (result.status === "rejected") throw result.reason;
    } finally {
      for (const person of this.#people) person.close();
    }
  }

  get #leftMs(): number {
    return this.#endsAt - this.#world.clock.now();
  }

  async #open(role: "host" | "participant"): Promise<Person> {
    const { chance, between } = this.#chances;
    await this.#room.free();
    const kind = chance(0.5) ? "stock" : "room";
    const isKnown = chance(0.75);
    const tokenMs = chance(0.2) ? between(60, 150) * SECOND_MS : LONG_TOKEN_MS;
    const person = await Person.open(this.#world, this.#room, { kind, role, isKnown, tokenMs });
    this.#people.push(person);
    return person;
  }

  get #chances() {
    return {
      chance: (probability: number) => this.#random.chance(probability),
      between: (low: number, high: number) => this.#random.between(low, high),
    };
  }

  // --- Hosts --------------------------------------------------------------------------------------

  async #teach(): Promise<void> {
    const { between } = this.#chances;
    const style = this.#random.pick(STYLES);
    await this.#world.sleep(this.#lengthMs * between(0, 0.1));
    await this.#room.free();
    await this.#room.startIfEnded();
    const host = await this.#open("host");
    await this.#workUntil(host, this.#lengthMs * between(0.35, 0.6));
    await this.#room.free();
    await this.#actAs(style, host);
    if (style === "walks-away") return;
    await this.#workUntil(host, this.#lengthMs * 0.05);
    await this.#room.free();
    if (style === "ends" || style === "begins-again") await host.press("end").catch(() => {});
    else if (style === "ends-as-operator") await this.#room.endAsOperator();
    // People look at the ended screen for a while.
    await this.#world.sleep(Math.max(this.#leftMs * 0.5, 0));
    await this.#room.free();
    host.close();
  }

  async #actAs(style: (typeof STYLES)[number], host: Person): Promise<void> {
    const { between } = this.#chances;
    const shortMs = this.#room.hostAbsenceMs * between(0.1, 0.6);
    switch (style) {
      case "begins-again":
        await host.press("end").catch(() => {});
        await this.#world.sleep(between(5, 20) * SECOND_MS);
        await this.#room.free();
        await host.press("start").catch(() => {});
        host.comeIn();
        return;
      case "steps-out":
        if (this.#random.chance(0.5)) host.drop();
        else await host.goOut();
        await this.#world.sleep(Math.min(shortMs, Math.max(this.#leftMs * 0.7, 0)));
        await this.#room.free();
        host.comeIn();
        return;
      case "sleeps":
        host.fallAsleep();
        await this.#world.sleep(DROPPED_WITHIN_MS + between(5, 15) * SECOND_MS);
        await host.wake();
        return;
      case "walks-away":
        host.close();
        return;
      case "ends":
      case "ends-as-operator":
      case "just-goes":
        return;
    }
  }

  /** A second host, who is there for part of it. */
  async #assist(): Promise<void> {
    const { between } = this.#chances;
    await this.#world.sleep(this.#lengthMs * between(0.1, 0.4));
    const host = await this.#open("host");
    await this.#workUntil(host, this.#lengthMs * between(0.1, 0.4));
    await this.#room.free();
    host.close();
  }

  // --- Participants -------------------------------------------------------------------------------

  async #attend(): Promise<void> {
    const { between, chance } = this.#chances;
    // Some are early and wait, most are in time, some are late.
    await this.#world.sleep(this.#lengthMs * (chance(0.25) ? between(0.1, 0.5) : between(0, 0.1)));
    const person = await this.#open("participant");
    while (this.#leftMs > this.#lengthMs * 0.08) {
      await this.#workUntil(person, this.#leftMs - between(15, 60) * SECOND_MS);
      await this.#room.free();
      if (this.#leftMs < this.#lengthMs * 0.2) break;
      await this.#stray(person);
    }
    await this.#world.sleep(Math.max(this.#leftMs * between(0.2, 0.8), 0));
    await this.#room.free();
    person.close();
  }

  /** Now and then something comes between. */
  async #stray(person: Person): Promise<void> {
    const { between, chance } = this.#chances;
    const stayAway = (low: number, high: number) =>
      this.#world.sleep(Math.min(between(low, high) * SECOND_MS, Math.max(this.#leftMs * 0.8, 0)));
    if (chance(0.12)) {
      person.drop();
      await stayAway(2, 40);
    } else if (chance(0.08)) {
      await person.goOut();
      await stayAway(5, 40);
    } else if (chance(0.06) && this.#leftMs > 2 * DROPPED_WITHIN_MS) {
      person.fallAsleep();
      await this.#world.sleep(DROPPED_WITHIN_MS + between(1, 30) * SECOND_MS);
      await person.wake();
      return;
    }
    await this.#room.free();
    person.comeIn();
  }

  /** Types in bursts, with the cursor moving along, until so much of the lesson is left. */
  async #workUntil(person: Person, leftMs: number): Promise<void> {
    const { between, chance } = this.#chances;
    while (this.#leftMs > leftMs) {
      await this.#world.sleep(Math.min(between(5, 35) * SECOND_MS, Math.max(this.#leftMs - leftMs, 0) + 1));
      const place = this.#random.fraction();
      for (let edits = this.#random.below(7); edits > 0; edits--) {
        await this.#room.free();
        // What one types into a page outside the run is lost when it is closed, and nobody was promised it.
        if (!person.isInRun) break;
        person.write(place);
        if (chance(0.4)) person.moveCursor(this.#random.below(1_000));
        await this.#world.sleep(between(0.2, 0.8) * SECOND_MS);
      }
      await this.#room.free();
      if (person.isInRun && chance(0.1)) person.erase(place);
      person.comeIn();
    }
  }

  // --- Those who look -------------------------------------------------------------------------------

  async #watch(): Promise<void> {
    while (this.#leftMs > COMPARE_EVERY_MS) {
      await this.#world.sleep(COMPARE_EVERY_MS * (0.5 + this.#random.fraction()));
      await compareRoom(this.#world, this.#room);
    }
  }

  async #inspectLate(): Promise<void> {
    await this.#world.sleep(this.#lengthMs * this.#chances.between(0.5, 0.8));
    await inspectRoom(this.#world, this.#room);
  }

  async #strangerComes(): Promise<void> {
    await this.#world.sleep(this.#lengthMs * this.#random.fraction());
    if (this.#world.isOver) throw new Over();
    await sendStranger(this.#world, this.#room, this.#random);
  }
}
