/** What may befall a world: people's doings, and everything that goes wrong. */
import { setDark } from "./network.ts";
import type { Person, Tab } from "./people.ts";
import type { World } from "./world.ts";

/** Longest time for which somebody is cut off or asleep: the relay takes back what it lost for ten minutes. */
const LONGEST_AWAY_MS = 4 * 60_000;

/** Something that may happen now: does it, and says what; `null` if there is no occasion. */
type Deed = (world: World) => string | null;
/** Each with how often it happens beside the others. */
type Deeds = readonly (readonly [weight: number, deed: Deed])[];

const anyTab = (world: World): { person: Person; tab: Tab } | null => {
  const all = world.people.flatMap((person) => person.tabs.map((tab) => ({ person, tab })));
  return all.length === 0 ? null : world.random.pick(all);
};

/** Lets a page do something, as soon as it can. */
const inPage = (world: World, tab: Tab, act: () => void): void => void world.time.schedule(0, act, tab.owner);

const later = (world: World, ms: number, what: string, act: () => void): void => {
  world.time.schedule(ms, () => {
    world.note(what);
    act();
  });
};

const withTab =
  (act: (world: World, person: Person, tab: Tab) => string | null): Deed =>
  (world) => {
    const found = anyTab(world);
    return found === null ? null : act(world, found.person, found.tab);
  };

const openPage: Deed = (world) => {
  const person = world.random.pick(world.people);
  if (person.tabs.length >= 3) return null;
  const kind = world.random.below(3);
  const twin = person.tabs.at(0);
  if (kind === 0 && twin !== undefined) {
    // A duplicated tab: the same session storage, another document.
    person.open({ update: Uint8Array.of(0, 0), storage: twin.storage });
    return `${person.options.name} duplicates a tab`;
  }
  if (kind === 1 && person.kept !== null && person.tabs.length === 0) {
    person.open(person.kept);
    return `${person.options.name} opens the page again, with what was kept`;
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

/** What people do, and what befalls them. */
export const DOINGS: Deeds = [
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
      // The browser's process dies; its system ends the connection.
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
      if (!tab.isIn && world.random.chance(0.8)) return null;
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
      // Hosts press at the same time, the same or another button.
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
      later(world, world.random.spread(1_000, LONGEST_AWAY_MS), `${owner.name} is thawed`, () =>
        owner.thaw(world.time),
      );
      return `${owner.name} is frozen`;
    }),
  ],
  [
    2,
    withTab((world, _person, tab) => {
      if (tab.isAway || tab.room === null) return null;
      inPage(world, tab, () => {
        tab.isAway = true;
        tab.room!.suspend();
      });
      later(world, world.random.spread(500, LONGEST_AWAY_MS), `${tab.owner.name} comes back from the cache`, () => {
        inPage(world, tab, () => world.comeBack(tab));
      });
      return `${tab.owner.name} goes into the cache`;
    }),
  ],
  [
    4,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      if (uplink.isDark) return null;
      setDark(uplink, true);
      later(world, world.random.spread(100, LONGEST_AWAY_MS), `${options.name}'s line is light again`, () =>
        setDark(uplink, false),
      );
      return `${options.name}'s line goes dark`;
    },
  ],
  [
    3,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      for (const link of [...uplink.links]) link.cut();
      return `${options.name}'s line is cut`;
    },
  ],
  [
    2,
    (world) => {
      const { uplink, options } = world.random.pick(world.people);
      const { random } = world;
      uplink.latencyMs = random.spread(1, 2_000);
      uplink.jitterMs = random.spread(1, 2_000);
      uplink.bytesPerMs = random.spread(0.5, 1_000);
      return `${options.name}'s line has ${Math.round(uplink.latencyMs)} ms and ${uplink.bytesPerMs.toFixed(1)} kB/s now`;
    },
  ],
];

/** What befalls the relay. */
const TROUBLES: Deeds = [
  [
    2,
    (world) => {
      if (!world.host.isUp) return null;
      world.host.kill();
      return "the relay was killed";
    },
  ],
  [
    1,
    (world) => {
      // A moment at which the relay waits for its disk.
      world.time.schedule(world.random.between(0, 10), () => world.host.kill());
      return "the relay is about to be killed";
    },
  ],
  [
    1,
    (world) => {
      if (!world.host.isUp) return null;
      const unsafe = world.disk.unsafeCount;
      world.host.kill();
      void world.disk.cutPower();
      return `the power is cut, with ${unsafe} batches not synced`;
    },
  ],
  [
    1,
    (world) => {
      if (world.host.core === null || world.host.isStopping) return null;
      void world.host.stop();
      return "the relay is told to stop";
    },
  ],
  [
    1,
    (world) => {
      const byMs = Math.round(world.random.spread(100, 2 * 3_600_000)) * (world.random.chance(0.5) ? 1 : -1);
      world.host.wallOffsetMs += byMs;
      return `the relay's wall clock jumps by ${byMs} ms`;
    },
  ],
  [
    1,
    (world) => {
      world.disk.slowestMs = world.random.spread(1, 300);
      return `the disk takes up to ${Math.round(world.disk.slowestMs)} ms`;
    },
  ],
  [
    0.5,
    (world) => {
      if (world.disk.isFull) return null;
      world.disk.isFull = true;
      later(world, world.random.spread(100, 60_000), "the disk has space again", () => {
        world.disk.isFull = false;
      });
      return "the disk is full";
    },
  ],
];

export const DEEDS: Deeds = [...DOINGS, ...TROUBLES];

/** Lets something happen; says what, or `null` if there was no occasion. */
export const chooseDeed = (world: World, deeds: Deeds): string | null => {
  let left = world.random.fraction() * deeds.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, deed] of deeds) {
    left -= weight;
    if (left < 0) return deed(world);
  }
  return null;
};
