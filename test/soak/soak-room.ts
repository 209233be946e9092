/**
 * The expected state of one room, computed independently of the relay: which edits it must contain, who is
 * present, since when it has no host, and which ends are correct.
 */
import type { RoomDescription } from "../../sync-server/room/room-service.ts";
import { countOne } from "./findings.ts";
import { TOLERATED_STALL_MS } from "./person.ts";
import type { Person } from "./person.ts";
import type { World } from "./world.ts";

/** A run ends no later than this after its deadline, in ms of the relay's time. */
const PROMPT_MS = 2_000;

type LastEdit = { readonly editId: string; readonly at: number };

export class SoakRoom {
  readonly name: string;
  readonly hostAbsenceMs: number;
  readonly #world: World;
  /** Everybody with an open page of it. */
  readonly people = new Set<Person>();
  /** Edits that every new client must receive. */
  readonly expectedEdits = new Set<string>();
  /** Edits that were sent just before their authors left: expected if the run was live then. */
  #lastEdits: LastEdit[] = [];
  readonly #hosts = new Set<Person>();
  /** When the last host left, as a range, since the relay notices a silent one later. `null`: a host is present. */
  #hostless: { readonly from: number; readonly until: number } | null = null;
  /** Runs whose end was requested. */
  readonly #commanded = new Set<number>();
  #checkedRun = 0;
  /** Until when the relay may still count a silent client as present. */
  #uncertainUntil = 0;
  #pauses = 0;
  #waiting: (() => void)[] = [];
  wasUsed = false;

  constructor(world: World, name: string, hostAbsenceMs: number) {
    this.#world = world;
    this.name = name;
    this.hostAbsenceMs = hostAbsenceMs;
  }

  // --- Pauses -----------------------------------------------------------------------------------

  /** Pauses people's activity during a check; returns the function that ends the pause. */
  pauseActivity(): () => void {
    this.#pauses++;
    return () => {
      if (--this.#pauses > 0) return;
      for (const resume of this.#waiting.splice(0)) resume();
    };
  }

  /** Resolves as soon as people may act. */
  async untilActive(): Promise<void> {
    while (this.#pauses > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whether the relay must know who is present. */
  get isPresenceCertain(): boolean {
    return (
      this.#world.clock.now() >= this.#uncertainUntil &&
      ![...this.people].some(({ isPresenceUncertain }) => isPresenceUncertain)
    );
  }

  // --- Hosts and ends ---------------------------------------------------------------------------

  hostJoined(host: Person): void {
    this.#hosts.add(host);
    this.#hostless = null;
  }

  /** @param withinMs how long the relay may take to notice. */
  hostLeft(host: Person, withinMs = 0): void {
    if (!this.#hosts.delete(host) || this.#hosts.size > 0) return;
    const from = this.#world.clock.now();
    this.#hostless = { from, until: from + withinMs };
  }

  /** A client has stopped answering; the relay notices within `withinMs`. */
  becameSilent(withinMs: number): void {
    this.#uncertainUntil = Math.max(this.#uncertainUntil, this.#world.clock.now() + withinMs);
  }

  async endAsOperator(): Promise<void> {
    const { relay } = this.#world;
    this.expectEnd((await relay.describe(this.name)).run);
    this.checkState(await relay.command(this.name, "end"));
  }

  /** To be called before a host or an operator ends a run. */
  expectEnd(run: number): void {
    this.#commanded.add(run);
  }

  /** Starts a run if the last one has ended. */
  async startIfEnded(): Promise<void> {
    const { relay } = this.#world;
    const seen = await relay.describe(this.name);
    this.checkState(seen);
    if (seen.status !== "ended") return;
    await relay.command(this.name, "start");
    this.expectStart();
  }

  /** Records a start: without a host the run has a deadline at once. */
  expectStart(): void {
    if (this.#hosts.size > 0) return;
    const from = this.#world.clock.now();
    this.#hostless = { from, until: from };
  }

  /** Checks the relay's description: whether a run that has ended should have ended. */
  checkState(seen: RoomDescription): void {
    this.#settleLastEdits(seen);
    const { findings } = this.#world;
    const { run, status, ended, absentSince, endsAt } = seen;
    if (status === "live" && endsAt !== null && endsAt - absentSince! !== this.hostAbsenceMs) {
      findings.add(
        "wrong ends",
        `${this.name} run ${run}: the deadline is ${endsAt - absentSince!} ms after the last host has left`,
      );
    }
    if (ended === null || run <= this.#checkedRun) return;
    this.#checkedRun = run;
    countOne(findings.ends, ended.reason);
    if (ended.reason !== "host-absent") {
      if (!this.#commanded.has(run)) findings.add("wrong ends", `${this.name} run ${run}: nobody requested its end`);
      return;
    }
    if (this.#hostless === null) {
      findings.add("wrong ends", `${this.name} run ${run} ended by absence although a host was present`);
      return;
    }
    const { from, until } = this.#hostless;
    const slackMs = this.#world.slackMs(ended.at);
    // When the relay noticed a silent client is not known if it was stalled.
    const isUncertain = until > from && this.#world.stalledMs(from, until) > TOLERATED_STALL_MS;
    const earlyMs = from + this.hostAbsenceMs - ended.at;
    const lateMs = ended.at - (until + this.hostAbsenceMs) - PROMPT_MS;
    if (earlyMs > slackMs) findings.add("wrong ends", `${this.name} run ${run} ended ${earlyMs} ms too early`);
    if (lateMs > slackMs && !isUncertain)
      findings.add("wrong ends", `${this.name} run ${run} ended ${lateMs} ms too late`);
  }

  // --- Edits ------------------------------------------------------------------------------------

  /** Records edits that were sent just before their connection was closed. */
  sentBeforeClosing(editIds: readonly string[]): void {
    const at = this.#world.clock.now();
    this.#lastEdits.push(...editIds.map((editId) => ({ editId, at })));
  }

  #settleLastEdits({ status, startedAt, ended }: RoomDescription): void {
    const now = this.#world.clock.now();
    const young: LastEdit[] = [];
    for (const edit of this.#lastEdits) {
      const { editId, at } = edit;
      const slackMs = this.#world.slackMs(at);
      const wasLive = startedAt !== null && startedAt <= at && (status === "live" || ended!.at > at + slackMs);
      if (now - at < slackMs) young.push(edit);
      else if (wasLive) this.expectedEdits.add(editId);
      else this.#world.findings.abandonedEdits++;
    }
    this.#lastEdits = young;
  }
}
