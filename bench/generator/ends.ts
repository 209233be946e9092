/**
 * The load of one message to everybody. For our relay it is End Session, with a Start and a rejoin of everybody
 * between two ends; for a floor it is a broadcast of the same number of bytes.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../servers.ts";
import { MessageType, SyncStep, writeCommand } from "../../src/protocol/protocol.ts";
import { readAnswer } from "../wire/dialect.ts";
import type { EndsJob, Figures } from "./jobs.ts";
import { quantile, startMeasuring } from "./measure.ts";
import { enterAll, peopleOf } from "./people.ts";
import type { PersonClient } from "./people.ts";

/** Size of our relay's message with the ended flag, as measured (`flagBytes`). */
const FLAG_BYTES = 104;
const ROUND_MS = 20_000;
/** Pause between two ends, so that each finds an idle relay, in ms. */
const PAUSE_MS = 10;

/** When the first and the last person received the expected message. */
type Arrivals = { readonly firstAt: number; readonly lastAt: number };

class Waiting {
  readonly #people: readonly PersonClient[];
  flagBytes = 0;

  constructor(people: readonly PersonClient[]) {
    this.#people = people;
  }

  /** Calls `act`; resolves when each of `people` has received a message for which `isIt` is true. */
  async forAll(
    people: readonly PersonClient[],
    isIt: (bytes: Buffer, body: number, to: number) => boolean,
    act: () => void,
  ): Promise<Arrivals> {
    let left = people.length;
    let firstAt = 0;
    let lastAt = 0;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    for (const client of this.#people) client.onBody = () => {};
    for (const client of people) {
      let hasIt = false;
      client.onBody = (bytes, body, to, nowMs) => {
        if (hasIt || !isIt(bytes, body, to)) return;
        hasIt = true;
        this.flagBytes = to - body;
        if (firstAt === 0) firstAt = nowMs;
        lastAt = nowMs;
        if (--left === 0) resolve();
      };
    }
    act();
    const timer = setTimeout(() => reject(new Error(`${left} people did not receive the message`)), ROUND_MS);
    await promise;
    clearTimeout(timer);
    return { firstAt, lastAt };
  }
}

const isUpdate = (bytes: Buffer, body: number): boolean =>
  bytes[body] === MessageType.sync && bytes[body + 1] === SyncStep.update;
const isAnswer = (bytes: Buffer, body: number, to: number): boolean => readAnswer(bytes, body, to) !== null;

export const runEnds = async (target: Target, room: string, job: EndsJob): Promise<Figures> => {
  const people = await enterAll(target, peopleOf(room, job.people));
  const [host, ...others] = people as [PersonClient, ...PersonClient[]];
  const waiting = new Waiting(people);
  const isOurs = target.dialect === "session-room";
  const fromSending: number[] = [];
  const fromFirst: number[] = [];
  let serverCpuUs = 0;
  let flagBytes = FLAG_BYTES;
  const runs = job.warmUpEnds + job.ends;
  for (let run = 1; run <= runs; run++) {
    const stop = startMeasuring(target.pid);
    let sentAt = 0;
    const act = (): void => {
      sentAt = performance.now();
      if (isOurs) host.send(writeCommand({ type: "end", id: run * 3, run }));
      else host.send(new Uint8Array(FLAG_BYTES));
    };
    // A floor sends nothing back to the sender.
    const { firstAt, lastAt } = await waiting.forAll(isOurs ? people : others, isOurs ? isUpdate : () => true, act);
    const cpuUs = stop().serverCpuUs;
    ({ flagBytes } = waiting);
    if (run > job.warmUpEnds) {
      serverCpuUs += cpuUs;
      fromSending.push(lastAt - sentAt);
      fromFirst.push(lastAt - firstAt);
    }
    if (isOurs && run < runs) {
      await waiting.forAll(others, isUpdate, () => host.send(writeCommand({ type: "start", id: run * 3 + 1, run })));
      await waiting.forAll(others, isAnswer, () => {
        for (const client of others) client.send(writeCommand({ type: "join", id: run * 3 + 2 }));
      });
    }
    await sleep(PAUSE_MS);
  }
  for (const client of people) client.close();
  return {
    sendP50Ms: quantile(fromSending, 0.5),
    sendP99Ms: quantile(fromSending, 0.99),
    spreadP50Ms: quantile(fromFirst, 0.5),
    spreadP99Ms: quantile(fromFirst, 0.99),
    cpuUs: serverCpuUs / (job.ends * people.length),
    flagBytes,
  };
};
