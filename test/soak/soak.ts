/**
 * Days and nights of a small school: on each day two rounds of lessons in some of its rooms, then a night
 * in which nobody is connected and the relay is measured. At the end every room is opened once more and
 * checked for every edit that was ever made in it.
 */
import { Random } from "../random.ts";
import { compareRoom, inspectRoom } from "./check.ts";
import { fastClock, realNow } from "./fast-clock.ts";
import { Findings } from "./findings.ts";
import { Scenario } from "./scenario.ts";
import { SoakRelay } from "./relay.ts";
import type { Sample } from "./sample.ts";
import { SoakRoom } from "./soak-room.ts";
import { RecentStalls, watchStalls } from "./stalls.ts";
import { SoakEnded, waitRealMs, World } from "./world.ts";

export type SoakOptions = {
  readonly minutes: number;
  /** Speed of the relay's clock; 1 is real time. */
  readonly speed: number;
  readonly seed: number;
  readonly rooms: number;
  /** Greatest number of people at once. */
  readonly people: number;
  /** Length of a day with its night, in ms of the relay's time. */
  readonly dayMs: number;
};

export type Night = {
  readonly sample: Sample;
  /** Growth of the database while nobody was connected. */
  readonly databaseGrowthBytes: number;
};

export type SoakReport = {
  readonly options: SoakOptions;
  readonly realMs: number;
  readonly fastMs: number;
  readonly nights: readonly Night[];
  readonly findings: Findings;
  readonly stalls: RecentStalls;
};

/** Progress of a running soak. */
export type Progress = { readonly world: World; readonly nights: number; readonly present: number };

const SCENARIO_PART = 0.4;
const SCENARIOS_A_DAY = 2;
const FEWEST_PEOPLE = 2;
const MOST_PEOPLE = 8;
const MINUTE_MS = 60_000;
/** Absence limits: deadlines pass during a lesson, in the night, or on the next morning. */
const ABSENCES_MS = [1, 1.5, 2, 5, 15].map((minutes) => minutes * MINUTE_MS);
/** After this the last edits must have been delivered, in real ms. */
const DELIVERY_MS = 1_000;
/** How long the last connections may take to close, in real ms. */
const SETTLE_MS = 5_000;

const runScenarios = async (world: World, rooms: readonly SoakRoom[], random: Random, options: SoakOptions) => {
  const unused = [...rooms];
  const scenarios: Promise<void>[] = [];
  for (let left = options.people; left >= FEWEST_PEOPLE && unused.length > 0;) {
    const size = Math.min(FEWEST_PEOPLE + random.below(MOST_PEOPLE - FEWEST_PEOPLE + 1), left);
    const [room] = unused.splice(random.below(unused.length), 1);
    const scenario = new Scenario(world, room!, new Random(random.below(2 ** 32)), options.dayMs * SCENARIO_PART);
    scenarios.push(scenario.play(size));
    left -= size;
  }
  const results = await Promise.allSettled(scenarios);
  for (const result of results) if (result.status === "rejected") throw result.reason;
};

/**
 * Measures when no connection is open and no room is loaded, as it is for a moment to be ended; or after a
 * while in any case, when a leak shows.
 */
const sampleWhenEmpty = async ({ relay }: World): Promise<Sample> => {
  const from = performance.now();
  for (;;) {
    const sample = await relay.sample();
    if (sample.sockets + sample.rooms + sample.docs === 0 || performance.now() - from > SETTLE_MS) return sample;
    await waitRealMs(100);
  }
};

const night = async (world: World, dayMs: number): Promise<Night> => {
  const lengthMs = dayMs * (1 - SCENARIO_PART * SCENARIOS_A_DAY);
  await world.sleep(lengthMs * 0.25);
  const evening = await sampleWhenEmpty(world);
  await world.sleep(lengthMs * 0.5);
  const sample = await sampleWhenEmpty(world);
  await world.sleep(lengthMs * 0.25);
  return { sample, databaseGrowthBytes: sample.databaseBytes - evening.databaseBytes };
};

/** Checks every used room once more: its last end, and every edit ever made. */
const finalInspection = async (world: World, rooms: readonly SoakRoom[]): Promise<void> => {
  for (const room of rooms) {
    if (!room.wasUsed) continue;
    await room.startIfEnded();
    await inspectRoom(world, room);
    await compareRoom(world, room);
    await room.endAsOperator();
  }
};

/** How many times as long as planned a soak may take until its first night is over, and how often that is looked at. */
const FIRST_NIGHT_FACTOR = 5;
const FIRST_NIGHT_POLL_MS = 250;

/**
 * Soaks a relay for `options.minutes`.
 *
 * @param onProgress called once, with a function that returns the current progress.
 * @param stopped ends it early when aborted, with a report of what there is so far.
 */
export const soak = async (
  options: SoakOptions,
  onProgress: (readProgress: () => Progress) => void,
  stopped: AbortSignal,
): Promise<SoakReport> => {
  const epochMs = realNow();
  const clock = fastClock(options.speed, epochMs);
  const findings = new Findings();
  const stalls = new RecentStalls();
  const relay = await SoakRelay.start(options.speed, epochMs, clock, {
    onError: (line) => findings.add("errors of the relay", line),
    onStall: (ms) => stalls.note(ms),
  });
  const unwatch = watchStalls((ms) => stalls.note(ms));
  const world = new World(relay, clock, options.speed, findings, stalls);
  const random = new Random(options.seed);
  const rooms: SoakRoom[] = [];
  const nights: Night[] = [];
  const report = (): SoakReport => ({
    options,
    realMs: realNow() - epochMs,
    fastMs: clock.now() - epochMs,
    nights,
    findings,
    stalls,
  });
  const end = (): void => world.end();
  const endAtMs = options.minutes * MINUTE_MS;
  /** A busy machine gets more time for the first night: without one there is nothing to report. */
  const endWithANight = (): void => {
    if (nights.length > 0 || realNow() - epochMs > endAtMs * FIRST_NIGHT_FACTOR) end();
    else timer = setTimeout(endWithANight, FIRST_NIGHT_POLL_MS);
  };
  let timer = setTimeout(endWithANight, endAtMs);
  stopped.addEventListener("abort", end);
  try {
    for (let i = 0; i < options.rooms; i++) {
      const room = new SoakRoom(world, `room ${i + 1}`, random.pick(ABSENCES_MS));
      await relay.makeRoom(room.name, room.hostAbsenceMs);
      rooms.push(room);
    }
    const countPresent = (): number => rooms.reduce((sum, { people }) => sum + people.size, 0);
    onProgress(() => ({ world, nights: nights.length, present: countPresent() }));
    try {
      for (;;) {
        for (let i = 0; i < SCENARIOS_A_DAY; i++) await runScenarios(world, rooms, random, options);
        nights.push(await night(world, options.dayMs));
      }
    } catch (error) {
      if (!(error instanceof SoakEnded)) throw error;
    }
    await waitRealMs(DELIVERY_MS);
    await finalInspection(world, rooms);
    return report();
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", end);
    unwatch();
    await relay.stop();
  }
};
