/** How the guard's work grows, counted in steps, over updates that were made to be dear. */
import * as encoding from "lib0/encoding";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Guard } from "../../../sync-server/guard/guard.ts";
import { docWithId } from "./arbitrary-edits.ts";

const ITEM = { embed: 5, any: 8 };

const write = (encoder: encoding.Encoder, ...numbers: number[]): void => {
  for (const number of numbers) encoding.writeVarUint(encoder, number);
};

/** An embed in the root "a", or after another item. */
const writeEmbed = (encoder: encoding.Encoder, origin: [client: number, clock: number] | null): void => {
  encoding.writeUint8(encoder, ITEM.embed | (origin === null ? 0 : 0x80));
  if (origin === null) {
    write(encoder, 1);
    encoding.writeVarString(encoder, "a");
  } else write(encoder, ...origin);
  encoding.writeVarString(encoder, "1");
};

const DEAR: Readonly<Record<string, (n: number) => Uint8Array>> = {
  "clients that wait for one another in the worst order": (n) =>
    encoding.encode((encoder) => {
      write(encoder, n + 1);
      for (let i = 0; i < n; i++) {
        write(encoder, 1, 100 + i, 0);
        writeEmbed(encoder, [7, i]);
      }
      write(encoder, n, 7, 0);
      for (let i = 0; i < n; i++) writeEmbed(encoder, i === 0 ? null : [100 + i - 1, 0]);
      write(encoder, 0);
    }),
  "long map values that are deleted one by one, from the last": (n) =>
    encoding.encode((encoder) => {
      write(encoder, 1, n, 7, 0);
      for (let i = 0; i < n; i++) {
        encoding.writeUint8(encoder, ITEM.any | (i === 0 ? 0x20 : 0x80));
        if (i === 0) write(encoder, 1, 1, 97, 1, 107);
        else write(encoder, 7, 2 * i - 1);
        write(encoder, 2, 126, 126);
      }
      write(encoder, 1, 7, 2 * n);
      for (let i = 2 * n - 1; i >= 0; i--) write(encoder, i, 1);
    }),
  "deletes of what nobody holds": (n) =>
    encoding.encode((encoder) => {
      write(encoder, 0, 1, 88, n);
      for (let i = 0; i < n; i++) write(encoder, 2 * i, 1);
    }),
  "text that was typed backwards": (n) => {
    const doc = docWithId(50);
    for (let i = 0; i < n; i++) doc.getText("text").insert(0, "x");
    return Y.encodeStateAsUpdate(doc);
  },
};

/** Steps of planning an update, and how often it paused. */
const stepsOf = (update: Uint8Array): { steps: number; pauses: number } => {
  const slice = { left: 100, steps: 100 };
  const guard = new Guard(new Map());
  const work = guard.plan(update, {}, slice);
  let pauses = 0;
  for (let result = work.next(); ; result = work.next()) {
    if (result.done === true) {
      guard.commit(result.value);
      return { steps: pauses * 100 + 100 - slice.left, pauses };
    }
    pauses++;
  }
};

describe("the guard's work", () => {
  it.each(Object.keys(DEAR))("[G16] grows with the bytes, and pauses: %s", (name) => {
    const [small, large] = [1_000, 4_000].map((n) => stepsOf(DEAR[name]!(n)));
    expect(large!.steps).toBeLessThan(small!.steps * 4.5);
    expect(large!.pauses).toBeGreaterThan(4_000 / 100);
    expect(large!.steps).toBeLessThan(4_000 * 16);
  });
});
