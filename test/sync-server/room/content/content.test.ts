/** A room's content by itself: what it answers, and what it keeps for those who may ask. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../../src/protocol/protocol.ts";
import { Content } from "../../../../sync-server/room/content/content.ts";
import { Random } from "../../../random.ts";

describe("content", () => {
  it("content that was not needed for a while is bytes again, and answers as before", () => {
    const random = new Random(7);
    const author = new Y.Doc();
    const text = author.getText("text");
    const [plain, evicted] = [new Content([]), new Content([])];
    author.on("update", (update: Uint8Array) => {
      for (const content of [plain, evicted]) content.add(update);
    });
    const asText = (content: Content): string => {
      const doc = new Y.Doc();
      for (const update of content.encodeSince(Uint8Array.of(0))) Y.applyUpdate(doc, update);
      return doc.getText("text").toString() + JSON.stringify(doc.getMap("map").toJSON());
    };
    for (let i = 0; i < 300; i++) {
      if (text.length > 0 && random.chance(0.3)) text.delete(random.below(text.length), 1);
      else text.insert(random.below(text.length + 1), String(i));
      if (random.chance(0.1)) author.getMap("map").set("key", i);
      // Once to see that it is not in use any more, once to release it.
      if (random.chance(0.3)) for (let times = random.below(3); times > 0; times--) evicted.evictCaches();
      if (random.chance(0.5)) continue;
      expect(asText(evicted)).toBe(asText(plain));
      expect(evicted.stateVector()).toEqual(plain.stateVector());
      const clock = random.below(Y.getState(author.store, author.clientID));
      expect(evicted.isEntry(author.clientID, clock)).toBe(plain.isEntry(author.clientID, clock));
      expect(evicted.isDeleted(author.clientID, clock, 1)).toBe(plain.isDeleted(author.clientID, clock, 1));
    }
  });

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
