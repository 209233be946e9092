/**
 * What the guard costs: CPU time of `Guard.admit` for one typing update, over many people's real
 * updates in the order in which a relay gets them. Run: `npm run bench:guard`.
 */
import * as Y from "yjs";
import { Guard } from "../sync-server/guard/guard.ts";

const WRITERS = 50;
const UPDATES_EACH = 2_000;
const ROUNDS = 9;

/** The updates of people who type, delete and move about in one text, out of phase. */
const typing = (): Uint8Array[] => {
  const docs = Array.from({ length: WRITERS }, () => new Y.Doc());
  const updates: Uint8Array[] = [];
  docs.forEach((doc, who) => {
    doc.on("update", (update: Uint8Array) => updates.push(update));
    const text = doc.getText("notes");
    let at = 0;
    for (let i = 0; i < UPDATES_EACH; i++) {
      if (i % 40 === 39) at = (at * 7 + who) % (text.length + 1);
      if (i % 10 === 9 && at > 0) text.delete(--at, 1);
      else text.insert(at++, "abcdefghij"[i % 10]!);
    }
  });
  // Everybody's in turn, as if they typed at the same time.
  const inTurn: Uint8Array[] = [];
  for (let i = 0; i < UPDATES_EACH; i++) {
    for (let who = 0; who < WRITERS; who++) inTurn.push(updates[who * UPDATES_EACH + i]!);
  }
  return inTurn;
};

const updates = typing();
const results: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const guard = new Guard(new Map(), null);
  const before = process.cpuUsage();
  let accepted = 0;
  for (const update of updates) if (guard.admit(update).accepted !== null) accepted++;
  const { user, system } = process.cpuUsage(before);
  if (accepted !== updates.length) throw new Error(`only ${accepted} of ${updates.length} updates were accepted`);
  results.push((user + system) / updates.length);
}
results.sort((a, b) => a - b);
const bytes = updates.reduce((sum, update) => sum + update.byteLength, 0) / updates.length;
console.log(
  `guard: ${results[ROUNDS >> 1]!.toFixed(2)} µs of CPU for a typing update (median of ${ROUNDS} rounds; best ${results[0]!.toFixed(2)}, worst ${results.at(-1)!.toFixed(2)}; ${updates.length} updates of ${bytes.toFixed(0)} bytes on average)`,
);
