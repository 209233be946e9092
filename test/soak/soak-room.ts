/**
 * One room as the people know it, apart from the relay's own reckoning: which edits must be in it, who
 * is there, since when no host is, and which ends are right.
 */
import type { RoomDescription } from "../../sync-server/room/room-service.ts";
import { countOne } from "./findings.ts";
import { MOST_STALLED_MS } from "./person.ts";
import type { Person } from "./person.ts";
import type { World } from "./world.ts";

/** A run ends no later than this after its deadline, in ms of the relay's time. */
const PROMPT_MS = 2_000;

type LastEdit = { readonly mark: string; readonly at: number };

export class SoakRoom {
  readonly name: string;
  readonly hostAbsenceMs: number;
  readonly #world: World;
  /** Everybody who has a page of it open. */
  readonly people = new Set<Person>();
  /** Edits that every newcomer must find. */
  readonly due = new Set<string>();
  /** Edits that were sent just before their authors went: due if the run was live then. */
  #lastEdits: LastEdit[] = [];
  readonly #hosts = new Set<Person>();
  /** When the last host went, as a range: who falls silent is missed later. `null`: a host is there. */
  #hostless: { readonly from: number; readonly until: number } | null = null;
  /** Runs that somebody asked to end. */
  readonly #commanded = new Set<number>();
  #judgedRun = 0;
  /** Until when the relay may still take somebody silent for present. */
  #unclearUntil = 0;
  #holders = 0;
  #waiters: (() => void)[] = [];
  wasUsed = false;

  constructor(world: World, name: string, hostAbsenceMs: number) {
    this.#world = world;
    this.name = name;
    this.hostAbsenceMs = hostAbsenceMs;
  }

  // --- Quiet ------------------------------------------------------------------------------------

  /** Keeps people from doing anything of their own accord; returns what lets them go on. */
  hold(): () => void {
    this.#holders++;
    return () => {
      if (--this.#holders > 0) return;
      for (const go of this.#waiters.splice(0)) go();
    };
  }

  /** Resolves as soon as people may do something. */
  async free(): Promise<void> {
    while (this.#holders > 0) await new Promise<void>((resolve) => this.#waiters.push(resolve));
  }

  /** Whether all know who is there. */
  get isClear(): boolean {
    return this.#world.clock.now() >= this.#unclearUntil && ![...this.people].some(({ isUnclear }) => isUnclear);
  }

  // --- Hosts and ends ---------------------------------------------------------------------------

  hostIn(host: Person): void {
    this.#hosts.add(host);
    this.#hostless = null;
  }

  /** @param withinMs how long the relay may take to notice. */
  hostOut(host: Person, withinMs = 0): void {
    if (!this.#hosts.delete(host) || this.#hosts.size > 0) return;
    const from = this.#world.clock.now();
    this.#hostless = { from, until: from + withinMs };
  }

  /** Somebody has stopped answering; the relay notices within so many ms. */
  fellSilent(withinMs: number): void {
    this.#unclearUntil = Math.max(this.#unclearUntil, this.#world.clock.now() + withinMs);
  }

  async endAsOperator(): Promise<void> {
    const { relay } = this.#world;
    this.willEnd((await relay.describe(this.name)).run);
    this.judge(await relay.command(this.name, "end"));
  }

  /** A host or an operator is about to end a run. */
  willEnd(run: number): void {
    this.#commanded.add(run);
  }

  /** Sees to it that the room has a live run, unless it waits for its first host. */
  async startIfEnded(): Promise<void> {
    const { relay } = this.#world;
    const seen = await relay.describe(this.name);
    this.judge(seen);
    if (seen.status !== "ended") return;
    await relay.command(this.name, "start");
    this.willStart();
  }

  /** Without a host in it, a run that starts has its deadline at once. */
  willStart(): void {
    if (this.#hosts.size > 0) return;
    const from = this.#world.clock.now();
    this.#hostless = { from, until: from };
  }

  /** Looks at what the relay says: whether a run that has ended should have. */
  judge(seen: RoomDescription): void {
    this.#settleLastEdits(seen);
    const { findings } = this.#world;
    const { run, status, ended, absentSince, endsAt } = seen;
    if (status === "live" && endsAt !== null && endsAt - absentSince! !== this.hostAbsenceMs) {
      findings.add(
        "wrong ends",
        `${this.name} run ${run}: the deadline is ${endsAt - absentSince!} ms after the going`,
      );
    }
    if (ended === null || run <= this.#judgedRun) return;
    this.#judgedRun = run;
    countOne(findings.ends, ended.reason);
    if (ended.reason !== "host-absent") {
      if (!this.#commanded.has(run)) findings.add("wrong ends", `${this.name} run ${run}: nobody asked for its end`);
      return;
    }
    if (this.#hostless === null) {
      findings.add("wrong ends", `${this.name} run ${run} ended by absence, and a host was there`);
      return;
    }
    const { from, until } = this.#hostless;
    const slackMs = this.#world.slackMs(ended.at);
    // When the relay missed somebody silent is not known if it stood still itself.
    const isVague = until > from && this.#world.stalledMs(from, until) > MOST_STALLED_MS;
    const earlyMs = from + this.hostAbsenceMs - ended.at;
    const lateMs = ended.at - (until + this.hostAbsenceMs) - PROMPT_MS;
    if (earlyMs > slackMs) findings.add("wrong ends", `${this.name} run ${run} ended ${earlyMs} ms too early`);
    if (lateMs > slackMs && !isVague) findings.add("wrong ends", `${this.name} run ${run} ended ${lateMs} ms too late`);
  }

  // --- Edits ------------------------------------------------------------------------------------

  /** Takes the edits of somebody who has just said goodbye on the line that they went over. */
  sentLast(marks: readonly string[]): void {
    const at = this.#world.clock.now();
    this.#lastEdits.push(...marks.map((mark) => ({ mark, at })));
  }

  #settleLastEdits({ status, startedAt, ended }: RoomDescription): void {
    const now = this.#world.clock.now();
    const young: LastEdit[] = [];
    for (const edit of this.#lastEdits) {
      const { mark, at } = edit;
      const slackMs = this.#world.slackMs(at);
      const wasLive = startedAt !== null && startedAt <= at && (status === "live" || ended!.at > at + slackMs);
      if (now - at < slackMs) young.push(edit);
      else if (wasLive) this.due.add(mark);
      else this.#world.findings.abandonedEdits++;
    }
    this.#lastEdits = young;
  }
}
