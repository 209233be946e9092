/** A room's content by itself: what it answers, and what it keeps for those who may ask. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { MalformedError } from "../../../../src/protocol/protocol.ts";
import { Content } from "../../../../sync-server/room/content/content.ts";
import { Random } from "../../../random.ts";

describe("content", () => {
  it("content that nobody needed for a while is bytes again, and answers as before", () => {
    const random = new Random(7);
    const author = new Y.Doc();
    const text = author.getText("text");
    const [plain, tidied] = [new Content([]), new Content([])];
    author.on("update", (update: Uint8Array) => {
      for (const content of [plain, tidied]) content.add(update);
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
      // Once to see that it is in use no more, once to let it go.
      if (random.chance(0.3)) for (let times = random.below(3); times > 0; times--) tidied.evictCaches();
      if (random.chance(0.5)) continue;
      expect(asText(tidied)).toBe(asText(plain));
      expect(tidied.stateVector()).toEqual(plain.stateVector());
      const clock = random.below(Y.getState(author.store, author.clientID));
      expect(tidied.isEntry(author.clientID, clock)).toBe(plain.isEntry(author.clientID, clock));
      expect(tidied.isDeleted(author.clientID, clock, 1)).toBe(plain.isDeleted(author.clientID, clock, 1));
    }
  });

  it("an answer is made once for many, and what is written meanwhile comes behind it, up to a measure", () => {
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
    // Somebody has had it lately; later nobody has.
    content.evictCaches();
    expect(ask()).toBe(4);
    content.evictCaches();
    content.evictCaches();
    expect(ask()).toBe(1);
    // Of another state vector nothing is known.
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
