/** The load of connected people who do nothing: measures what the server and the clients' timers do by themselves. */
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../servers.ts";
import { KEEPALIVE, writeAwareness } from "../../src/protocol/protocol.ts";
import { cursorUpdate } from "../wire/cursors.ts";
import { showEverybody } from "./cursors.ts";
import type { Figures, IdleJob } from "./jobs.ts";
import { startMeasuring } from "./measure.ts";
import { enterAll, peopleOf } from "./people.ts";
import type { PersonClient } from "./people.ts";

const FIRST_CLIENT_ID = 3_000_000;
/** How often stock clients send their state again (y-protocols 1.0, `Awareness`), in ms; `<session-room>` does not. */
const RENEW_EVERY_MS = 15_000;

const renew = (people: readonly PersonClient[]): (() => void) => {
  let next = 0;
  let clock = 2;
  const startedAt = performance.now();
  const timer = setInterval(() => {
    for (; next < ((performance.now() - startedAt) / RENEW_EVERY_MS) * people.length; next++) {
      const number = next % people.length;
      if (number === 0) clock++;
      const client = people[number]!;
      client.send(writeAwareness(cursorUpdate(FIRST_CLIENT_ID + number, clock, 0, client.person.name)));
    }
  }, 5);
  return () => clearInterval(timer);
};

export const runIdle = async (target: Target, room: string, job: IdleJob): Promise<Figures> => {
  const people = await enterAll(target, peopleOf(room, job.people));
  await showEverybody(people, FIRST_CLIENT_ID);
  const stopRenewing = target.dialect === "session-room" ? () => {} : renew(people);
  let others = 0;
  for (const client of people) {
    client.onBody = (bytes, body, to) => {
      if (!bytes.subarray(body, to).equals(KEEPALIVE)) others++;
    };
  }
  const total = (what: "bytes" | "messages"): number => people.reduce((sum, { received }) => sum + received[what], 0);
  const before = { bytes: total("bytes"), messages: total("messages") };
  const stop = startMeasuring(target.pid);
  await sleep(job.forMs);
  const { serverCpuUs, wallMs, generatorShare } = stop();
  stopRenewing();
  const personMinutes = (job.people * wallMs) / 60_000;
  const figures = {
    cpuPercent: (serverCpuUs / 1_000 / wallMs) * 100,
    messagesPerMinute: (total("messages") - before.messages) / personMinutes,
    othersPerMinute: others / personMinutes,
    bytesPerMinute: (total("bytes") - before.bytes) / personMinutes,
    generatorShare,
  };
  for (const client of people) client.close();
  return figures;
};
