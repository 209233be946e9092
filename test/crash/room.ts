/** One room of the campaign: who comes and goes in it, and what was told of it. */
import type { MadeRoom } from "../e2e/relay-process.ts";
import type { CrashClient } from "./client.ts";
import type { Testimony } from "./testimony.ts";

export class CrashRoom {
  readonly made: MadeRoom;
  readonly hostAbsenceMs: number;
  readonly testimony: Testimony;
  readonly people: readonly CrashClient[];
  /** Somebody new after each start, with an empty document. */
  observer: CrashClient | null = null;
  /** Whether its hosts stay away until the next kill. */
  isHostless = false;
  /** What the relay said of its deadline while no host could come; `null` if one could since. */
  toldDeadline: number | null = null;

  constructor(made: MadeRoom, hostAbsenceMs: number, testimony: Testimony, people: readonly CrashClient[]) {
    this.made = made;
    this.hostAbsenceMs = hostAbsenceMs;
    this.testimony = testimony;
    this.people = people;
  }

  get everybody(): readonly CrashClient[] {
    return this.observer === null ? this.people : [...this.people, this.observer];
  }

  get isLive(): boolean {
    return this.observer?.session?.status === "live";
  }
}
