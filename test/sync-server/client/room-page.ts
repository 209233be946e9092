/** People with the room client on a page, for the tests of the client with a real relay. */
import { onTestFinished } from "vitest";
import { Room } from "../../../src/index.ts";
import type { RoomOptions } from "../../../src/index.ts";
import type { RoomState } from "../../../src/client/room-state.ts";
import type { Role } from "../../../src/session/session.ts";
import { until } from "../harness.ts";
import type { Setting } from "../harness.ts";

/** A page with the room client, and the states that it has had. */
export type Person = {
  readonly room: Room;
  readonly states: RoomState[];
  readonly screen: string;
  readonly names: string[];
};

/** The session storage of one tab. */
export const createStorage = (): Required<RoomOptions>["storage"] & { readonly values: string[] } => {
  const items = new Map<string, string>();
  return {
    getItem: (key) => items.get(key) ?? null,
    setItem: (key, value) => void items.set(key, value),
    get values() {
      return [...items.values()];
    },
  };
};

const observe = (room: Room): Person => {
  const states: RoomState[] = [];
  room.subscribe((state) => states.push(state));
  onTestFinished(() => room.destroy());
  return {
    room,
    states,
    get screen() {
      return room.state.screen.name;
    },
    get names() {
      return room.state.people.map(({ name }) => name);
    },
  };
};

export const join = (setting: Setting, token: string, options: Partial<RoomOptions> = {}): Person => {
  const person = observe(new Room({ relay: setting.wsUrl, room: "room", token, storage: null, ...options }));
  person.room.join();
  return person;
};

export const person = async (
  setting: Setting,
  role: Role,
  name: string,
  options: Partial<RoomOptions> = {},
): Promise<Person> => join(setting, await setting.token({ role, sub: name.toLowerCase(), name }), options);

export const untilScreen = (who: Person, screen: string): Promise<void> =>
  until(`the screen is ${screen}`, () => who.screen === screen);

export const textOf = (who: Person): string => who.room.doc.getText("text").toString();
