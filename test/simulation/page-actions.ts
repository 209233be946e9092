/** What people do with their pages, and operators with rooms. */
import { LONGEST_AWAY_MS, later } from "./action.ts";
import type { Action, WeightedActions } from "./action.ts";
import type { Person, Tab } from "./people.ts";
import type { World } from "./world.ts";

const anyTab = (world: World): { person: Person; tab: Tab } | null => {
  const all = world.people.flatMap((person) => person.tabs.map((tab) => ({ person, tab })));
  return all.length === 0 ? null : world.random.pick(all);
};

/** Runs `act` in a page, as soon as the page is not frozen. */
const inPage = (world: World, tab: Tab, act: () => void): void => void world.time.schedule(0, act, tab.owner);

const withTab =
  (act: (world: World, person: Person, tab: Tab) => string | null): Action =>
  (world) => {
    const found = anyTab(world);
    return found === null ? null : act(world, found.person, found.tab);
  };

const openPage: Action = (world) => {
  const person = world.random.pick(world.people);
  if (person.tabs.length >= 3) return null;
  const kind = world.random.below(3);
  const twin = person.tabs.at(0);
  if (kind === 0 && twin !== undefined) {
    // A duplicated tab has the same session storage but another document.
    person.open({ update: Uint8Array.of(0, 0), storage: twin.storage });
    return `${person.options.name} duplicates a tab`;
  }
  if (kind === 1 && person.kept !== null && person.tabs.length === 0) {
    person.open(person.kept);
    return `${person.options.name} opens the page again with its stored document`;
  }
  person.open();
  return `${person.options.name} opens the page`;
};

const edit = (tab: Tab, world: World): void => {
  const { random } = world;
  const { doc } = tab;
  if (!tab.isOpen) return;
  const text = doc.getText("text");
  switch (random.below(5)) {
    case 0:
      doc.getMap("map").set(random.pick(["a", "b", "c"]), random.below(1_000));
      return;
    case 1:
      return doc.getArray("list").insert(0, [random.below(1_000)]);
    case 2:
      if (text.length > 0) text.delete(random.below(text.length), 1);
      return;
    default:
      return text.insert(random.below(text.length + 1), random.pick(["word ", "x", "and then "]));
  }
};

export const PAGE_ACTIONS: WeightedActions = [
  [4, openPage],
  [
    2,
    withTab((world, person, tab) => {
      inPage(world, tab, () => person.close(tab));
      return `${tab.owner.name} is closed`;
    }),
  ],
  [
    1,
    withTab((_world, person, tab) => {
      // The browser's process ends, and the system closes its connections.
      tab.isOpen = false;
      tab.owner.isAlive = false;
      person.tabs = person.tabs.filter((each) => each !== tab);
      for (const link of [...person.uplink.links]) if (link.client.owner === tab.owner) link.cut();
      return `${tab.owner.name} crashes`;
    }),
  ],
  [
    10,
    withTab((world, _person, tab) => {
      if (!tab.hasJoined && world.random.chance(0.8)) return null;
      const count = 1 + world.random.below(6);
      for (let i = 0; i < count; i++) {
        world.time.schedule(i * world.random.between(0, 300), () => edit(tab, world), tab.owner);
      }
      return `${tab.owner.name} edits, ${count} times`;
    }),
  ],
  [
    3,
    withTab((world, _person, tab) => {
      inPage(world, tab, () => tab.provider.awareness.setLocalStateField("cursor", world.random.below(100)));
      return `${tab.owner.name} moves the cursor`;
    }),
  ],
  [
    2,
    withTab((world, _person, tab) => {
      const { room } = tab;
      if (room === null) return null;
      inPage(world, tab, () => void room.leave());
      return `${tab.owner.name} leaves`;
    }),
  ],
  [
    3,
    withTab((world, _person, tab) => {
      const { room } = tab;
      if (room === null) {
        inPage(world, tab, () => tab.isOpen && tab.provider.connect());
        return `${tab.owner.name} connects`;
      }
      inPage(world, tab, () => void room.rejoin().catch(() => {}));
      return `${tab.owner.name} rejoins`;
    }),
  ],
  [
    2,
    (world) => {
      // Several hosts press Start or End at the same time.
      const hosts = world.people.filter(({ options }) => options.role === "host" && options.speaksSession);
      const tabs = hosts.flatMap((person) => person.tabs);
      if (tabs.length === 0) return null;
      const pressed = tabs
        .filter(() => world.random.chance(0.6))
        .map((tab) => ({ tab, ends: world.random.chance(0.5) }));
      for (const { tab, ends } of pressed) {
        inPage(world, tab, () => void (ends ? tab.room!.end() : tab.room!.start()).catch(() => {}));
      }
      return pressed.map(({ tab, ends }) => `${tab.owner.name} presses ${ends ? "End" : "Start"}`).join(", ") || null;
    },
  ],
  [
    1,
    (world) => {
      const room = world.random.pick(world.rooms);
      const core = world.host.core;
      if (core === null) return null;
      const ignore = (): void => {};
      if (world.random.chance(0.5)) {
        world.oracle.operatorEnds(room);
        core.rooms.end(room, undefined, "admin", null).catch(ignore);
        return `an operator ends ${room}`;
      }
      core.rooms.start(room, undefined).catch(ignore);
      return `an operator starts ${room}`;
    },
  ],
  [
    2,
    withTab((world, _person, { owner }) => {
      if (owner.isFrozen) return null;
      owner.freeze();
      later(world, world.random.spread(1_000, LONGEST_AWAY_MS), `${owner.name} is unfrozen`, () =>
        owner.unfreeze(world.time),
      );
      return `${owner.name} is frozen`;
    }),
  ],
  [
    2,
    withTab((world, _person, tab) => {
      if (tab.isCached || tab.room === null) return null;
      inPage(world, tab, () => {
        tab.isCached = true;
        tab.room!.suspend();
      });
      later(
        world,
        world.random.spread(500, LONGEST_AWAY_MS),
        `${tab.owner.name} is restored from the back-forward cache`,
        () => {
          inPage(world, tab, () => world.restoreFromCache(tab));
        },
      );
      return `${tab.owner.name} is put into the back-forward cache`;
    }),
  ],
];
