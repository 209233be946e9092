/**
 * Measures the guard and the presence rules alone: the CPU time of every call that a room makes to them for
 * one typing update, and for one cursor move. Run: `npm run bench:guard`.
 */
import * as encoding from "lib0/encoding";
import { AwarenessClock } from "../sync-server/room/presence/awareness-clock.ts";
import { Connection } from "../sync-server/room/connection/connection.ts";
import type { ConnectionPresence } from "../sync-server/room/connection/connection.ts";
import type { Credential } from "../sync-server/auth/credential.ts";
import { Authors } from "../sync-server/guard/authors.ts";
import { Guard } from "../sync-server/guard/guard.ts";
import { DEFAULT_LIMITS } from "../sync-server/config/limits.ts";
import { readAwareness, stampState, StatesMessage } from "../sync-server/room/presence/awareness-codec.ts";
import { Presence } from "../sync-server/room/presence/presence.ts";
import { RateLimit } from "../sync-server/room/connection/rate-limit.ts";
import { spread } from "./report/stats.ts";
import { typing } from "./typing.ts";

const WRITERS = 50;
const UPDATES_EACH = 2_000;
const ROUNDS = 9;
const GOAL_US = 2;

const people = Array.from(
  { length: WRITERS },
  (_, who) =>
    new Connection(
      {
        send: () => true,
        probe: () => {},
        pause: () => () => {},
        unreadBytes: 0,
        whenRead: (_bytes, callback) => callback(),
        close: () => {},
      },
      {
        identity: { id: `person-${who}`, name: `Person ${who}`, role: "participant", verified: true },
        author: { own: `person:${who}`, shared: null, isKept: true },
      },
      // This bench reads no token.
      null as unknown as Credential,
      new RateLimit(DEFAULT_LIMITS, { now: () => 0 }),
      true,
    ),
);

/** Merges the sequences in turn, as if all people typed at the same time. */
const interleave = (sequences: readonly Uint8Array[][]): Uint8Array[] =>
  Array.from({ length: UPDATES_EACH }, (_, i) => sequences.map((sequence) => sequence[i]!)).flat();

const updates = interleave(typing(WRITERS, UPDATES_EACH));

/** An awareness update as y-codemirror sends it for a cursor (y-codemirror.next 0.3). */
const cursorMove = (clientId: number, clock: number): Uint8Array => {
  const position = { type: null, tname: "notes", item: { client: clientId, clock }, assoc: 0 };
  const state = {
    user: { name: "somebody", color: "#30bced", colorLight: "#30bced33" },
    cursor: { anchor: position, head: position },
  };
  return encoding.encode((encoder) => {
    for (const number of [1, clientId, clock]) encoding.writeVarUint(encoder, number);
    encoding.writeVarString(encoder, JSON.stringify(state));
  });
};
const moves = interleave(
  people.map((_, who) => Array.from({ length: UPDATES_EACH }, (_move, i) => cursorMove(1_000_000 + who, i))),
);

/** CPU time of `run` divided by `count`, in µs. */
const measure = (count: number, run: () => void): number => {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / count;
};

const makeAuthors = () => new Authors<Connection>([], { onChange: () => {}, onFreed: () => {} });

const guardRound = (): number => {
  const guard = new Guard(new Map());
  const authors = makeAuthors();
  return measure(updates.length, () => {
    updates.forEach((update, i) => {
      const writer = people[i % WRITERS]!;
      const { accepted, written } = guard.admit(update, {
        mayWrite: (client) => authors.mayWrite(client, writer, false),
      });
      for (const client of written) authors.wrote(client, writer, true);
      if (accepted === null) throw new Error(`the update ${i} was not accepted`);
    });
  });
};

const { awarenessClock } = await AwarenessClock.open({ readMeta: async () => null }, { now: () => 1 });

const presenceRound = (): number => {
  const authors = makeAuthors();
  const presence = new Presence();
  for (const person of people) (person.presence as ConnectionPresence).state = null;
  return measure(moves.length, () => {
    moves.forEach((move, i) => {
      const person = people[i % WRITERS]!;
      const entry = readAwareness(move)[0]!;
      if (!presence.mayOwn(person, entry) || !authors.mayShowCursor(entry.clientId, person))
        throw new Error("another's client id");
      const { json, name } = stampState(entry.json, person.identity)!;
      presence.put(person, { clientId: entry.clientId, json, bytes: Buffer.byteLength(json) }, name);
      authors.showCursor(entry.clientId, person);
      void new StatesMessage([person.presence.state!], awarenessClock).frame;
    });
  });
};

const guardUs: number[] = [];
const presenceUs: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  guardUs.push(guardRound());
  presenceUs.push(presenceRound());
}

const show = (what: string, numbers: readonly number[]): void => {
  const { median, least, most } = spread(numbers);
  console.log(`${what.padEnd(44)} ${median.toFixed(2)} µs (${least.toFixed(2)} to ${most.toFixed(2)})`);
};
console.log(`CPU time, median of ${ROUNDS} rounds of ${updates.length} (least to most):`);
show("a typing update: guard and authorship", guardUs);
show("a cursor move: read, check, stamp, write", presenceUs);
show(
  "both, when each keystroke moves the cursor",
  guardUs.map((us, round) => us + presenceUs[round]!),
);
console.log(`goal: at most ${GOAL_US} µs for a typing update`);
