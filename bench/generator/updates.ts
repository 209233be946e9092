/** The load of people who type. Each update is one character, which is one unit of the writer's clock. */
import { setTimeout as sleep } from "node:timers/promises";
import * as Y from "yjs";
import type { Target } from "../servers.ts";
import { MessageType, SyncStep, writeUpdate } from "../../src/protocol/protocol.ts";
import { readStructs } from "../wire/structs.ts";
import { cursor, readVarUint } from "../wire/var-uint.ts";
import { Deliveries } from "./deliveries.ts";
import type { Figures, UpdatesJob } from "./jobs.ts";
import { quantile, PAUSE_MS, startMeasuring } from "./measure.ts";
import { enterAll, peopleOf, untilQuiet } from "./people.ts";
import type { PersonClient } from "./people.ts";
import { Providers } from "./providers-client.ts";

const FIRST_CLIENT_ID = 1_000_000;
/** Time limit for the deliveries after the last update was sent, in ms. */
const DRAIN_MS = 30_000;
/** As `PAUSE_MS`, with real providers, which have to apply all updates. */
const PROVIDERS_PAUSE_MS = 2_000;
/** How often each real provider moves its cursor, in ms. */
const PROVIDERS_MOVE_EVERY_MS = 4_000;

/** The updates of one person in order. An update refers only to earlier updates of the same person. */
const typed = (clientId: number, updates: number): Uint8Array[] => {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const made: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => made.push(update));
  const text = doc.getText("notes");
  let at = 0;
  for (let i = 0; i < updates; i++) {
    // The caret moves elsewhere from time to time.
    if (i % 40 === 39) at = (at * 7 + clientId) % (text.length + 1);
    text.insert(at++, "abcdefghij"[i % 10]!);
  }
  return made;
};

type Writer = { readonly client: PersonClient; readonly frames: readonly Buffer[]; readonly receivers: number };

export const runUpdates = async (target: Target, room: string, job: UpdatesJob): Promise<Figures> => {
  const { rooms, peoplePerRoom, writersPerRoom, providers: providerCount } = job;
  const names = Array.from({ length: rooms }, (_, i) => `${room}-${i}`);
  // Real providers replace the last people, spread over the rooms.
  const providerRooms = Array.from({ length: providerCount }, (_, i) => names[i % rooms]!);
  const providersIn = (name: string): number => providerRooms.filter((each) => each === name).length;
  const rawIn = (name: string): number => peoplePerRoom - providersIn(name);
  const writersIn = (name: string): number => Math.min(writersPerRoom, rawIn(name));

  const clients = await enterAll(
    target,
    names.flatMap((name) => peopleOf(name, rawIn(name))),
  );
  const writersCount = names.reduce((sum, name) => sum + writersIn(name), 0);
  const warmUpEach = Math.ceil(job.warmUp.updates / writersCount);
  const updatesEach = warmUpEach + Math.ceil(job.measured.updates / writersCount);
  const deliveries = new Deliveries(FIRST_CLIENT_ID, writersCount, clients.length, updatesEach);
  const writers: Writer[] = [];
  /** The writer number of each person who writes. */
  const ownWriter = new Map<PersonClient, number>();
  let nextClient = 0;
  for (const name of names) {
    for (let i = 0; i < rawIn(name); i++) {
      const client = clients[nextClient++]!;
      if (i >= writersIn(name)) continue;
      ownWriter.set(client, writers.length);
      const updates = typed(FIRST_CLIENT_ID + writers.length, updatesEach);
      const frames = updates.map((update) => client.frame(writeUpdate(update)));
      writers.push({ client, frames, receivers: rawIn(name) - 1 });
    }
  }
  clients.forEach((client, receiver) => {
    const ownId = FIRST_CLIENT_ID + (ownWriter.get(client) ?? -1);
    let nowMs = 0;
    const onStructs = (clientId: number, clock: number, end: number): void => {
      if (clientId !== ownId) deliveries.received(receiver, clientId, clock, end, nowMs);
    };
    client.onBody = (bytes, body, _to, readAtMs) => {
      if (bytes[body] !== MessageType.sync || bytes[body + 1] === SyncStep.step1) return;
      cursor.at = body + 2;
      const length = readVarUint(bytes);
      nowMs = readAtMs;
      readStructs(bytes, cursor.at, cursor.at + length, onStructs);
    };
  });

  const providers = providerCount === 0 ? null : await Providers.open(target, providerRooms, PROVIDERS_MOVE_EVERY_MS);
  await untilQuiet(providers === null ? clients : [], 5_000);

  /** Sends the updates `from` up to `to` of each writer, evenly over time, and waits until everybody has them. */
  const type = async (from: number, to: number, perS: number): Promise<void> => {
    const startedAt = performance.now();
    for (let next = from * writers.length; next < to * writers.length;) {
      const due = from * writers.length + ((performance.now() - startedAt) / 1_000) * perS;
      for (; next < to * writers.length && next < due; next++) {
        const number = next % writers.length;
        const clock = Math.floor(next / writers.length);
        const { client, frames, receivers } = writers[number]!;
        deliveries.sent(number, clock, receivers, performance.now());
        client.sendFrame(frames[clock]!);
      }
      await sleep(1);
    }
    const giveUpAt = performance.now() + DRAIN_MS;
    while (deliveries.outstanding > 0 && performance.now() < giveUpAt) await sleep(2);
  };

  await type(0, warmUpEach, job.warmUp.perS);
  if (deliveries.outstanding > 0) throw new Error(`${deliveries.outstanding} deliveries did not arrive in the warm-up`);
  deliveries.startOver();
  await sleep(providers === null ? PAUSE_MS : PROVIDERS_PAUSE_MS);
  const receivedBefore = clients.reduce((sum, { received }) => sum + received.bytes, 0);
  const stop = startMeasuring(target.pid);
  await type(warmUpEach, updatesEach, job.measured.perS);
  const endedAt = performance.now();
  // Includes work that the server still does for these updates.
  await sleep(50);
  const { serverCpuUs, generatorShare, wallMs } = stop();
  const receivedBytes = clients.reduce((sum, { received }) => sum + received.bytes, 0) - receivedBefore;
  const clocksIn = (name: string): Record<number, number> =>
    Object.fromEntries(
      writers.flatMap(({ client }, i) => (client.person.room === name ? [[FIRST_CLIENT_ID + i, updatesEach]] : [])),
    );
  const incomplete = providers === null ? 0 : await providers.check(providerRooms.map(clocksIn));
  providers?.close();
  for (const client of clients) client.close();

  const measuredEach = updatesEach - warmUpEach;
  const toProviders = providerRooms.reduce((sum, name) => sum + writersIn(name) * measuredEach, 0);
  const latencies = deliveries.latenciesMs(endedAt);
  return {
    cpuUs: serverCpuUs / (deliveries.delivered + toProviders),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    bytes: receivedBytes / deliveries.delivered,
    lost: deliveries.outstanding + incomplete,
    serverShare: serverCpuUs / 1_000 / wallMs,
    generatorShare,
  };
};
