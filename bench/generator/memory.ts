/** Measures the memory of connections, in one room or in a room each. The server collects garbage before each reading. */
import { setTimeout as sleep } from "node:timers/promises";
import { rssBytes } from "../proc.ts";
import type { Target } from "../servers.ts";
import type { Figures, MemoryJob } from "./jobs.ts";
import { enterAll, peopleOf } from "./people.ts";

const WARM_UP = 50;
const SETTLE_MS = 700;

const settledRss = async (pid: number): Promise<number> => {
  await sleep(SETTLE_MS);
  process.kill(pid, "SIGUSR2");
  await sleep(SETTLE_MS);
  return rssBytes(pid);
};

export const runMemory = async (target: Target, room: string, job: MemoryJob): Promise<Figures> => {
  const warmUp = await enterAll(target, peopleOf(`${room}-warm`, WARM_UP));
  for (const client of warmUp) client.close();
  const before = await settledRss(target.pid);
  const people =
    job.layout === "one-room"
      ? peopleOf(room, job.people)
      : Array.from({ length: job.people }, (_, i) => peopleOf(`${room}-${i}`, 1)[0]!);
  const entered = await enterAll(target, people);
  const after = await settledRss(target.pid);
  for (const client of entered) client.close();
  return { kbEach: (after - before) / 1_024 / job.people };
};
