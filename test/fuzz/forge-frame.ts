/** Generates frames from the protocol's grammar: sync steps, awareness, session messages, and unknown types. */
import * as encoding from "lib0/encoding";
import {
  MessageType,
  writeAwareness,
  writeSyncStep1,
  writeSyncStep2,
  writeUpdate,
} from "../../src/protocol/protocol.ts";
import { forgeUpdate, forgeWaitingUpdate } from "./forge-update.ts";
import type { AttackerView } from "./forge-update.ts";
import type { HostileKind } from "./hostile-kinds.ts";
import type { Random } from "../random.ts";

const anyNumber = (random: Random): number =>
  random.pick([0, 1, 2, random.below(300), random.uint32(), 2 ** 32, 2 ** 53 - 1]);

const anyId = ({ own, honestClients, ledgerId }: AttackerView, random: Random): number =>
  random.pick([random.pick(own), random.pick(own), random.pick(honestClients), ledgerId, anyNumber(random)]);

const nested = (depth: number): string => '{"a":'.repeat(depth) + "1" + "}".repeat(depth);

const anyState = (random: Random): string => {
  switch (random.below(11)) {
    case 0:
      return "null";
    case 1:
      return JSON.stringify({ user: { id: "relay", role: "host", verified: true, name: "The Host" } });
    case 2:
      return JSON.stringify({ user: { name: "x".repeat(random.below(200)) }, cursor: { anchor: random.uint32() } });
    case 3:
      return JSON.stringify({ user: random.pick([null, 1, "host", [], { role: { host: true } }]) });
    case 4:
      return '{"__proto__":{"role":"host"},"user":{"__proto__":{"verified":true},"name":"p"}}';
    case 5:
      return nested(random.pick([2, 50, 200]));
    case 6:
      return JSON.stringify({ big: "y".repeat(random.pick([100, 10_000, 15_000])) });
    case 7:
      return JSON.stringify({ user: { name: "\u202egnp.exe\n\u0000 😀" } });
    case 8:
      return random.pick(["", "{", "undefined", "[]", "1", '"text"', "{}x", "[".repeat(10_000)]);
    case 9:
      return '{"user":{"name":"twice"},"user":{"name":"second"}}';
    default:
      return "{}";
  }
};

const forgeAwareness = (view: AttackerView, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const count = random.percent(90) ? 1 : random.below(6);
    encoding.writeVarUint(encoder, random.percent(98) ? count : count + 1 + random.below(20_000));
    for (let i = 0; i < count; i++) {
      encoding.writeVarUint(encoder, anyId(view, random));
      encoding.writeVarUint(encoder, anyNumber(random));
      encoding.writeVarString(encoder, anyState(random));
    }
  });

const forgeStateVector = (view: AttackerView, random: Random): Uint8Array =>
  encoding.encode((encoder) => {
    const count = random.below(5);
    encoding.writeVarUint(encoder, random.percent(95) ? count : count + random.uint32());
    for (let i = 0; i < count; i++) {
      encoding.writeVarUint(encoder, anyId(view, random));
      encoding.writeVarUint(encoder, anyNumber(random));
    }
  });

const forgeCommand = (random: Random): string => {
  const type = random.pick(["join", "leave", "join", "start", "end", "renew", "welcome", "answer", "__proto__", ""]);
  const command = {
    type,
    id: random.pick<unknown>([1, random.uint32(), -1, 1.5, "1", null]),
    run: random.pick<unknown>([0, 1, 2, 1e9, -1, 0.5, "1", null, undefined]),
    token: random.pick<unknown>(["", "a.b.c", "x".repeat(9_000), 7, undefined]),
  };
  return random.percent(95) ? JSON.stringify(command) : random.pick(["", "null", "[]", "{", "\u0000"]);
};

const withBody = (type: number, body: Uint8Array): Uint8Array =>
  encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, type);
    encoding.writeVarUint8Array(encoder, body);
  });

const forgeHostile = (view: AttackerView, kinds: readonly HostileKind[], random: Random): Uint8Array | null => {
  const kind = random.pick(kinds);
  const forged = kind.forge(view, random);
  if (forged === null) return null;
  if (kind.of === "awareness") return writeAwareness(forged);
  return random.percent(75) ? writeUpdate(forged) : writeSyncStep2(forged);
};

/** Share of the frames of the hostile kinds, in percent. */
const HOSTILE_PERCENT = 12;

/**
 * A frame of any kind; most contain updates, which can change the document.
 *
 * @param kinds the hostile kinds among them.
 */
export const forgeFrame = (view: AttackerView, kinds: readonly HostileKind[], random: Random): Uint8Array => {
  const hostile = kinds.length > 0 && random.percent(HOSTILE_PERCENT) ? forgeHostile(view, kinds, random) : null;
  if (hostile !== null) return hostile;
  const kind = random.below(100);
  if (kind < 50) return writeUpdate(forgeUpdate(view, random));
  if (kind < 62) return writeSyncStep2(forgeUpdate(view, random));
  if (kind < 67) return writeUpdate(forgeWaitingUpdate(view, random));
  if (kind < 82) return writeAwareness(forgeAwareness(view, random));
  if (kind < 86) return writeSyncStep1(forgeStateVector(view, random));
  if (kind < 95) return withBody(MessageType.session, new TextEncoder().encode(forgeCommand(random)));
  if (kind < 97) return Uint8Array.of(MessageType.queryAwareness);
  return withBody(random.pick([MessageType.auth, 4, 82, 84, 2 ** 31]), random.bytes(random.below(20)));
};
