/** What every test of this folder plays in: one relay process a file, and rooms whose people each have a cable of their own. */
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { createCable } from "../e2e/cable.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import type { MadeRoom, RoomDescription } from "../e2e/relay-process.ts";
import { until } from "../e2e/until.ts";
import { createPeer } from "./peer.ts";
import type { Kind, Peer } from "./peer.ts";

const SECRET = "a secret of the network's tests, for HS256";
const TOKEN_MS = 3_600_000;

/** Within which everything is right once a line stands again, in ms. */
export const RIGHT_MS = 1_000;

/** Takes what is to be done when the test is over; `onTestFinished` of the test's own context. */
export type OnEnd = (cleanUp: () => void) => void;

export type Guests = {
  /** Puts a person into the room, on a cable of their own. */
  enter(kind: Kind, role: Role, name: string, options?: { invited?: boolean }): Promise<Peer>;
  readonly made: MadeRoom;
  describe(): Promise<RoomDescription>;
  /** Everybody sees exactly the others, has the same text, and the relay counts as many. */
  areRight(peers: readonly Peer[], text?: string): Promise<boolean>;
  /** Waits until everybody is right; answers how many ms after the last line opened (or after `since`) that was. */
  msUntilRight(peers: readonly Peer[], since?: number): Promise<number>;
};

export type Town = {
  readonly relay: RelayProcess;
  /** `hostAbsenceMs`: an hour unless given, so that it plays no part. */
  makeRoom(onEnd: OnEnd, hostAbsenceMs?: number): Promise<Guests>;
};

const HOUR_MS = 3_600_000;

const isSameList = (a: readonly string[], b: readonly string[]): boolean => a.join("\n") === b.join("\n");

/** Call at the top of a test file. `env` adds to the relay's settings; its timing is as people have it. */
export const createTown = (env: Record<string, string> = {}): Town => {
  const tokens = createTokens(SECRET, systemClock());
  let relay: RelayProcess;
  beforeAll(async () => {
    relay = await RelayProcess.start({ SESSION_ROOM_TOKEN_SECRET: SECRET, ...env });
  });
  afterAll(() => relay?.stop());

  const makeRoom = async (onEnd: OnEnd, hostAbsenceMs = HOUR_MS): Promise<Guests> => {
    const made = await relay.makeRoom({ hostAbsenceMs });
    const describe = () => relay.describe(made);
    const roles = new Map<Peer, Role>();

    const enter = async (kind: Kind, role: Role, name: string, { invited = false } = {}): Promise<Peer> => {
      const person = invited ? {} : { sub: name.toLowerCase(), name };
      const cable = await createCable(relay.url, { onEnd, seed: roles.size + 1 });
      const token = await tokens.sign({ room: made.room, role, expiresAt: Date.now() + TOKEN_MS, ...person });
      const peer = createPeer({ kind, name, relayUrl: relay.url, room: made.room, token, cable, onEnd });
      roles.set(peer, role);
      await until(`${name} is in`, () => peer.provider.synced);
      return peer;
    };

    const areRight = async (peers: readonly Peer[], text = peers[0]!.text): Promise<boolean> => {
      const areSeen = peers.every(({ others, name }) => {
        const expected = peers.map((peer) => peer.name).filter((other) => other !== name);
        return isSameList(others, expected.sort());
      });
      if (!areSeen || peers.some((peer) => !peer.isOnline || peer.text !== text)) return false;
      const { hosts, participants } = await describe();
      const hostCount = peers.filter((peer) => roles.get(peer) === "host").length;
      return hosts === hostCount && participants === peers.length - hostCount;
    };

    const msUntilRight = async (peers: readonly Peer[], since?: number): Promise<number> => {
      let rightAt = Infinity;
      await until("everybody is right", async () => {
        const isRight = await areRight(peers);
        rightAt = performance.now();
        return isRight;
      }).catch((error: Error) => {
        const seen = peers.map(({ name, others, text, isOnline }) => ({
          name,
          others,
          isOnline,
          text: text.slice(-40),
        }));
        throw new Error(`${error.message}: ${JSON.stringify(seen)}`, { cause: error });
      });
      return rightAt - (since ?? Math.max(...peers.map(({ onlineAt }) => onlineAt)));
    };
    return { made, enter, describe, areRight, msUntilRight };
  };
  return {
    get relay() {
      return relay;
    },
    makeRoom,
  };
};
