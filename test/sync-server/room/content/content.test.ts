/** A room's content by itself: what it answers, and what it keeps for those who may ask. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../../src/protocol/protocol.ts";
import { Content } from "../../../../sync-server/room/content/content.ts";

describe("content", () => {
  it("an answer is made once for many, and later edits follow it, up to a limit", () => {
    const author = new Y.Doc();
    const content = new Content([]);
    author.on("update", (update: Uint8Array) => content.add(update));
    const text = author.getText("text");
    const ask = (): number => {
      const doc = new Y.Doc();
      const updates = content.encodeSince(Uint8Array.of(0));
      for (const update of updates) Y.applyUpdate(doc, update);
      expect(doc.getText("text").toString()).toBe(text.toString());
      return updates.length;
    };
    text.insert(0, "x".repeat(100_000));
    expect(ask()).toBe(1);
    for (let i = 0; i < 256; i++) text.insert(i, "y");
    text.delete(0, 1);
    expect(ask()).toBe(1);
    for (let i = 1; i <= 3; i++) {
      text.delete(i, 1);
      expect(ask()).toBe(1 + i);
    }
    // It was asked for since the last call; later it was not.
    content.evictCaches();
    expect(ask()).toBe(4);
    content.evictCaches();
    content.evictCaches();
    expect(ask()).toBe(1);
    // No answer is kept for another state vector.
    expect(content.encodeSince(Y.encodeStateVector(author))).toHaveLength(1);
    text.insert(0, "z".repeat(20_000));
    expect(ask()).toBe(1);
    text.insert(0, "z".repeat(20_000));
    expect(ask()).toBe(1);
  });

  it("[G6] an empty room refuses a state vector that cannot be read, like any other", () => {
    expect(() => new Content([]).encodeSince(Uint8Array.of(5, 1))).toThrow(MalformedError);
  });
});
