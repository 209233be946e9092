/** The updates of people who type, delete and move the caret in one text. */
import * as Y from "yjs";

/** @returns for each writer its updates in order; an update refers only to updates of the same writer. */
export const typing = (writers: number, updatesEach: number): Uint8Array[][] =>
  Array.from({ length: writers }, (_, who) => {
    const doc = new Y.Doc();
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    const text = doc.getText("notes");
    let at = 0;
    for (let i = 0; i < updatesEach; i++) {
      if (i % 40 === 39) at = (at * 7 + who) % (text.length + 1);
      if (i % 10 === 9 && at > 0) text.delete(--at, 1);
      else text.insert(at++, "abcdefghij"[i % 10]!);
    }
    return updates;
  });
