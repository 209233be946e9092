/**
 * The load of one message for everybody: the host's End Session at ours, with a Start and everybody's rejoin
 * between two ends; a broadcast of as many bytes at a floor.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../servers.ts";
import { MessageType, SyncStep, writeCommand } from "../../src/protocol/protocol.ts";
import { readAnswer } from "../wire/dialect.ts";
import type { EndsJob, Figures } from "./jobs.ts";
import { quantile, startMeasuring } from "./measure.ts";
import { enterAll, peopleOf } from "./people.ts";
import type { PersonClient } from "./people.ts";

/** Bytes of the message that carries the flag, by measure of ours (`flagBytes`). */
const FLAG_BYTES = 104;
const ROUND_MS = 20_000;
/** Between two ends, so that each finds a relay at rest. */
const REST_MS = 10;

/** When the first and the last of all people got what was waited for. */
type Arrivals = { readonly firstAt: number; readonly lastAt: number };

class Waiting {
  readonly #people: readonly PersonClient[];
  flagBytes = 0;

  constructor(people: readonly PersonClient[]) {
    this.#people = people;
  }

  /** Resolves when each of `people` got one message that `isIt`; others are passed over. */
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
    const timer = setTimeout(() => reject(new Error(`${left} people did not get the message`)), ROUND_MS);
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
    // The host of a floor does not hear itself.
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
    await sleep(REST_MS);
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
