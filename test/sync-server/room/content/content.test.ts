/** What clients are sent of a room's content: those who ask for the same at once share it. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../../src/protocol/protocol.ts";
import { Answers } from "../../../../sync-server/room/content/answers.ts";
import { Content } from "../../../../sync-server/room/content/content.ts";

const EMPTY_STATE_VECTOR = Uint8Array.of(0);

describe("answers", () => {
  it("[W19] everybody gets the whole, whether they share it, come while others write, or come when it was released", () => {
    const author = new Y.Doc();
    const content = new Content([]);
    const answers = new Answers(
      (act) => act(content),
      () => false,
    );
    author.on("update", (update: Uint8Array) => {
      content.add(update);
      answers.contentChanged();
    });
    const text = author.getText("text");
    const ask = (): void => {
      const doc = new Y.Doc();
      const pieces = answers.open(EMPTY_STATE_VECTOR);
      for (let piece = pieces.next(); piece !== null; piece = pieces.next()) {
        const { payload } = piece.frame(false);
        // A sync message: its type, its step, and the update with its length.
        let at = 2;
        while ((payload[at++]! & 0x80) !== 0);
        Y.applyUpdate(doc, payload.subarray(at));
      }
      expect(doc.getText("text").toString()).toBe(text.toString());
      expect(doc.store.pendingStructs).toBeNull();
    };
    ask();
    text.insert(0, "x".repeat(100_000));
    for (let i = 0; i < 5; i++) ask();
    for (let i = 0; i < 300; i++) {
      text.insert(i, "y");
      if (i % 3 === 0) text.delete(0, 1);
      if (i % 10 === 0) ask();
    }
    answers.evict();
    ask();
    answers.evict();
    answers.evict();
    ask();
    text.insert(0, "z".repeat(20_000));
    ask();
  });

  it("[G6] an empty room refuses a state vector that cannot be read, like any other", () => {
    const content = new Content([]);
    expect(() =>
      new Answers(
        (act) => act(content),
        () => false,
      ).open(Uint8Array.of(5, 1)),
    ).toThrow(MalformedError);
  });
});
