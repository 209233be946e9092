/**
 * The load in which everybody moves a cursor. A move that was replaced by a newer one before it arrived counts as
 * seen with the newer one: the measure is how outdated the cursors are that people see.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Target } from "../servers.ts";
import { MessageType, writeAwareness } from "../../src/protocol/protocol.ts";
import { cursorUpdate, readCursors } from "../wire/cursors.ts";
import { cursor, readVarUint } from "../wire/var-uint.ts";
import type { CursorsJob, Figures, Pace } from "./jobs.ts";
import { PAUSE_MS, startMeasuring } from "./measure.ts";
import { enterAll, peopleOf, untilQuiet } from "./people.ts";
import type { PersonClient } from "./people.ts";
import { Providers } from "./providers-client.ts";

const FIRST_CLIENT_ID = 2_000_000;
const DRAIN_MS = 30_000;
/** Time limits until everybody has seen everybody, and then until nothing more arrives, in ms. */
const SHOW_MS = 90_000;
const QUIET_MS = 10_000;
const BUCKET_MS = 0.25;
const BUCKETS = 4 * 120_000;

/** Counts latencies in buckets, because there are millions of them. */
class Histogram {
  readonly #counts = new Float64Array(BUCKETS);
  #total = 0;

  clear(): void {
    this.#counts.fill(0);
    this.#total = 0;
  }

  add(ms: number): void {
    this.#counts[Math.min(BUCKETS - 1, Math.floor(ms / BUCKET_MS))]!++;
    this.#total++;
  }

  get total(): number {
    return this.#total;
  }

  quantile(share: number): number {
    let below = 0;
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      below += this.#counts[bucket]!;
      if (below >= share * this.#total) return (bucket + 1) * BUCKET_MS;
    }
    return NaN;
  }
}

/** Calls `onCursor` for each cursor that a client receives. */
const onCursors = (client: PersonClient, onCursor: (clientId: number, n: number, nowMs: number) => void): void => {
  let nowMs = 0;
  const withTime = (clientId: number, n: number): void => onCursor(clientId, n, nowMs);
  client.onBody = (bytes, body, _to, readAtMs) => {
    if (bytes[body] !== MessageType.awareness) return;
    nowMs = readAtMs;
    cursor.at = body + 1;
    readVarUint(bytes);
    readCursors(bytes, cursor.at, withTime);
  };
};

/** Sends the first state of everybody, in small portions, and waits until everybody has seen everybody. */
export const showEverybody = async (people: readonly PersonClient[], firstClientId: number): Promise<void> => {
  const count = people.length;
  /** 1 if the receiver has seen the sender; by receiver and sender. */
  const hasSeen = new Uint8Array(count * count);
  let unseen = count * (count - 1);
  people.forEach((client, receiver) => {
    onCursors(client, (clientId) => {
      const sender = clientId - firstClientId;
      if (sender < 0 || sender >= count || sender === receiver) return;
      unseen -= 1 - hasSeen[receiver * count + sender]!;
      hasSeen[receiver * count + sender] = 1;
    });
  });
  for (const [i, client] of people.entries()) {
    client.send(writeAwareness(cursorUpdate(firstClientId + i, 1, 0, client.person.name)));
    if (i % 5 === 4) await sleep(5);
  }
  const haveAllSeenAll = (): boolean => unseen === 0;
  const giveUpAt = performance.now() + SHOW_MS;
  while (!haveAllSeenAll()) {
    if (performance.now() > giveUpAt)
      throw new Error(`people did not see each other in time: ${unseen} states are missing`);
    await sleep(20);
  }
  await untilQuiet(people, QUIET_MS);
};

export const runCursors = async (target: Target, room: string, job: CursorsJob): Promise<Figures> => {
  const count = job.people - job.providers;
  const people = await enterAll(target, peopleOf(room, count));
  const providerRooms = Array.from({ length: job.providers }, () => room);
  await showEverybody(people, FIRST_CLIENT_ID);
  const providers =
    job.providers === 0 ? null : await Providers.open(target, providerRooms, (1_000 * job.people) / job.measured.perS);

  /** The newest move that was seen; by receiver and sender. */
  const seen = new Int32Array(count * count);
  const sentAtMs: number[][] = people.map(() => [0]);
  const latencies = new Histogram();
  people.forEach((client, receiver) => {
    onCursors(client, (clientId, n, nowMs) => {
      const sender = clientId - FIRST_CLIENT_ID;
      // Some servers send a client its own cursor back.
      if (sender < 0 || sender >= count || sender === receiver) return;
      const pair = receiver * count + sender;
      for (let each = seen[pair]! + 1; each <= n; each++) latencies.add(nowMs - sentAtMs[sender]![each]!);
      if (n > seen[pair]!) seen[pair] = n;
    });
  });

  /** Sends the moves `from` up to `to` of everybody, one person after the other, and waits until everybody has seen them. */
  const move = async (from: number, to: number, { perS }: Pace): Promise<void> => {
    const movesPerMs = ((perS / job.people) * count) / 1_000;
    const startedAt = performance.now();
    for (let next = from * count; next < to * count;) {
      const due = from * count + (performance.now() - startedAt) * movesPerMs;
      for (; next < to * count && next < due; next++) {
        const sender = next % count;
        const n = Math.floor(next / count) + 1;
        const client = people[sender]!;
        const update = cursorUpdate(FIRST_CLIENT_ID + sender, n + 1, n, client.person.name);
        const frame = client.frame(writeAwareness(update));
        sentAtMs[sender]!.push(performance.now());
        client.sendFrame(frame);
      }
      await sleep(1);
    }
    const giveUpAt = performance.now() + DRAIN_MS;
    while (latencies.total < (to - from) * count * (count - 1) && performance.now() < giveUpAt) await sleep(5);
  };

  const warmUpEach = Math.round(job.warmUp.updates / job.people);
  const last = warmUpEach + Math.max(1, Math.round(job.measured.updates / job.people));
  const moves = (last - warmUpEach) * count;
  await move(0, warmUpEach, job.warmUp);
  if (latencies.total < warmUpEach * count * (count - 1)) throw new Error("moves did not arrive in the warm-up");
  latencies.clear();
  await sleep(PAUSE_MS);
  const bytesBefore = people.reduce((sum, { received }) => sum + received.bytes, 0);
  const stop = startMeasuring(target.pid);
  await move(warmUpEach, last, job.measured);
  const delivered = latencies.total;
  const endedAt = performance.now();
  await sleep(50);
  const { serverCpuUs, wallMs, generatorShare } = stop();
  const receivedBytes = people.reduce((sum, { received }) => sum + received.bytes, 0) - bytesBefore;
  let unseen = 0;
  // A move that never arrived counts as if it arrived now.
  seen.forEach((n, pair) => {
    const sender = pair % count;
    if (sender === Math.floor(pair / count)) return;
    if (n < last) unseen++;
    for (let each = n + 1; each <= last; each++) latencies.add(endedAt - sentAtMs[sender]![each]!);
  });
  providers?.close();
  for (const client of people) client.close();
  return {
    // The real providers receive every move too.
    cpuUs: serverCpuUs / Math.max(1, delivered + moves * job.providers),
    p50Ms: latencies.quantile(0.5),
    p95Ms: latencies.quantile(0.95),
    p99Ms: latencies.quantile(0.99),
    bytes: receivedBytes / Math.max(1, delivered),
    lost: unseen,
    serverShare: serverCpuUs / 1_000 / wallMs,
    generatorShare,
  };
};
