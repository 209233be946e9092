/** One room of the campaign: its clients, and what the relay has sent about it. */
import type { MadeRoom } from "../e2e/relay-process.ts";
import type { CrashClient } from "./client.ts";
import type { SentLog } from "./sent-log.ts";

export class CrashRoom {
  readonly made: MadeRoom;
  readonly hostAbsenceMs: number;
  readonly sentLog: SentLog;
  readonly people: readonly CrashClient[];
  /** A new client after each start, with an empty document. */
  observer: CrashClient | null = null;
  /** Whether its hosts stay away until the next kill. */
  isHostless = false;
  /** The deadline that the relay last reported while no host could connect; `null` if one could since. */
  sentDeadline: number | null = null;

  constructor(made: MadeRoom, hostAbsenceMs: number, sentLog: SentLog, people: readonly CrashClient[]) {
    this.made = made;
    this.hostAbsenceMs = hostAbsenceMs;
    this.sentLog = sentLog;
    this.people = people;
  }

  get everybody(): readonly CrashClient[] {
    return this.observer === null ? this.people : [...this.people, this.observer];
  }

  get isLive(): boolean {
    return this.observer?.session?.status === "live";
  }
}
