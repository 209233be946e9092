/**
 * Kills a relay again and again at moments that it does not choose, with people in its rooms, and
 * looks after each new start whether anything is lost that anybody was told.
 */
import { systemClock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import type { MadeRoom, RoomDescription } from "../e2e/relay-process.ts";
import { PATIENCE_MS, until as untilSlowly } from "../e2e/until.ts";
import { Random } from "../random.ts";
import { CrashClient } from "./client.ts";
import type { Listener } from "./client.ts";
import { fillCompileCache } from "./compile-cache.ts";
import { CrashRoom } from "./room.ts";
import { Testimony } from "./testimony.ts";

const SECRET = "a secret of the crash tests, long enough for HS256";
const HOUR_MS = 3_600_000;
const GRACE_MS = 150;
/** Load before a kill, in ms. */
const LOAD_MIN_MS = 20;
const LOAD_MAX_MS = 250;
const TICK_MS = 2;
const ACTIONS_PER_TICK = 3;
/** How late a deadline may be served on a busy machine, in ms. */
const LATE_MS = 2_000;
/** Two processes round their clocks, in ms. */
const ROUNDING_MS = 3;

/** What each room is like: the limit of its absence, and how it starts. */
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

/** Waits are short, and there are many. */
const until = (what: string, look: () => boolean): Promise<boolean> => untilSlowly(what, look, PATIENCE_MS, TICK_MS);

export type Outcome = {
  readonly kills: number;
  /** Complaints by the rule that was broken. */
  readonly broken: ReadonlyMap<string, readonly string[]>;
  /** How often what was looked at; a check that never looks cannot fail. */
  readonly looks: Readonly<Record<"sessions" | "contents" | "returns" | "deadlines" | "ends" | "madeRooms", number>>;
};

export class Campaign {
  readonly #random: Random;
  readonly #relay: RelayProcess;
  readonly #tokens = createTokens(SECRET, systemClock());
  readonly #broken = new Map<string, string[]>();
  readonly #looks = { sessions: 0, contents: 0, returns: 0, deadlines: 0, ends: 0, madeRooms: 0 };
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
        await campaign.#look(startedAt);
        if (campaign.#kills === kills) break;
        await campaign.#return();
        // What comes after something was lost says nothing new, and takes long.
        if (campaign.#broken.size > 0) break;
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
      compiled.drop();
    }
    return { kills: campaign.#kills, broken: campaign.#broken, looks: campaign.#looks };
  }

  readonly #complain = (rule: string, what: string): void => {
    const list = this.#broken.get(rule) ?? [];
    this.#broken.set(rule, list);
    list.push(`after ${this.#kills} kills, ${what}`);
  };

  get #wsUrl(): string {
    return this.#relay.url.replace("http", "ws").replace("localhost", "127.0.0.1");
  }

  async #makeRooms(): Promise<void> {
    for (const options of ROOMS) {
      const testimony = new Testimony(options.room, this.#complain);
      const listener: Listener = {
        session: (client, session, ledgerId) => {
          testimony.heardSession(client.name, session);
          testimony.heardLedgerId(ledgerId);
        },
        answer: (_, command, answer) => testimony.heardAnswer(command, answer),
      };
      const made = await this.#relay.makeRoom(options);
      const people: CrashClient[] = [];
      for (const [name, role] of PEOPLE) people.push(await this.#person(name, role, options.room, listener));
      this.#rooms.push(new CrashRoom(made, options.hostAbsenceMs, testimony, people));
    }
  }

  async #person(name: string, role: Role, room: string, listener: Listener): Promise<CrashClient> {
    const token = await this.#tokens.sign({ room, role, sub: name, name, expiresAt: Date.now() + HOUR_MS });
    return new CrashClient(name, role, room, token, listener);
  }

  /** What the relay has kept, before anybody who could bring it back is there. */
  async #look(startedAt: { spawned: number; ready: number }): Promise<void> {
    await Promise.all(
      this.#rooms.map(async (room) => {
        const described = await this.#relay.describe(room.made);
        room.testimony.checkSession(described);
        this.#looks.sessions++;
        if (startedAt.spawned > 0) this.#checkDeadline(room, described, startedAt);
        room.toldDeadline = described.endsAt;
        const name = `observer ${this.#kills}`;
        room.observer = await this.#person(name, "participant", room.made.room, {
          session: (_, session, ledgerId) => {
            room.testimony.heardSession(name, session);
            room.testimony.heardLedgerId(ledgerId);
          },
          answer: () => {},
        });
        const { observer } = room;
        observer.connect(this.#wsUrl);
        await until(`${room.made.room} is told to an observer`, () =>
          observer.session?.status === "live" ? observer.isSynced : observer.session !== null,
        );
        if (!observer.isSynced) return;
        room.testimony.checkContent(observer.stateVector);
        this.#looks.contents++;
      }),
    );
    for (const made of this.#madeRooms.splice(0)) {
      const { status } = await this.#relay.call(`/v1/rooms/${made.room}`, { token: made.hostToken });
      if (status !== 200) this.#complain("R1", `a room was made, and now is ${status}`);
      this.#looks.madeRooms++;
    }
  }

  #checkDeadline(
    room: CrashRoom,
    { status, endsAt, ended }: RoomDescription,
    { spawned, ready }: { spawned: number; ready: number },
  ): void {
    const { toldDeadline: told, hostAbsenceMs } = room;
    const isWithin = (at: number, from: number, to: number) => at >= from - ROUNDING_MS && at <= to + ROUNDING_MS;
    const show = `${room.made.room}: told ${told}, started within ${spawned} and ${ready}, now ${endsAt}, ended ${ended?.at}`;
    if (status === "live") {
      this.#looks.deadlines++;
      // No host can be here yet.
      if (endsAt === null) return this.#complain("L14", `no deadline: ${show}`);
      const from = told === null ? spawned + Math.min(GRACE_MS, hostAbsenceMs) : Math.max(told, spawned + GRACE_MS);
      const to = Math.max(told ?? ready + hostAbsenceMs, ready + GRACE_MS);
      if (!isWithin(endsAt, from, to)) this.#complain("L14", `another deadline: ${show}`);
    } else if (ended?.reason === "host-absent" && told !== null && ended.at >= told) {
      this.#looks.ends++;
      // Within the grace nothing fires; before the kill it may have.
      if (ended.at > spawned + ROUNDING_MS && ended.at < spawned + GRACE_MS)
        this.#complain("L14", `too early: ${show}`);
      if (ended.at > Math.max(told, ready + GRACE_MS) + LATE_MS) this.#complain("L5", `too late: ${show}`);
    } else if (ended?.reason === "host-absent" && told !== null) this.#complain("L5", `before its deadline: ${show}`);
  }

  /** People come back, with what they wrote meanwhile. */
  async #return(): Promise<void> {
    for (const room of this.#rooms) {
      room.isHostless = this.#random.percent(35);
      if (!room.isHostless) room.toldDeadline = null;
      for (const client of room.people) {
        const staysAway = client.role === "host" ? room.isHostless : this.#random.percent(15);
        if (!staysAway) client.connect(this.#wsUrl);
      }
    }
    await Promise.all(
      this.#rooms.map(async (room) => {
        const present = room.everybody.filter(({ isConnected }) => isConnected);
        const observer = room.observer!;
        const areTold = (): boolean =>
          present.every(({ session, isSynced }) => session !== null && (isSynced || session.status !== "live"));
        // Everything that one of them holds is with all of them.
        const areAlike = (): boolean => {
          // Numbers first: this is asked often, and the lists grow long.
          if (present.some(({ entryCount }) => entryCount !== observer.entryCount)) return false;
          const [first, ...others] = present.map(({ entries }) => entries.join());
          return others.every((entries) => entries === first);
        };
        try {
          await until("all are back", () => areTold() && (!room.isLive || areAlike()));
          if (observer.isSynced && room.isLive) this.#looks.returns++;
        } catch {
          const held = present.map(
            ({ name, entries, isSynced }) => `${name} ${entries.length}${isSynced ? "" : " unsynced"}`,
          );
          this.#complain("R3", `${room.made.room}: not all edits are back: ${held.join(", ")}`);
        }
      }),
    );
  }

  async #loadAndKill(): Promise<void> {
    const killAfterMs = LOAD_MIN_MS + this.#random.below(LOAD_MAX_MS - LOAD_MIN_MS);
    const killAt = performance.now() + killAfterMs;
    let isRoomAsked = false;
    while (performance.now() < killAt) {
      for (let i = 0; i < ACTIONS_PER_TICK; i++) this.#act();
      if (!isRoomAsked && this.#random.percent(5)) {
        isRoomAsked = true;
        // The kill may come before the answer.
        this.#relay.makeRoom().then(
          (made) => this.#madeRooms.push(made),
          () => {},
        );
      }
      await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    }
    await this.#relay.kill();
    const clients = this.#rooms.flatMap(({ everybody }) => everybody);
    await until("everything that was sent has come", () => clients.every(({ isConnected }) => !isConnected));
    for (const { testimony, everybody, people } of this.#rooms) {
      for (const { stateVector, doc } of everybody) testimony.heardContent(stateVector, doc.clientID);
      if (this.#random.percent(30)) this.#random.pick(people).write(1);
    }
  }

  /** One person does one thing. */
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

  /** Nothing that only a bug writes is in the log. */
  #readLog(): void {
    for (const line of this.#relay.log.split("\n")) {
      if (line !== "" && !/"level":[1-4]0/.test(line)) this.#complain("log", line);
    }
  }
}
