/**
 * Days and nights of a small school: two times lessons in some of its rooms, then a night in which
 * nobody is connected and the relay is measured. At the end every room is opened once more, and looked
 * through for every edit that was ever made in it.
 */
import { Random } from "../random.ts";
import { compareRoom, inspectRoom } from "./check.ts";
import { fastClock, realNow } from "./fast-clock.ts";
import { Findings } from "./findings.ts";
import { Lesson } from "./lesson.ts";
import { SoakRelay } from "./relay.ts";
import type { Sample } from "./sample.ts";
import { SoakRoom } from "./soak-room.ts";
import { RecentStalls, watchStalls } from "./stalls.ts";
import { Over, pause, World } from "./world.ts";

export type SoakOptions = {
  readonly minutes: number;
  /** How many times faster than real time. */
  readonly speed: number;
  readonly seed: number;
  readonly rooms: number;
  /** At most so many people at once. */
  readonly people: number;
  /** Length of a day with its night, in ms of the relay's time. */
  readonly dayMs: number;
};

export type Night = {
  readonly sample: Sample;
  /** What the database has grown by while nobody was there. */
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

/** What a soak that goes on tells of itself. */
export type Progress = { readonly world: World; readonly nights: number; readonly here: number };

const LESSON_PART = 0.4;
const LESSONS_A_DAY = 2;
const LEAST_CLASS = 2;
const MOST_CLASS = 8;
const MINUTE_MS = 60_000;
/** Limits of the absence: some are over within the lesson, some in the night, some in the next morning. */
const ABSENCES_MS = [1, 1.5, 2, 5, 15].map((minutes) => minutes * MINUTE_MS);
/** After this it is certain whether what was sent last was in time, in real ms. */
const LAST_WORDS_MS = 1_000;
/** How long the last goodbyes may take, in real ms. */
const SETTLE_MS = 5_000;

const lessons = async (world: World, rooms: readonly SoakRoom[], random: Random, options: SoakOptions) => {
  const free = [...rooms];
  const classes: Promise<void>[] = [];
  for (let left = options.people; left >= LEAST_CLASS && free.length > 0;) {
    const size = Math.min(LEAST_CLASS + random.below(MOST_CLASS - LEAST_CLASS + 1), left);
    const [room] = free.splice(random.below(free.length), 1);
    const lesson = new Lesson(world, room!, new Random(random.below(2 ** 32)), options.dayMs * LESSON_PART);
    classes.push(lesson.play(size));
    left -= size;
  }
  const results = await Promise.allSettled(classes);
  for (const result of results) if (result.status === "rejected") throw result.reason;
};

/**
 * Measures once the last line is gone and no room is open for a moment to be ended, or after a while all
 * the same: what is left over shows then.
 */
const sampleWhenEmpty = async ({ relay }: World): Promise<Sample> => {
  const from = performance.now();
  for (;;) {
    const sample = await relay.sample();
    if (sample.sockets + sample.rooms + sample.docs === 0 || performance.now() - from > SETTLE_MS) return sample;
    await pause(100);
  }
};

const night = async (world: World, dayMs: number): Promise<Night> => {
  const lengthMs = dayMs * (1 - LESSON_PART * LESSONS_A_DAY);
  await world.sleep(lengthMs * 0.25);
  const evening = await sampleWhenEmpty(world);
  await world.sleep(lengthMs * 0.5);
  const sample = await sampleWhenEmpty(world);
  await world.sleep(lengthMs * 0.25);
  return { sample, databaseGrowthBytes: sample.databaseBytes - evening.databaseBytes };
};

/** Every room once more: what it says of its last end, and whether all that was ever written is in it. */
const finalInspection = async (world: World, rooms: readonly SoakRoom[]): Promise<void> => {
  for (const room of rooms) {
    if (!room.wasUsed) continue;
    await room.startIfEnded();
    await inspectRoom(world, room);
    await compareRoom(world, room);
    await room.endAsOperator();
  }
};

/**
 * Soaks a relay for so many minutes.
 *
 * @param onProgress handed what there is to tell, once.
 * @param stopped ends it early when aborted; the report then has what there is.
 */
export const soak = async (
  options: SoakOptions,
  onProgress: (look: () => Progress) => void,
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
  const timer = setTimeout(end, options.minutes * MINUTE_MS);
  stopped.addEventListener("abort", end);
  try {
    for (let i = 0; i < options.rooms; i++) {
      const room = new SoakRoom(world, `room ${i + 1}`, random.pick(ABSENCES_MS));
      await relay.makeRoom(room.name, room.hostAbsenceMs);
      rooms.push(room);
    }
    const here = (): number => rooms.reduce((sum, { people }) => sum + people.size, 0);
    onProgress(() => ({ world, nights: nights.length, here: here() }));
    try {
      for (;;) {
        for (let i = 0; i < LESSONS_A_DAY; i++) await lessons(world, rooms, random, options);
        nights.push(await night(world, options.dayMs));
      }
    } catch (error) {
      if (!(error instanceof Over)) throw error;
    }
    await pause(LAST_WORDS_MS);
    await finalInspection(world, rooms);
    return report();
  } finally {
    clearTimeout(timer);
    stopped.removeEventListener("abort", end);
    unwatch();
    await relay.stop();
  }
};
