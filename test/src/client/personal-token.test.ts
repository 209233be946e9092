/** The personal token, and the settings of a page that are sent to the relay. */
import fc from "fast-check";
import { afterEach, describe, expect, it, vi } from "vitest";
import { PersonalToken, tabStorage } from "../../../src/client/personal-token.ts";
import type { TokenStorage } from "../../../src/client/personal-token.ts";
import { checkRoomName, checkToken, isTokenText, toRelayUrl } from "../../../src/client/relay-address.ts";

const memory = (): { storage: TokenStorage; items: Map<string, string> } => {
  const items = new Map<string, string>();
  return {
    items,
    storage: {
      getItem: (key) => items.get(key) ?? null,
      setItem: (key, value) => void items.set(key, value),
    },
  };
};

const RELAY = "wss://relay.example";

describe("the personal token", () => {
  it("[P5] is used as soon as it arrives, and by the next page of the tab", () => {
    const { storage } = memory();
    const token = new PersonalToken(storage, RELAY, "room", "invitation");
    expect(token.current).toBe("invitation");
    token.keep("personal");
    expect(token.current).toBe("personal");
    expect(new PersonalToken(storage, RELAY, "room", "invitation").current).toBe("personal");
  });

  it("[P5] differs for another invitation, room or relay", () => {
    const { storage } = memory();
    new PersonalToken(storage, RELAY, "room", "invitation").keep("personal");
    expect(new PersonalToken(storage, RELAY, "room", "other").current).toBe("other");
    expect(new PersonalToken(storage, RELAY, "room2", "invitation").current).toBe("invitation");
    expect(new PersonalToken(storage, `${RELAY}/a`, "room", "invitation").current).toBe("invitation");
  });

  it("the invitation is stored nowhere, neither as a value nor in a key", () => {
    const { storage, items } = memory();
    new PersonalToken(storage, RELAY, "room", "invitation").keep("personal");
    expect([...items]).toEqual([
      [expect.stringMatching(/^session-room:\["wss:\/\/relay\.example","room",\d{1,15}\]$/), "personal"],
    ]);
  });

  it("[P10] is kept as proof of who the person was after it was dropped, also across a reload", () => {
    const { storage } = memory();
    const token = new PersonalToken(storage, RELAY, "room", "invitation");
    expect(token.former).toBe(null);
    token.keep("personal");
    expect(token.isPersonal).toBe(true);
    token.drop();
    expect(token.current).toBe("invitation");
    expect(token.former).toBe("personal");
    expect(token.isPersonal).toBe(false);
    const reloaded = new PersonalToken(storage, RELAY, "room", "invitation");
    expect(reloaded.isPersonal).toBe(true);
    reloaded.drop();
    expect(reloaded.former).toBe("personal");
  });

  it("anything else under its key is ignored", () => {
    const { storage } = memory();
    expect(new PersonalToken({ ...storage, getItem: () => "no token: spaces" }, RELAY, "room", "page").current).toBe(
      "page",
    );
  });

  it("works without a storage and with one that throws", () => {
    const fail = (): never => {
      throw new Error("quota");
    };
    for (const storage of [null, { getItem: fail, setItem: fail }]) {
      const token = new PersonalToken(storage, RELAY, "room", "invitation");
      token.keep("personal");
      expect(token.current).toBe("personal");
      token.drop();
      expect(token.current).toBe("invitation");
    }
  });

  describe("the storage of the tab", () => {
    afterEach(() => {
      vi.unstubAllGlobals();
    });

    it("is the session storage", () => {
      const { storage } = memory();
      vi.stubGlobal("sessionStorage", storage);
      expect(tabStorage()).toBe(storage);
    });

    it("is none where there is none", () => {
      vi.stubGlobal("sessionStorage", undefined);
      expect(tabStorage()).toBeNull();
    });

    it("is none where a page may store nothing", () => {
      const before = Object.getOwnPropertyDescriptor(globalThis, "sessionStorage");
      Object.defineProperty(globalThis, "sessionStorage", {
        configurable: true,
        get: () => {
          throw new DOMException("denied", "SecurityError");
        },
      });
      expect(tabStorage()).toBeNull();
      if (before === undefined) Reflect.deleteProperty(globalThis, "sessionStorage");
      else Object.defineProperty(globalThis, "sessionStorage", before);
    });
  });
});

const badSettings = expect.objectContaining({ name: "RoomError", code: "bad-settings" });

describe("the relay's address", () => {
  it.each([
    ["ws://localhost:1234", "ws://localhost:1234"],
    ["wss://relay.example/", "wss://relay.example"],
    ["http://127.0.0.1:1234", "ws://127.0.0.1:1234"],
    ["https://relay.example/a/b//", "wss://relay.example/a/b"],
    ["https://[::1]:8443/x", "wss://[::1]:8443/x"],
    ["HTTPS://Relay.Example", "wss://relay.example"],
  ])("%s is %s", (relay, url) => {
    expect(toRelayUrl(relay)).toBe(url);
  });

  it.each([
    [""],
    ["relay.example"],
    ["/relay"],
    ["ftp://relay.example"],
    ["javascript:alert(1)"],
    ["wss://u:p@relay.example"],
    ["wss://relay.example/?token=x"],
    ["wss://relay.example/#x"],
    ["wss://"],
  ])("%j is none", (relay) => {
    expect(() => toRelayUrl(relay)).toThrow(badSettings);
  });
});

describe("the room's name and the token", () => {
  it("a name that no room can have is a bad setting", () => {
    expect(() => checkRoomName("ä/ö ?#")).not.toThrow();
    for (const name of ["", "a".repeat(129), "\ud800", undefined as unknown as string]) {
      expect(() => checkRoomName(name)).toThrow(badSettings);
    }
  });

  it("no token, or one that cannot travel, is a bad setting that does not show it", () => {
    for (const token of ["", undefined as unknown as string, null as unknown as string]) {
      expect(() => checkToken(token)).toThrow(expect.objectContaining({ message: "The token is missing." }));
    }
    expect(() => checkToken("a b")).toThrow(badSettings);
    expect(() => checkToken("a secret, with more")).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining("secret") }),
    );
  });

  it("every JWT can travel, and whatever can is within RFC 9110's token", () => {
    expect(isTokenText("eyJhbGciOiJIUzI1NiJ9.eyJyb29tIjoiYSJ9.x-_0")).toBe(true);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        if (isTokenText(text)) expect(text).toMatch(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/);
      }),
    );
  });
});
