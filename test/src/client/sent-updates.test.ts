import { describe, expect, it } from "vitest";
import { SentUpdates } from "../../../src/client/sent-updates.ts";

const update = Uint8Array.of(1, 2, 3);
const other = Uint8Array.of(4);

describe("what is unsaved", () => {
  it("nothing, in a document that was never written to", () => {
    expect(new SentUpdates(false).hasUnsaved).toBe(false);
  });

  it("a change, from the moment it is sent until the relay has settled it", () => {
    const sent = new SentUpdates(false);
    sent.updateSent(update);
    sent.updateSent(other);
    expect(sent.hasUnsaved).toBe(true);
    sent.settled(1);
    expect(sent.hasUnsaved).toBe(true);
    sent.settled(2);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("a change that was made without a connection, until the sync that carries it is settled", () => {
    const sent = new SentUpdates(false);
    sent.changedOffline();
    expect(sent.hasUnsaved).toBe(true);
    sent.syncSent(update);
    expect(sent.hasUnsaved).toBe(true);
    sent.settled(1);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("a copy that the page loaded before it ever connected", () => {
    const sent = new SentUpdates(true);
    sent.syncSent(update);
    sent.settled(0);
    expect(sent.hasUnsaved).toBe(true);
    sent.settled(1);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("not a sync that only repeats what others wrote", () => {
    const sent = new SentUpdates(false);
    sent.syncSent(update);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("what was on its way when the connection broke, until the next connection has brought it", () => {
    const sent = new SentUpdates(false);
    sent.updateSent(update);
    sent.disconnected();
    expect(sent.hasUnsaved).toBe(true);
    // An answer of the former connection counts no more.
    sent.settled(1);
    expect(sent.hasUnsaved).toBe(true);
    sent.syncSent(other);
    sent.settled(1);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("nothing after a connection that had everything settled", () => {
    const sent = new SentUpdates(false);
    sent.updateSent(update);
    sent.settled(1);
    sent.disconnected();
    expect(sent.hasUnsaved).toBe(false);
  });
});

describe("a refusal", () => {
  it("gives the update back once, and it is unsaved no more", () => {
    const sent = new SentUpdates(false);
    sent.updateSent(update);
    sent.updateSent(other);
    expect(sent.refused(1)).toBe(update);
    expect(sent.refused(1)).toBeNull();
    expect(sent.hasUnsaved).toBe(true);
    sent.settled(2);
    expect(sent.hasUnsaved).toBe(false);
  });

  it("gives nothing for a sync that only repeats what the relay refused before", () => {
    const sent = new SentUpdates(false);
    sent.syncSent(update);
    expect(sent.refused(1)).toBeNull();
  });

  it("gives nothing for a message that was never sent", () => {
    expect(new SentUpdates(false).refused(7)).toBeNull();
  });
});
