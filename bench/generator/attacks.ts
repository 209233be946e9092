/**
 * What a hostile participant does in a room of their own while the row `hostile` watches an innocent pair in another.
 * Each attack sends a bounded amount and ends by itself; nothing here waits for an answer of the relay.
 */
import { connect } from "node:net";
import type { Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import {
  MessageType,
  writeAwareness,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import {
  awarenessState,
  blob,
  concurrentInserts,
  deepEmbed,
  deleteOf,
  inParent,
  keystroke,
  nestedTypes,
  scatteredDeletes,
  smallStructs,
  subdocument,
  valueInEach,
} from "../../test/fuzz/hostile-updates.ts";
import type { Target } from "../servers.ts";
import { tokenFor } from "../wire/dialect.ts";
import { RawClient } from "../wire/raw-client.ts";
import type { AttackId, AttackJob, Figures } from "./jobs.ts";

const MB = 1_048_576;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);
const NO_STATES = writeAwareness(Uint8Array.of(0));
const QUERY_AWARENESS = Uint8Array.of(MessageType.queryAwareness);
const ANSWER_MS = 3_000;
/** A client id of the attacker. */
const OWN = 3_000_000;

/** The attacked room, and what the attacker sees of it. */
class AttackedRoom {
  readonly port: number;
  /** Divides the sizes of an attack; 1 for measurements. */
  readonly #divisor: number;
  readonly #room: string;
  readonly #clients: RawClient[] = [];
  /** How many of the attacker's connections the relay has closed. */
  closes = 0;

  constructor({ port }: Target, room: string, divisor: number) {
    this.port = port;
    this.#room = room;
    this.#divisor = divisor;
  }

  sized(count: number): number {
    return Math.ceil(count / this.#divisor);
  }

  /** Connects one more stock client. @param read whether it reads what the relay sends. */
  async enter(read: "reading" | "not reading" = "reading"): Promise<RawClient> {
    const number = this.#clients.length;
    const token = await tokenFor({ room: this.#room, name: `attacker-${number}`, isHost: number === 0 });
    const client = await RawClient.open(this.port, `/${this.#room}?token=${token}`, [], () => {});
    client.onClosed = () => this.closes++;
    if (read === "not reading") client.pause();
    this.#clients.push(client);
    return client;
  }

  leave(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Fills the room with values of 4 MiB each, within the limit of bytes a second. */
const fill = async (room: AttackedRoom, megabytes: number): Promise<void> => {
  const writer = await room.enter();
  for (let i = 0; i < megabytes / 4; i++) {
    writer.send(writeUpdate(blob(OWN + i, 4 * MB - 2_000)));
    await sleep(1_100);
  }
};

export const ATTACKS: Readonly<Record<AttackId, (room: AttackedRoom) => Promise<void>>> = {
  // The baseline: what the machine and the bench themselves cost.
  nothing: () => sleep(3_000),

  "concurrent-inserts": async (room) => {
    const client = await room.enter();
    client.send(writeUpdate(concurrentInserts(OWN, room.sized(100_000), inParent("map", "key"))));
    await sleep(500);
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
  },

  "subdocument-guid": async (room) => {
    const client = await room.enter();
    client.send(writeUpdate(subdocument([OWN, 0], inParent("text"), null)));
    await sleep(300);
    (await room.enter()).send(writeSyncStep1(EMPTY_STATE_VECTOR));
  },

  "deep-json": async (room) => {
    const client = await room.enter();
    client.send(writeUpdate(deepEmbed([OWN, 0], inParent("text"), 5_000)));
    await sleep(300);
    (await room.enter()).send(writeSyncStep1(EMPTY_STATE_VECTOR));
  },

  "waiting-deletes": async (room) => {
    const client = await room.enter();
    const deletes = writeUpdate(scatteredDeletes(OWN + 1, 16_384, room.sized(100_000)));
    for (let i = 0; i < 2; i++) client.send(deletes);
    await sleep(2_000);
    for (let clock = 0; clock < room.sized(2_000); clock++) client.send(writeUpdate(keystroke(OWN, clock)));
  },

  "silent-sockets": async (room) => {
    const sockets: Socket[] = [];
    for (let i = 0; i < room.sized(2_000); i++) {
      const socket = connect(room.port, "127.0.0.1");
      socket.on("error", () => {});
      socket.on("close", () => room.closes++);
      socket.resume();
      sockets.push(socket);
      if (i % 50 === 49) await sleep(5);
    }
    for (let i = 0; i < 4; i++) {
      for (const socket of sockets) if (socket.writable) socket.write("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n");
      await sleep(3_000);
    }
    for (const socket of sockets) socket.removeAllListeners("close").destroy();
  },

  "slow-readers": async (room) => {
    await fill(room, room.sized(40));
    const readers: RawClient[] = [];
    for (let i = 0; i < room.sized(40); i++) {
      const reader = await room.enter("not reading");
      // A state vector of its own, so that the relay cannot send the same answer to all.
      reader.send(writeSyncStep1(Uint8Array.of(1, i, 1)));
      readers.push(reader);
      await sleep(20);
    }
    for (let i = 0; i < 3; i++) {
      await sleep(4_000);
      for (const reader of readers) reader.send(NO_STATES);
    }
  },

  "large-presence": async (room) => {
    const clients: RawClient[] = [];
    const json = JSON.stringify({ big: "x".repeat(16_000) });
    for (let i = 0; i < room.sized(150); i++) {
      const client = await room.enter();
      client.send(writeAwareness(awarenessState(OWN + i, 1, json)));
      clients.push(client);
    }
    await sleep(1_000);
    for (const client of clients) client.pause();
    for (const client of clients) for (let i = 0; i < 4; i++) client.send(QUERY_AWARENESS);
    await sleep(3_000);
  },

  "nested-deleted": async (room) => {
    const client = await room.enter();
    client.send(writeUpdate(nestedTypes(OWN, 2_000, inParent("map", "k"))));
    await sleep(300);
    client.send(writeUpdate(deleteOf(OWN, 0)));
    await sleep(300);
    (await room.enter()).send(writeSyncStep1(EMPTY_STATE_VECTOR));
  },

  "nested-changed": async (room) => {
    const client = await room.enter();
    const depth = room.sized(30_000);
    client.send(writeUpdate(nestedTypes(OWN, depth, inParent("map", "k"))));
    client.send(writeSyncStep1(EMPTY_STATE_VECTOR));
    await sleep(800);
    client.send(writeUpdate(valueInEach(OWN + 1, OWN, depth)));
    client.send(writeSyncStep1(Uint8Array.of(1, 1, 1)));
  },

  "small-structs": async (room) => {
    // A room whose one message is as large as half of what a document may be.
    (await room.enter()).send(writeSyncStep2(smallStructs(OWN % 16_384, room.sized(32 * MB))));
    await sleep(1_000);
  },

  flood: async (room) => {
    const client = await room.enter();
    for (let burst = 0; burst < 10; burst++) {
      for (let i = 0; i < room.sized(5_000); i++) {
        client.send(writeAwareness(awarenessState(OWN, burst * 5_000 + i + 1, `{"user":{"name":"${i}"}}`)));
      }
      await sleep(200);
    }
  },
};

export const runAttack = async (target: Target, room: string, { attack, divisor }: AttackJob): Promise<Figures> => {
  const attacked = new AttackedRoom(target, room, divisor);
  await ATTACKS[attack](attacked);
  // Until what was sent last has been answered.
  await sleep(ANSWER_MS);
  // The connections stay open: the attack may work on in the relay. The bench ends this process afterwards.
  return { attackerCloses: attacked.closes };
};
