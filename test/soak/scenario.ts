/**
 * One lesson in one room: one or two hosts and some participants with different behaviour. What they do
 * depends on the seed and on the order in which they take random numbers.
 */
import type { Random } from "../random.ts";
import { compareRoom, inspectRoom } from "./check.ts";
import { NOTICED_WITHIN_MS, Person } from "./person.ts";
import { LONG_TOKEN_MS } from "./person-token.ts";
import type { SoakRoom } from "./soak-room.ts";
import { sendIntruder } from "./intruder.ts";
import { SoakEnded } from "./world.ts";
import type { World } from "./world.ts";

const SECOND_MS = 1_000;
const COMPARE_EVERY_MS = 30 * SECOND_MS;

/** What the host does in the second half of the lesson. */
const STYLES = [
  "ends",
  "ends-as-operator",
  "restarts",
  "leaves-briefly",
  "leaves-for-good",
  "is-suspended",
  "closes-page",
] as const;

export class Scenario {
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

  /** @param size how many take part. @throws SoakEnded */
  async play(size: number): Promise<void> {
    const hosts = size > 4 && this.#random.chance(0.15) ? 2 : 1;
    const parts = [this.#playHost(), this.#compareRegularly(), this.#inspectLate()];
    for (let i = 1; i < size; i++) parts.push(i < hosts ? this.#playSecondHost() : this.#playParticipant());
    if (this.#random.chance(0.5)) parts.push(this.#sendIntruder());
    try {
      // Wait for all, also if one has rejected: each cleans up.
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
    await this.#room.untilActive();
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

  async #playHost(): Promise<void> {
    const { between } = this.#chances;
    const style = this.#random.pick(STYLES);
    await this.#world.sleep(this.#lengthMs * between(0, 0.1));
    await this.#room.untilActive();
    await this.#room.startIfEnded();
    const host = await this.#open("host");
    await this.#editUntil(host, this.#lengthMs * between(0.35, 0.6));
    await this.#room.untilActive();
    await this.#actAs(style, host);
    if (style === "leaves-for-good") return;
    await this.#editUntil(host, this.#lengthMs * 0.05);
    await this.#room.untilActive();
    if (style === "ends" || style === "restarts") await host.press("end").catch(() => {});
    else if (style === "ends-as-operator") await this.#room.endAsOperator();
    // The ended screen is shown for a while.
    await this.#world.sleep(Math.max(this.#leftMs * 0.5, 0));
    await this.#room.untilActive();
    host.close();
  }

  async #actAs(style: (typeof STYLES)[number], host: Person): Promise<void> {
    const { between } = this.#chances;
    const shortMs = this.#room.hostAbsenceMs * between(0.1, 0.6);
    switch (style) {
      case "restarts":
        await host.press("end").catch(() => {});
        await this.#world.sleep(between(5, 20) * SECOND_MS);
        await this.#room.untilActive();
        await host.press("start").catch(() => {});
        host.join();
        return;
      case "leaves-briefly":
        if (this.#random.chance(0.5)) host.disconnect();
        else await host.leave();
        await this.#world.sleep(Math.min(shortMs, Math.max(this.#leftMs * 0.7, 0)));
        await this.#room.untilActive();
        host.join();
        return;
      case "is-suspended":
        host.suspend();
        await this.#world.sleep(NOTICED_WITHIN_MS + between(5, 15) * SECOND_MS);
        await host.resume();
        return;
      case "leaves-for-good":
        host.close();
        return;
      case "ends":
      case "ends-as-operator":
      case "closes-page":
        return;
    }
  }

  /** A second host, who is present for a part of the lesson. */
  async #playSecondHost(): Promise<void> {
    const { between } = this.#chances;
    await this.#world.sleep(this.#lengthMs * between(0.1, 0.4));
    const host = await this.#open("host");
    await this.#editUntil(host, this.#lengthMs * between(0.1, 0.4));
    await this.#room.untilActive();
    host.close();
  }

  // --- Participants -------------------------------------------------------------------------------

  async #playParticipant(): Promise<void> {
    const { between, chance } = this.#chances;
    // Most come in time, some late.
    await this.#world.sleep(this.#lengthMs * (chance(0.25) ? between(0.1, 0.5) : between(0, 0.1)));
    const person = await this.#open("participant");
    while (this.#leftMs > this.#lengthMs * 0.08) {
      await this.#editUntil(person, this.#leftMs - between(15, 60) * SECOND_MS);
      await this.#room.untilActive();
      if (this.#leftMs < this.#lengthMs * 0.2) break;
      await this.#interrupt(person);
    }
    await this.#world.sleep(Math.max(this.#leftMs * between(0.2, 0.8), 0));
    await this.#room.untilActive();
    person.close();
  }

  /** Sometimes a person loses the connection, leaves, or closes the computer for a while. */
  async #interrupt(person: Person): Promise<void> {
    const { between, chance } = this.#chances;
    const stayAway = (low: number, high: number) =>
      this.#world.sleep(Math.min(between(low, high) * SECOND_MS, Math.max(this.#leftMs * 0.8, 0)));
    if (chance(0.12)) {
      person.disconnect();
      await stayAway(2, 40);
    } else if (chance(0.08)) {
      await person.leave();
      await stayAway(5, 40);
    } else if (chance(0.06) && this.#leftMs > 2 * NOTICED_WITHIN_MS) {
      person.suspend();
      await this.#world.sleep(NOTICED_WITHIN_MS + between(1, 30) * SECOND_MS);
      await person.resume();
      return;
    }
    await this.#room.untilActive();
    person.join();
  }

  /** Types in bursts and moves the cursor, until `leftMs` of the lesson are left. */
  async #editUntil(person: Person, leftMs: number): Promise<void> {
    const { between, chance } = this.#chances;
    while (this.#leftMs > leftMs) {
      await this.#world.sleep(Math.min(between(5, 35) * SECOND_MS, Math.max(this.#leftMs - leftMs, 0) + 1));
      const position = this.#random.fraction();
      for (let edits = this.#random.below(7); edits > 0; edits--) {
        await this.#room.untilActive();
        // Edits outside the run are lost with the page, and are not expected to be stored.
        if (!person.isInRun) break;
        person.write(position);
        if (chance(0.4)) person.moveCursor(this.#random.below(1_000));
        await this.#world.sleep(between(0.2, 0.8) * SECOND_MS);
      }
      await this.#room.untilActive();
      if (person.isInRun && chance(0.1)) person.erase(position);
      person.join();
    }
  }

  // --- Checks ---------------------------------------------------------------------------------------

  async #compareRegularly(): Promise<void> {
    while (this.#leftMs > COMPARE_EVERY_MS) {
      await this.#world.sleep(COMPARE_EVERY_MS * (0.5 + this.#random.fraction()));
      await compareRoom(this.#world, this.#room);
    }
  }

  async #inspectLate(): Promise<void> {
    await this.#world.sleep(this.#lengthMs * this.#chances.between(0.5, 0.8));
    await inspectRoom(this.#world, this.#room);
  }

  async #sendIntruder(): Promise<void> {
    await this.#world.sleep(this.#lengthMs * this.#random.fraction());
    if (this.#world.hasEnded) throw new SoakEnded();
    await sendIntruder(this.#world, this.#room, this.#random);
  }
}
