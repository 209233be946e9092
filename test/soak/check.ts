/** Looks at a room while nobody does anything: is it everywhere what it is at the relay, and is every edit in it? */
import type { RoomDescription } from "../../sync-server/room/room-service.ts";
import type { FindingKind } from "./findings.ts";
import { LONG_TOKEN_MS, Person } from "./person.ts";
import type { SoakRoom } from "./soak-room.ts";
import { pause } from "./world.ts";
import type { World } from "./world.ts";

/** How long all may take to agree, in real ms: as long as a client waits at most before it tries again, and a bit. */
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 40;
const SHOWN_EDITS = 3;

type Wrong = { readonly kind: FindingKind; readonly text: string; readonly count?: number };

/** Looks again and again until nothing is wrong; resolves with what is still wrong then. */
const untilRight = async (world: World, look: () => Promise<Wrong[]>): Promise<Wrong[]> => {
  const from = performance.now();
  for (;;) {
    const wrong = await look();
    const waitedMs = performance.now() - from;
    if (wrong.length === 0 || waitedMs > PATIENCE_MS + world.stalls.within(waitedMs)) return wrong;
    await pause(LOOK_EVERY_MS);
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
    const text = `${room.name}: the relay counts ${seen.hosts} + ${seen.participants}, and there are ${all}`;
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

/** Compares what people see with what the relay says over HTTP. */
export const compareRoom = async (world: World, room: SoakRoom): Promise<void> => {
  const { findings } = world;
  const release = room.hold();
  try {
    if (!room.isClear) {
      findings.skipped++;
      return;
    }
    const wrong = await untilRight(world, async () => {
      const seen = await world.relay.describe(room.name);
      room.judge(seen);
      return differences(room, seen);
    });
    findings.comparisons++;
    for (const { kind, text } of wrong) findings.add(kind, text);
  } finally {
    release();
  }
};

const lacking = (room: SoakRoom, newcomer: Person): Wrong[] => {
  const marks = new Set(newcomer.marks);
  const lost = [...room.due].filter((mark) => !marks.has(mark));
  const wrong: Wrong[] = [];
  if (lost.length > 0) {
    const text = `${room.name}: a newcomer lacks ${lost.length} of ${room.due.size} edits, such as ${lost.slice(0, SHOWN_EDITS).join(", ")}`;
    wrong.push({ kind: "lost updates", text, count: lost.length });
  }
  if (marks.size !== newcomer.marks.length) {
    wrong.push({ kind: "wrong states", text: `${room.name}: a newcomer's document holds edits twice` });
  }
  for (const { name, text, isInRun } of room.people) {
    if (isInRun && text !== newcomer.text) {
      wrong.push({
        kind: "wrong states",
        text: `${room.name}: the text of ${name} and of a newcomer are not the same`,
      });
    }
  }
  return wrong;
};

/** Lets somebody new in, and looks whether they find every edit that must be there. */
export const inspectRoom = async (world: World, room: SoakRoom): Promise<void> => {
  const { findings } = world;
  const release = room.hold();
  let newcomer: Person | null = null;
  try {
    const seen = await world.relay.describe(room.name);
    room.judge(seen);
    if (seen.status !== "live") return;
    for (const person of room.people) person.settle();
    newcomer = await Person.open(world, room, {
      kind: "stock",
      role: "participant",
      isKnown: true,
      tokenMs: LONG_TOKEN_MS,
    });
    const inspector = newcomer;
    const wrong = await untilRight(world, async () => {
      if (inspector.isInRun) return lacking(room, inspector);
      // The deadline may come while they are on their way.
      const { status } = await world.relay.describe(room.name);
      return status === "live" ? [{ kind: "wrong states", text: `${room.name}: a newcomer is not served` }] : [];
    });
    findings.inspections++;
    findings.soughtEdits += room.due.size;
    for (const { kind, text, count } of wrong) findings.add(kind, text, count);
    // Each is missed once.
    const found = new Set(inspector.marks);
    if (inspector.isInRun) for (const mark of room.due) if (!found.has(mark)) room.due.delete(mark);
  } finally {
    newcomer?.close();
    release();
  }
};
