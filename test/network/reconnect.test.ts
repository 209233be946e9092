/** A line that is cut and comes back: everything is right within a second, whatever happened meanwhile. */
import { describe, expect, it, onTestFinished } from "vitest";
import { until } from "../e2e/until.ts";
import { KINDS, screenOf } from "./peer.ts";
import type { Kind, Peer } from "./peer.ts";
import { createTown, RIGHT_MS } from "./town.ts";
import type { Guests } from "./town.ts";

const town = createTown();

type Setting = { readonly guests: Guests; readonly host: Peer; readonly peer: Peer; readonly all: readonly Peer[] };

/** Hera, a host; Gus, by the client that is looked at; and a witness by the other one. */
const gather = async (kind: Kind, options: { invited?: boolean } = {}): Promise<Setting> => {
  const guests = await town.makeRoom(onTestFinished);
  const host = await guests.enter("room", "host", "Hera");
  const peer = await guests.enter(kind, "participant", "Gus", options);
  const witness = await guests.enter(kind === "stock" ? "room" : "stock", "participant", "Wim");
  const all = [host, peer, witness];
  await guests.msUntilRight(all);
  return { guests, host, peer, all };
};

const away = async ({ guests, peer, host }: Setting): Promise<void> => {
  await until("the others see that it is gone", async () => {
    const { participants } = await guests.describe();
    return participants === 1 && !host.others.includes(peer.name);
  });
  await until("the client has noticed", () => !peer.isOnline);
};

describe.each(KINDS)("a %s client", (kind) => {
  it.each(["close", "reset"] as const)("[U8] [P7] after a %s: content both ways, presence, no ghost", async (how) => {
    const setting = await gather(kind);
    const { guests, host, peer, all } = setting;
    host.type("Before. ");
    await guests.msUntilRight(all);
    peer.cable.pull(how);
    await away(setting);
    peer.type("Typed in the dark. ");
    host.type("Typed in the light. ");
    peer.cable.plugIn();
    await until("it is back", () => peer.isOnline);
    expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
    for (const words of ["Before.", "Typed in the dark.", "Typed in the light."]) expect(host.text).toContain(words);
    host.type("After. ");
    peer.type("And after. ");
    await guests.msUntilRight(all);
  });

  it("[P7] a state of presence that the page sets while it is away is what the others see", async () => {
    const setting = await gather(kind);
    const { guests, host, peer, all } = setting;
    peer.awareness.setLocalStateField("cursor", 1);
    const seenCursor = () => host.awareness.getStates().get(peer.doc.clientID)?.["cursor"];
    await until("the cursor is seen", () => seenCursor() === 1);
    peer.cable.pull();
    await away(setting);
    peer.awareness.setLocalStateField("cursor", 2);
    peer.cable.plugIn();
    await until("it is back", () => peer.isOnline);
    expect(await guests.msUntilRight(all)).toBeLessThan(RIGHT_MS);
    expect(seenCursor()).toBe(2);
  });

  it("[L10] [U8] the session ended and was started again meanwhile: it comes back into the new run", async () => {
    const setting = await gather(kind);
    const { guests, host, peer, all } = setting;
    peer.cable.pull();
    await away(setting);
    peer.type("Of the first run. ");
    await host.room!.end();
    await host.room!.start();
    host.type("Of the second run. ");
    // A stock witness was let go for good at the end (4410); a page with one would load again.
    const stays = all.filter((each) => each === host || each === peer);
    peer.cable.plugIn();
    await until("it is back", () => peer.isOnline);
    const witness = all.find((each) => !stays.includes(each))!;
    if (witness.room === null) witness.provider.connect();
    else await witness.room.rejoin();
    expect(await guests.msUntilRight(stays.concat(witness))).toBeLessThan(RIGHT_MS);
    expect(peer.session).toMatchObject({ status: "live", run: 2 });
    expect(host.text).toContain("Of the first run.");
    expect(peer.text).toContain("Of the second run.");
  });

  it("[W9] [U8] the session ended meanwhile: it learns so, and what it typed waits for the next run", async () => {
    const setting = await gather(kind);
    const { guests, host, peer } = setting;
    peer.cable.pull();
    await away(setting);
    peer.type("Never sent. ");
    await host.room!.end();
    peer.cable.plugIn();
    await until("it knows of the end", () => peer.session?.status === "ended");
    expect(performance.now() - peer.onlineAt).toBeLessThan(RIGHT_MS);
    if (kind === "room") expect(screenOf(peer)).toMatchObject({ name: "ended", end: { reason: "host-ended" } });
    else await until("it was let go", () => peer.closeCodes.at(-1) === 4410 && !peer.isOnline);
    expect(await guests.describe()).toMatchObject({ status: "ended", participants: 0 });
    expect(host.text).not.toContain("Never sent.");
    await host.room!.start();
    if (kind === "room") await peer.room!.rejoin();
    else peer.provider.connect();
    await until("the words have come", () => host.text.includes("Never sent."));
  });

  it("[L3] [L4] as the last host: the absence begins at the cut and is over at the return", async () => {
    const guests = await town.makeRoom(onTestFinished);
    const host = await guests.enter(kind, "host", "Hera");
    const guest = await guests.enter("stock", "participant", "Gus");
    await guests.msUntilRight([host, guest]);
    const cutAt = Date.now();
    host.cable.pull();
    const { absentSince } = await until("the absence has begun", async () => {
      const described = await guests.describe();
      return described.endsAt === null ? null : described;
    });
    expect(Math.abs(absentSince! - cutAt)).toBeLessThan(RIGHT_MS);
    host.cable.plugIn();
    await until("the host is back", () => host.isOnline);
    expect(await guests.msUntilRight([host, guest])).toBeLessThan(RIGHT_MS);
    expect(await guests.describe()).toMatchObject({ status: "live", run: 1, endsAt: null, absentSince: null });
  });
});

describe("a computer that moves on to another network", () => {
  /** The old line stays half open: neither side is told. */
  const moveOn = async ({ peer, guests, all }: Setting): Promise<number> => {
    peer.type("Before. ");
    await guests.msUntilRight(all);
    peer.cable.goDark();
    peer.provider.disconnect();
    peer.type("On the way. ");
    peer.cable.goLight();
    peer.provider.connect();
    await until("the new line stands", () => peer.isOnline);
    return guests.msUntilRight(all);
  };

  it.each(KINDS)("[P7] [G10] a known person's %s client is right at once, beside its own dead line", async (kind) => {
    const setting = await gather(kind);
    expect(await moveOn(setting)).toBeLessThan(RIGHT_MS);
    expect(setting.host.text).toContain("On the way.");
  });

  it("[P7] [P5] so is an invited person's room client, who has a token of their own", async () => {
    const setting = await gather("room", { invited: true });
    expect(await moveOn(setting)).toBeLessThan(RIGHT_MS);
    expect(setting.host.text).toContain("On the way.");
  });

  it("[G10] an invited stock client is a newcomer: it gets its place when the dead line is found out", async () => {
    const setting = await gather("stock", { invited: true });
    expect(await moveOn(setting)).toBeLessThan(5_000);
    expect(setting.host.text).toContain("On the way.");
  });
});
