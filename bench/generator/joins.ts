/** The load of people who join a room whose document is large and has a long history. */
import { setTimeout as sleep } from "node:timers/promises";
import * as Y from "yjs";
import { writeUpdate } from "../../src/protocol/protocol.ts";
import type { Target } from "../servers.ts";
import type { Figures, JoinsJob } from "./jobs.ts";
import { quantile, startMeasuring } from "./measure.ts";
import { enterAll, PersonClient, peopleOf, untilQuiet } from "./people.ts";

const FIRST_CLIENT_ID = 4_000_000;
const WRITERS = 20;
/** Rate of all writers together, below the relay's limit for each of them. */
const EDITS_PER_S = 10_000;
/** Edits until the caret moves elsewhere; the edits between two moves are one item in the document. */
const EDITS_IN_A_ROW = 5;
const AT_ONCE = 10;
/** Pause before a measurement, in which every server can collect the garbage of the earlier joins, in ms. */
const PAUSE_MS = 3_000;

/** Types one letter at the end of the document. */
type TypeLetter = () => void;

const edits = (clientId: number, count: number, bytesEach: number): Uint8Array[] => {
  const doc = new Y.Doc();
  doc.clientID = clientId;
  const made: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => made.push(update));
  const text = doc.getText("notes");
  let at = 0;
  for (let i = 0; i < count; i++) {
    if (i % EDITS_IN_A_ROW === 0) at = (at * 7 + i * 31) % (text.length + 1);
    text.insert(at, "lorem ipsum dolor sit amet ".repeat(9).slice(i % 27, (i % 27) + bytesEach));
    at += bytesEach;
  }
  return made;
};

/** Writes the document over the network, at a rate that every server can handle. The writers stay, so it stays in memory. */
const fill = async (target: Target, room: string, job: JoinsJob): Promise<TypeLetter> => {
  const people = await enterAll(target, peopleOf(room, WRITERS));
  const editsEach = Math.ceil(job.edits / WRITERS);
  const bytesEach = Math.max(1, Math.round(job.bytes / job.edits));
  const updates = people.map((_, i) => edits(FIRST_CLIENT_ID + i, editsEach, bytesEach));
  const startedAt = performance.now();
  for (let sent = 0; sent < editsEach * WRITERS;) {
    const due = ((performance.now() - startedAt) / 1_000) * EDITS_PER_S;
    for (; sent < editsEach * WRITERS && sent < due; sent++) {
      people[sent % WRITERS]!.send(writeUpdate(updates[sent % WRITERS]![Math.floor(sent / WRITERS)]!));
    }
    await sleep(2);
  }
  await untilQuiet(people);
  const doc = new Y.Doc();
  doc.clientID = FIRST_CLIENT_ID + WRITERS;
  doc.on("update", (update: Uint8Array) => people[0]!.send(writeUpdate(update)));
  const text = doc.getText("notes");
  // After the previous letter: elsewhere Yjs would search the whole document for the position.
  return () => text.insert(text.length, "a");
};

type Joined = { readonly ms: number; readonly bytes: number };

const join = async (target: Target, room: string, name: string): Promise<Joined> => {
  const startedAt = performance.now();
  const client = await PersonClient.enter(target, { room, name, isHost: false });
  const ms = performance.now() - startedAt;
  const { bytes } = client.received;
  client.close();
  return { ms, bytes };
};

export const runJoins = async (target: Target, room: string, job: JoinsJob): Promise<Figures> => {
  const type = await fill(target, room, job);
  const joinOneByOne = async (count: number): Promise<Joined[]> => {
    const joined: Joined[] = [];
    for (let i = 0; i < count; i++) {
      // As in practice, no two people who join one after the other find the same document.
      type();
      joined.push(await join(target, room, `late-${i}`));
    }
    return joined;
  };
  await joinOneByOne(job.warmUpJoins);
  await sleep(PAUSE_MS);
  const stopOne = startMeasuring(target.pid);
  const joins = await joinOneByOne(job.joins);
  await sleep(50);
  const oneUs = stopOne().serverCpuUs / job.joins;
  const short = joins.find(({ bytes }) => bytes < job.bytes);
  if (short !== undefined)
    throw new Error(`a client that joined received ${short.bytes} bytes of a document of ${job.bytes}`);
  await sleep(PAUSE_MS);
  const stopTen = startMeasuring(target.pid);
  type();
  const ten = await Promise.all(Array.from({ length: AT_ONCE }, (_, i) => join(target, room, `at-once-${i}`)));
  await sleep(50);
  const tenUs = stopTen().serverCpuUs;
  return {
    joinCpuMs: oneUs / 1_000,
    joinMs: quantile(
      joins.map(({ ms }) => ms),
      0.5,
    ),
    tenCpuMs: tenUs / 1_000,
    tenTimes: tenUs / oneUs,
    tenMs: Math.max(...ten.map(({ ms }) => ms)),
    documentBytes: joins[0]!.bytes,
  };
};
