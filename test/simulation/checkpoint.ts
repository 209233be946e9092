/** Checks after a time without faults, and after everybody has left. */
import { toSession } from "../../src/session/lifecycle.ts";
import { violate } from "./violation.ts";
import type { Tab } from "./people.ts";
import type { World } from "./world.ts";

const FIRST_LEDGER_ID = 2 ** 32;

const contentOf = ({ doc }: Tab): string =>
  JSON.stringify([
    doc.getText("text").toDelta(),
    Object.entries(doc.getMap("map").toJSON()).sort(),
    doc.getArray("list").toJSON(),
  ]);

const checkRoom = (world: World, name: string): void => {
  const { record } = world.disk.room(name);
  const tabs = world.people.filter(({ options }) => options.room === name).flatMap((person) => person.tabs);
  if (record === null) {
    if (tabs.length > 0) violate("I4", `${name} is not on the disk, but somebody is connected to it`);
    return;
  }
  const session = JSON.stringify(toSession(record.state));
  const { status } = record.state;
  const inRun: Tab[] = [];
  for (const tab of tabs) {
    const who = tab.owner.name;
    if (tab.room === null) {
      // Stock clients are closed at the end of a run and do not reconnect.
      if (!tab.provider.shouldConnect) continue;
      if (!tab.provider.wsconnected) violate("I4", `${who} is not connected`);
      if (status === "live") inRun.push(tab);
    } else {
      const { screen, connection } = tab.room.state;
      if (connection !== "online") violate("I4", `${who} is ${connection}`);
      const fitting = { waiting: ["waiting", "left"], live: ["joined", "left", "ended"], ended: ["ended", "left"] };
      if (!fitting[status].includes(screen.name))
        violate("I4", `${who} sees "${screen.name}", and ${name} is ${status}`);
      if (screen.name === "ended" && screen.canRejoin !== (status === "live")) {
        violate("I4", `${who} is ${screen.canRejoin ? "" : "not "}offered to rejoin, and ${name} is ${status}`);
      }
      if (screen.name === "joined") {
        inRun.push(tab);
        if (tab.room.state.notices.length > 0) violate("I4", `${who} has notices: nothing is refused or broken`);
      }
    }
    const seen = JSON.stringify(tab.session);
    if (seen !== session) violate("I4", `${who} reads ${seen}, and ${name} is ${session}`);
  }
  checkContent(world, name, inRun);
  checkPresence(inRun);
};

/**
 * Whether a tab holds content of a page that is gone, which a power cut has cost the relay. It comes back if a page
 * that was acknowledged later commits proves the loss (R9); otherwise it stays with those who hold it, and what they
 * write beside it waits, and is shown as unsaved.
 */
const holdsLostContent = (world: World, name: string, tab: Tab, present: ReadonlySet<number>): boolean => {
  const stored = world.storedClocksOf(name);
  const own = world.stateVectorOf(tab.doc);
  return [...world.disk.lostOf(name)].some(([client, lostUpTo]) => {
    const clock = own.get(client) ?? 0;
    return !present.has(client) && clock > (stored.get(client) ?? 0) && clock <= lostUpTo;
  });
};

const checkContent = (world: World, name: string, inRun: readonly Tab[]): void => {
  const stored = world.storedClocksOf(name);
  const present = new Set(inRun.map(({ doc }) => doc.clientID));
  const comparable = inRun.filter((tab) => !holdsLostContent(world, name, tab, present));
  for (const tab of inRun) {
    const who = tab.owner.name;
    if (!tab.provider.synced) violate("I4", `${who} has not received the document`);
    if (tab.doc.store.pendingStructs !== null || tab.doc.store.pendingDs !== null) {
      violate("I4", `${who}'s document has pending structs or deletes`);
    }
  }
  for (const tab of comparable) {
    const who = tab.owner.name;
    if (tab.room?.state.unsaved === true) {
      violate("I4", `${who} has something unsaved, although there was time to save it`);
    }
    const own = world.stateVectorOf(tab.doc);
    for (const client of new Set([...own.keys(), ...stored.keys()])) {
      if (client >= FIRST_LEDGER_ID || (own.get(client) ?? 0) === (stored.get(client) ?? 0)) continue;
      violate(
        "I4",
        `${who} has client ${client} up to clock ${own.get(client) ?? 0}, the relay up to ${stored.get(client) ?? 0}`,
      );
    }
    const [first] = comparable;
    if (contentOf(tab) !== contentOf(first!))
      violate(
        "I4",
        `${who} and ${first!.owner.name} read different documents:\n${contentOf(tab)}\n${contentOf(first!)}`,
      );
  }
};

const checkPresence = (inRun: readonly Tab[]): void => {
  const idsOf = (tabs: readonly Tab[]): string =>
    tabs
      .map(({ doc }) => doc.clientID)
      .sort()
      .join();
  for (const tab of inRun) {
    const others = inRun.filter((each) => each !== tab);
    const seen = [...tab.provider.awareness.getStates().keys()].filter((id) => id !== tab.doc.clientID);
    const nameOf = (id: number): string => inRun.find(({ doc }) => doc.clientID === id)?.owner.name ?? `ghost ${id}`;
    if (seen.sort().join() !== idsOf(others)) {
      violate(
        "I5",
        `${tab.owner.name} sees ${seen.map(nameOf).join(", ") || "nobody"}, and present are ${others.map(({ owner }) => owner.name).join(", ") || "no others"}`,
      );
    }
  }
};

/** All connected pages have the same session and content, and see exactly those who are present. */
export const checkConvergence = (world: World): void => {
  for (const name of world.rooms) checkRoom(world, name);
};

/** Long enough to handle a deadline that is due, ms. */
const DEADLINE_HANDLED_MS = 1_000;

/** With nobody connected, no room stays in memory, and a run without a host ends at its deadline. */
export const checkNothingLeft = async (world: World, runFor: (ms: number) => Promise<void>): Promise<void> => {
  const { core } = world.host;
  if (core === null) return violate("I6", "the relay is not running");
  // A deadline that is due right now loads its room until the disk has answered.
  if (core.rooms.size > 0) await runFor(DEADLINE_HANDLED_MS);
  if (core.rooms.size > 0) violate("I6", `${core.rooms.size} rooms are in memory although nobody is connected`);
  const deadlines = world.rooms.map((name) => world.oracle.deadlineOf(name) ?? 0);
  await runFor(Math.max(...deadlines, world.host.now!) - world.host.now! + 5_000);
  for (const name of world.rooms) {
    const { record } = world.disk.room(name);
    if (record?.state.status === "live") violate("I1", `${name} is live without a host`);
  }
  // Only the timers of heartbeat and housekeeping and the one timer of all deadlines remain.
  if (world.host.pending > 3)
    violate("I6", `${world.host.pending} events of the relay are pending although nobody is connected`);
  for (const { uplink, options } of world.people) {
    if (uplink.links.size > 0)
      violate(
        "I6",
        `${options.name} has closed every page but still has a connection ${[...uplink.links].map((l) => [l.client.owner.name, l.client.readyState, l.server?.readyState, l.relayOwner?.name, l.relayOwner?.isAlive])}`,
      );
  }
};
