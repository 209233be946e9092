/** The fixture of the network tests: one relay process per file, and rooms in which each person has an emulated network. */
import { afterAll, beforeAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import type { Role } from "../../src/session/session.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import { createEmulatedNetwork } from "./emulated-network.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import type { RoomDescription } from "../e2e/relay-process.ts";
import { until } from "../e2e/until.ts";
import { createPeer } from "./peer.ts";
import type { ClientKind, Peer } from "./peer.ts";

const SECRET = "a secret of the network's tests, for HS256";
const TOKEN_MS = 3_600_000;

/** Within this time after a connection is open again, all clients and the relay must agree, in ms. */
export const CONSISTENT_MS = 1_000;

/** Registers the cleanup of a test: `onTestFinished` of the test's own context. */
export type OnEnd = (cleanUp: () => void) => void;

export type TestRoom = {
  /** Connects a person through a new emulated network and waits for the first sync. */
  enter(kind: ClientKind, role: Role, name: string, options?: { invited?: boolean }): Promise<Peer>;

  describe(): Promise<RoomDescription>;
  /** Whether every peer sees exactly the others, all texts are equal, and the relay counts the same people. */
  areConsistent(peers: readonly Peer[]): Promise<boolean>;
  /** Waits until `areConsistent`; resolves with the ms since the last connection was opened, or since `since`. */
  msUntilConsistent(peers: readonly Peer[], since?: number): Promise<number>;
};

export type World = {
  readonly relay: RelayProcess;
  /** `hostAbsenceMs`: an hour by default, so that it never elapses in a test. */
  makeRoom(onEnd: OnEnd, hostAbsenceMs?: number): Promise<TestRoom>;
};

const HOUR_MS = 3_600_000;

const isSameList = (a: readonly string[], b: readonly string[]): boolean => a.join("\n") === b.join("\n");

/** Call at the top of a test file. `env` adds to the relay's settings; all times keep their defaults. */
export const createWorld = (env: Record<string, string> = {}): World => {
  const tokens = createTokens(SECRET, systemClock());
  let relay: RelayProcess;
  beforeAll(async () => {
    relay = await RelayProcess.start({ SESSION_ROOM_TOKEN_SECRET: SECRET, ...env });
  });
  afterAll(() => relay?.stop());

  const makeRoom = async (onEnd: OnEnd, hostAbsenceMs = HOUR_MS): Promise<TestRoom> => {
    const made = await relay.makeRoom({ hostAbsenceMs });
    const describe = () => relay.describe(made);
    const roles = new Map<Peer, Role>();

    const enter = async (kind: ClientKind, role: Role, name: string, { invited = false } = {}): Promise<Peer> => {
      const person = invited ? {} : { sub: name.toLowerCase(), name };
      const network = await createEmulatedNetwork(relay.url, { onEnd, seed: roles.size + 1 });
      const token = await tokens.sign({ room: made.room, role, expiresAt: Date.now() + TOKEN_MS, ...person });
      const peer = createPeer({ kind, name, relayUrl: relay.url, room: made.room, token, network, onEnd });
      roles.set(peer, role);
      await until(`${name} is in`, () => peer.provider.synced);
      return peer;
    };

    const areConsistent = async (peers: readonly Peer[]): Promise<boolean> => {
      const { text } = peers[0]!;
      const areSeen = peers.every(({ others, name }) => {
        const expected = peers.map((peer) => peer.name).filter((other) => other !== name);
        return isSameList(others, expected.sort());
      });
      if (!areSeen || peers.some((peer) => !peer.isOnline || peer.text !== text)) return false;
      const { hosts, participants } = await describe();
      const hostCount = peers.filter((peer) => roles.get(peer) === "host").length;
      return hosts === hostCount && participants === peers.length - hostCount;
    };

    const msUntilConsistent = async (peers: readonly Peer[], since?: number): Promise<number> => {
      let consistentAt = Infinity;
      await until("everybody is consistent", async () => {
        const isConsistent = await areConsistent(peers);
        consistentAt = performance.now();
        return isConsistent;
      }).catch((error: Error) => {
        const seen = peers.map(({ name, others, text, isOnline }) => ({
          name,
          others,
          isOnline,
          text: text.slice(-40),
        }));
        throw new Error(`${error.message}: ${JSON.stringify(seen)}`, { cause: error });
      });
      return consistentAt - (since ?? Math.max(...peers.map(({ onlineAt }) => onlineAt)));
    };
    return { enter, describe, areConsistent, msUntilConsistent };
  };
  return {
    get relay() {
      return relay;
    },
    makeRoom,
  };
};
