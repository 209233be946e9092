/**
 * Kills a relay repeatedly at random moments while clients are active in its rooms, and checks after
 * each restart that nothing is lost that the relay had sent to anybody.
 */
import { systemClock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import type { MadeRoom, RoomDescription } from "../e2e/relay-process.ts";
import { TIMEOUT_MS, until as untilSlowly } from "../e2e/until.ts";
import { Random } from "../random.ts";
import { CrashClient } from "./client.ts";
import type { Listener } from "./client.ts";
import { fillCompileCache } from "./compile-cache.ts";
import { CrashRoom } from "./room.ts";
import { SentLog } from "./sent-log.ts";

const SECRET = "a secret of the crash tests, long enough for HS256";
const HOUR_MS = 3_600_000;
const GRACE_MS = 150;
/** Load before a kill, in ms. */
const LOAD_MIN_MS = 20;
const LOAD_MAX_MS = 250;
const TICK_MS = 2;
const ACTIONS_PER_TICK = 3;
/** How late a deadline may fire on a busy machine, in ms. */
const LATE_MS = 2_000;
/** Rounding differences between the clocks of two processes, in ms. */
const ROUNDING_MS = 3;

/** The rooms: absence limit and start mode. */
const ROOMS = [
  { room: "long", hostAbsenceMs: 60_000, start: "auto" },
  { room: "manual", hostAbsenceMs: 60_000, start: "manual" },
  { room: "brief", hostAbsenceMs: 300, start: "auto" },
  { room: "other", hostAbsenceMs: 5_000, start: "auto" },
] as const;
const PEOPLE: readonly (readonly [name: string, role: Role])[] = [
  ["host", "host"],
  ["cohost", "host"],
  ["ann", "participant"],
  ["bob", "participant"],
  ["cleo", "participant"],
];

/** With a shorter polling interval than usual: there are many short waits. */
const until = (what: string, read: () => boolean): Promise<boolean> => untilSlowly(what, read, TIMEOUT_MS, TICK_MS);

export type Outcome = {
  readonly kills: number;
  /** Violations by rule. */
  readonly violations: ReadonlyMap<string, readonly string[]>;
  /** How often each check has run: a check that never runs cannot fail. */
  readonly checks: Readonly<Record<"sessions" | "contents" | "returns" | "deadlines" | "ends" | "madeRooms", number>>;
};

export class Campaign {
  readonly #random: Random;
  readonly #relay: RelayProcess;
  readonly #tokens = createTokens(SECRET, systemClock());
  readonly #violations = new Map<string, string[]>();
  readonly #checks = { sessions: 0, contents: 0, returns: 0, deadlines: 0, ends: 0, madeRooms: 0 };
  #rooms: CrashRoom[] = [];
  #madeRooms: MadeRoom[] = [];
  #kills = 0;

  private constructor(seed: number, relay: RelayProcess) {
    this.#random = new Random(seed);
    this.#relay = relay;
  }

  /** @param onProgress called after each kill, with their number. */
  static async run(seed: number, kills: number, onProgress: (kills: number) => void): Promise<Outcome> {
    const compiled = fillCompileCache();
    const relay = await RelayProcess.start({
      ...compiled.env,
      SESSION_ROOM_TOKEN_SECRET: SECRET,
      SESSION_ROOM_RESTART_GRACE: `${GRACE_MS}ms`,
    });
    const campaign = new Campaign(seed, relay);
    try {
      await campaign.#makeRooms();
      let startedAt = { spawned: 0, ready: 0 };
      for (;;) {
        await campaign.#checkAfterStart(startedAt);
        if (campaign.#kills === kills) break;
        await campaign.#reconnectPeople();
        // After a loss, further rounds take long and show nothing new.
        if (campaign.#violations.size > 0) break;
        await campaign.#loadAndKill();
        const spawned = Date.now();
        await relay.startAgain();
        startedAt = { spawned, ready: Date.now() };
        onProgress(++campaign.#kills);
      }
      campaign.#readLog();
    } finally {
      for (const { everybody } of campaign.#rooms) for (const client of everybody) client.disconnect();
      await relay.stop();
      compiled.remove();
    }
    return { kills: campaign.#kills, violations: campaign.#violations, checks: campaign.#checks };
  }

  readonly #reportViolation = (rule: string, what: string): void => {
    const list = this.#violations.get(rule) ?? [];
    this.#violations.set(rule, list);
    list.push(`after ${this.#kills} kills, ${what}`);
  };

  get #wsUrl(): string {
    return this.#relay.url.replace("http", "ws").replace("localhost", "127.0.0.1");
  }

  async #makeRooms(): Promise<void> {
    for (const options of ROOMS) {
      const sentLog = new SentLog(options.room, this.#reportViolation);
      const listener: Listener = {
        session: (client, session, ledgerId) => {
          sentLog.recordSession(client.name, session);
          sentLog.recordLedgerId(ledgerId);
        },
        answer: (_, command, answer) => sentLog.recordAnswer(command, answer),
      };
      const made = await this.#relay.makeRoom(options);
      const people: CrashClient[] = [];
      for (const [name, role] of PEOPLE) people.push(await this.#person(name, role, options.room, listener));
      this.#rooms.push(new CrashRoom(made, options.hostAbsenceMs, sentLog, people));
    }
  }

  async #person(name: string, role: Role, room: string, listener: Listener): Promise<CrashClient> {
    const token = await this.#tokens.sign({ room, role, sub: name, name, expiresAt: Date.now() + HOUR_MS });
    return new CrashClient(name, role, room, token, listener);
  }

  /** Checks what the relay has kept, before any client that could restore it is connected. */
  async #checkAfterStart(startedAt: { spawned: number; ready: number }): Promise<void> {
    await Promise.all(
      this.#rooms.map(async (room) => {
        const described = await this.#relay.describe(room.made);
        room.sentLog.checkSession(described);
        this.#checks.sessions++;
        if (startedAt.spawned > 0) this.#checkDeadline(room, described, startedAt);
        room.sentDeadline = described.endsAt;
        const name = `observer ${this.#kills}`;
        room.observer = await this.#person(name, "participant", room.made.room, {
          session: (_, session, ledgerId) => {
            room.sentLog.recordSession(name, session);
            room.sentLog.recordLedgerId(ledgerId);
          },
          answer: () => {},
        });
        const { observer } = room;
        observer.connect(this.#wsUrl);
        await until(`an observer has received ${room.made.room}`, () =>
          observer.session?.status === "live" ? observer.isSynced : observer.session !== null,
        );
        if (!observer.isSynced) return;
        room.sentLog.checkContent(observer.stateVector);
        this.#checks.contents++;
      }),
    );
    for (const made of this.#madeRooms.splice(0)) {
      const { status } = await this.#relay.call(`/v1/rooms/${made.room}`, { token: made.hostToken });
      if (status !== 200) this.#reportViolation("R1", `a room was created, and now is answered with ${status}`);
      this.#checks.madeRooms++;
    }
  }

  #checkDeadline(
    room: CrashRoom,
    { status, endsAt, ended }: RoomDescription,
    { spawned, ready }: { spawned: number; ready: number },
  ): void {
    const { sentDeadline: sent, hostAbsenceMs } = room;
    const isWithin = (at: number, from: number, to: number) => at >= from - ROUNDING_MS && at <= to + ROUNDING_MS;
    const show = `${room.made.room}: sent ${sent}, started within ${spawned} and ${ready}, now ${endsAt}, ended ${ended?.at}`;
    if (status === "live") {
      this.#checks.deadlines++;
      // No host can have connected yet.
      if (endsAt === null) return this.#reportViolation("L14", `no deadline: ${show}`);
      const from = sent === null ? spawned + Math.min(GRACE_MS, hostAbsenceMs) : Math.max(sent, spawned + GRACE_MS);
      const to = Math.max(sent ?? ready + hostAbsenceMs, ready + GRACE_MS);
      if (!isWithin(endsAt, from, to)) this.#reportViolation("L14", `another deadline: ${show}`);
    } else if (ended?.reason === "host-absent" && sent !== null && ended.at >= sent) {
      this.#checks.ends++;
      // No deadline fires within the grace period; it may have fired before the kill.
      if (ended.at > spawned + ROUNDING_MS && ended.at < spawned + GRACE_MS)
        this.#reportViolation("L14", `too early: ${show}`);
      if (ended.at > Math.max(sent, ready + GRACE_MS) + LATE_MS) this.#reportViolation("L5", `too late: ${show}`);
    } else if (ended?.reason === "host-absent" && sent !== null)
      this.#reportViolation("L5", `before its deadline: ${show}`);
  }

  /** Reconnects clients, which send what was written meanwhile. */
  async #reconnectPeople(): Promise<void> {
    for (const room of this.#rooms) {
      room.isHostless = this.#random.percent(35);
      if (!room.isHostless) room.sentDeadline = null;
      for (const client of room.people) {
        const staysAway = client.role === "host" ? room.isHostless : this.#random.percent(15);
        if (!staysAway) client.connect(this.#wsUrl);
      }
    }
    await Promise.all(
      this.#rooms.map(async (room) => {
        const present = room.everybody.filter(({ isConnected }) => isConnected);
        const observer = room.observer!;
        const areSynced = (): boolean =>
          present.every(({ session, isSynced }) => session !== null && (isSynced || session.status !== "live"));
        const areEqual = (): boolean => {
          // Counts first: this runs often, and the lists grow long.
          if (present.some(({ entryCount }) => entryCount !== observer.entryCount)) return false;
          const [first, ...others] = present.map(({ entries }) => entries.join());
          return others.every((entries) => entries === first);
        };
        try {
          await until("all have reconnected", () => areSynced() && (!room.isLive || areEqual()));
          if (observer.isSynced && room.isLive) this.#checks.returns++;
        } catch {
          const held = present.map(
            ({ name, entries, isSynced }) => `${name} ${entries.length}${isSynced ? "" : " unsynced"}`,
          );
          this.#reportViolation("R3", `${room.made.room}: not all edits are restored: ${held.join(", ")}`);
        }
      }),
    );
  }

  async #loadAndKill(): Promise<void> {
    const killAfterMs = LOAD_MIN_MS + this.#random.below(LOAD_MAX_MS - LOAD_MIN_MS);
    const killAt = performance.now() + killAfterMs;
    let isRoomRequested = false;
    while (performance.now() < killAt) {
      for (let i = 0; i < ACTIONS_PER_TICK; i++) this.#act();
      if (!isRoomRequested && this.#random.percent(5)) {
        isRoomRequested = true;
        // The relay may be killed before it answers.
        this.#relay.makeRoom().then(
          (made) => this.#madeRooms.push(made),
          () => {},
        );
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await this.#relay.kill();
    const clients = this.#rooms.flatMap(({ everybody }) => everybody);
    await until("all connections have closed and their data is read", () =>
      clients.every(({ isConnected }) => !isConnected),
    );
    for (const { sentLog, everybody, people } of this.#rooms) {
      for (const { stateVector, doc } of everybody) sentLog.recordContent(stateVector, doc.clientID);
      if (this.#random.percent(30)) this.#random.pick(people).write(1);
    }
  }

  /** One random action of one random client. */
  #act(): void {
    const room = this.#random.pick(this.#rooms);
    const client = this.#random.pick(room.people);
    const isHost = client.role === "host";
    if (isHost && room.isHostless) return;
    if (!client.isConnected) return client.connect(this.#wsUrl);
    const { session } = client;
    if (session === null) return;
    const dice = this.#random.below(100);
    if (isHost && session.status !== "live" && dice < 50) return client.command({ type: "start", run: session.run });
    if (isHost && session.status === "live" && dice < 5) return client.command({ type: "end", run: session.run });
    if (dice < 10) return client.command({ type: "leave" });
    if (dice < 20) return client.join();
    if (dice < 25) return client.disconnect();
    client.write(this.#random.percent(80) ? 1 : this.#random.below(100) / 100);
  }

  /** Reports log lines that only a bug writes: level "error" and above, and what is not a log line. */
  #readLog(): void {
    for (const line of this.#relay.log.split("\n")) {
      if (line !== "" && !/"level":[1-4]0/.test(line)) this.#reportViolation("log", line);
    }
  }
}
