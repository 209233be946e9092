/** Checks a room while nobody acts: whether all clients agree with the relay, and whether it contains every edit. */
import type { RoomDescription } from "../../sync-server/room/room-service.ts";
import type { FindingKind } from "./findings.ts";
import { Person } from "./person.ts";
import { LONG_TOKEN_MS } from "./person-token.ts";
import type { SoakRoom } from "./soak-room.ts";
import { waitRealMs } from "./world.ts";
import type { World } from "./world.ts";

/** Within this time all must agree, in real ms: more than a client waits between two connection attempts. */
const TIMEOUT_MS = 5_000;
const POLL_MS = 40;
const SHOWN_EDITS = 3;

type Wrong = { readonly kind: FindingKind; readonly text: string; readonly count?: number };

/** Polls until nothing is wrong; resolves with what is still wrong at the timeout. */
const untilConsistent = async (world: World, read: () => Promise<Wrong[]>): Promise<Wrong[]> => {
  const from = performance.now();
  for (;;) {
    const wrong = await read();
    const waitedMs = performance.now() - from;
    if (wrong.length === 0 || waitedMs > TIMEOUT_MS + world.stalls.within(waitedMs)) return wrong;
    await waitRealMs(POLL_MS);
  }
};

const differences = (room: SoakRoom, seen: RoomDescription): Wrong[] => {
  const wrong: Wrong[] = [];
  const inRun = [...room.people].filter(({ isInRun }) => isInRun);
  const ofRelay = JSON.stringify([seen.status, seen.run, seen.ended]);
  for (const { name, session } of inRun) {
    if (session === null) continue;
    const own = JSON.stringify([session.status, session.run, session.status === "ended" ? session.ended : null]);
    if (own !== ofRelay) wrong.push({ kind: "wrong states", text: `${room.name}, ${name}: ${own}, not ${ofRelay}` });
  }
  const all = [...room.people].map(({ description }) => description).join(", ") || "none";
  const counted = (role: string): number => inRun.filter((person) => person.role === role).length;
  if (seen.status === "live" && (seen.hosts !== counted("host") || seen.participants !== counted("participant"))) {
    const text = `${room.name}: the relay counts ${seen.hosts} hosts and ${seen.participants} participants, but these are present: ${all}`;
    wrong.push({ kind: "wrong presence", text });
  }
  for (const person of inRun) {
    const expected = inRun
      .filter((other) => other !== person)
      .map(({ name }) => name)
      .toSorted();
    if (person.others.join() !== expected.join()) {
      const text = `${room.name}, ${person.name}: sees ${person.others.join(", ") || "nobody"}, not ${expected.join(", ") || "nobody"}`;
      wrong.push({ kind: "wrong presence", text });
    }
  }
  return wrong;
};

/** Compares the clients' views with the relay's description over HTTP. */
export const compareRoom = async (world: World, room: SoakRoom): Promise<void> => {
  const { findings } = world;
  const release = room.pauseActivity();
  try {
    if (!room.isPresenceCertain) {
      findings.skipped++;
      return;
    }
    const wrong = await untilConsistent(world, async () => {
      const seen = await world.relay.describe(room.name);
      room.checkState(seen);
      return differences(room, seen);
    });
    findings.comparisons++;
    for (const { kind, text } of wrong) findings.add(kind, text);
  } finally {
    release();
  }
};

const findMissing = (room: SoakRoom, inspector: Person): Wrong[] => {
  const editIds = new Set(inspector.editIds);
  const lost = [...room.expectedEdits].filter((editId) => !editIds.has(editId));
  const wrong: Wrong[] = [];
  if (lost.length > 0) {
    const text = `${room.name}: a new client has not received ${lost.length} of ${room.expectedEdits.size} edits, such as ${lost.slice(0, SHOWN_EDITS).join(", ")}`;
    wrong.push({ kind: "lost updates", text, count: lost.length });
  }
  if (editIds.size !== inspector.editIds.length) {
    wrong.push({ kind: "wrong states", text: `${room.name}: a new client's document contains edits twice` });
  }
  for (const { name, text, isInRun } of room.people) {
    if (isInRun && text !== inspector.text) {
      wrong.push({
        kind: "wrong states",
        text: `${room.name}: the texts of ${name} and of a new client differ`,
      });
    }
  }
  return wrong;
};

/** Connects a new client and checks that it receives every expected edit. */
export const inspectRoom = async (world: World, room: SoakRoom): Promise<void> => {
  const { findings } = world;
  const release = room.pauseActivity();
  let opened: Person | null = null;
  try {
    const seen = await world.relay.describe(room.name);
    room.checkState(seen);
    if (seen.status !== "live") return;
    for (const person of room.people) person.confirmEdits();
    opened = await Person.open(world, room, {
      kind: "stock",
      role: "participant",
      isKnown: true,
      tokenMs: LONG_TOKEN_MS,
    });
    const inspector = opened;
    const wrong = await untilConsistent(world, async () => {
      if (inspector.isInRun) return findMissing(room, inspector);
      // The deadline may pass while the client connects.
      const { status } = await world.relay.describe(room.name);
      return status === "live"
        ? [{ kind: "wrong states", text: `${room.name}: a new client is not sent the content` }]
        : [];
    });
    findings.inspections++;
    findings.checkedEdits += room.expectedEdits.size;
    for (const { kind, text, count } of wrong) findings.add(kind, text, count);
    // Report each missing edit only once.
    const found = new Set(inspector.editIds);
    if (inspector.isInRun)
      for (const editId of room.expectedEdits) if (!found.has(editId)) room.expectedEdits.delete(editId);
  } finally {
    opened?.close();
    release();
  }
};
