/** SIGTERM as an operator or a supervisor sends it: everybody is sent away little by little, and nothing is lost. */
import { expect, it, onTestFinished } from "vitest";
import { WebSocket } from "ws";
import { systemClock } from "../../src/clock.ts";
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../../src/protocol/protocol.ts";
import { createTokens } from "../../sync-server/auth/tokens.ts";
import type { Claims } from "../../sync-server/auth/tokens.ts";
import { RelayProcess } from "../e2e/relay-process.ts";
import { until } from "../e2e/until.ts";
import { CrashClient } from "./client.ts";

const SECRET = "a secret of the SIGTERM tests, long enough for HS256";
const SOCKETS = 1_000;
/** The spread of so many takes 2 s: a hundredth of them every 20 ms. */
const SPREAD_MS = 2_000;
/** What may go in any 100 ms: five hundredths are meant to, and a busy machine may hear of several steps at once. */
const MOST_IN_100_MS = SOCKETS * 0.2;

const startRelay = async (): Promise<{ relay: RelayProcess; wsUrl: string }> => {
  const relay = await RelayProcess.start({
    SESSION_ROOM_TOKEN_SECRET: SECRET,
    SESSION_ROOM_LIMIT_NEW_CONNECTIONS_PER_SECOND_PER_ADDRESS: "100000",
  });
  onTestFinished(() => relay.stop());
  return { relay, wsUrl: relay.url.replace("http", "ws").replace("localhost", "127.0.0.1") };
};

const sign = (claims: Omit<Claims, "expiresAt">): Promise<string> =>
  createTokens(SECRET, systemClock()).sign({ ...claims, expiresAt: Date.now() + 3_600_000 });

const person = async (
  wsUrl: string,
  name: string,
  role: "host" | "participant",
  room: string,
): Promise<CrashClient> => {
  const token = await sign({ room, role, sub: name, name });
  const client = new CrashClient(name, role, room, token, { session: () => {}, answer: () => {} });
  onTestFinished(() => client.disconnect());
  client.connect(wsUrl);
  await until(`${name} is in`, () => client.isSynced);
  return client;
};

/** The most of these moments (ms) that lie within any 100 ms. */
const mostIn100Ms = (moments: readonly number[]): number =>
  Math.max(...moments.map((from) => moments.filter((at) => at >= from && at < from + 100).length));

it(`[R6] ${SOCKETS} connections are closed with 1012 in a spread, while new connections get 1012 and /readyz says 503`, async () => {
  const { relay, wsUrl } = await startRelay();
  const tokens = await Promise.all(
    Array.from({ length: 10 }, (_, i) => sign({ room: `room-${i}`, role: "participant", sub: `p${i}`, name: `P${i}` })),
  );
  const connect = (i: number): WebSocket => {
    const socket = new WebSocket(`${wsUrl}/room-${i % 10}`, [SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX + tokens[i % 10]]);
    socket.on("error", () => {});
    onTestFinished(() => socket.terminate());
    return socket;
  };
  const closes: { readonly at: number; readonly code: number }[] = [];
  let open = 0;
  for (let i = 0; i < SOCKETS; i++) {
    const socket = connect(i);
    socket.on("open", () => open++);
    socket.on("close", (code) => closes.push({ at: performance.now(), code }));
    // As many at once as the system's queue takes.
    if (i % 100 === 99) await until("these are in", () => open === i + 1);
  }

  const toldAt = performance.now();
  relay.signal("SIGTERM");
  await until("the first are gone", () => closes.length > 0);
  const [late, ready, live] = await Promise.all([
    new Promise<number>((resolve) => connect(0).on("close", resolve)),
    relay.call("/readyz"),
    relay.call("/livez"),
  ]);
  expect(late).toBe(1012);
  expect([ready.status, live.status]).toEqual([503, 200]);
  expect(closes.length).toBeLessThan(SOCKETS);

  expect(await relay.exitCode).toBe(0);
  await until("all are gone", () => closes.length === SOCKETS);
  expect(new Set(closes.map(({ code }) => code))).toEqual(new Set([1012]));
  const moments = closes.map(({ at }) => at - toldAt);
  expect(mostIn100Ms(moments)).toBeLessThanOrEqual(MOST_IN_100_MS);
  expect(Math.max(...moments) - Math.min(...moments)).toBeGreaterThan(SPREAD_MS * 0.8);
  // Refusals of new connections are in the log; warnings and errors are not.
  expect(relay.log.split("\n").filter((line) => line !== "" && !line.startsWith('{"level":30'))).toEqual([]);
});

it("[R7] in the middle of typing: all that anybody was told is there after the next start, and all comes back", async () => {
  const { relay, wsUrl } = await startRelay();
  const people = [await person(wsUrl, "host", "host", "class")];
  for (let i = 0; i < 40; i++) people.push(await person(wsUrl, `p${i}`, "participant", "class"));
  const typing = setInterval(() => {
    for (const client of people) if (client.isConnected) client.write(1);
  }, 5);
  onTestFinished(() => clearInterval(typing));
  await until("they have typed", () => people[0]!.entries.length > 200);
  relay.signal("SIGTERM");
  expect(await relay.exitCode).toBe(0);
  clearInterval(typing);
  await until("all are gone", () => people.every(({ isConnected }) => !isConnected));
  expect(new Set(people.flatMap(({ closeCodes }) => closeCodes))).toEqual(new Set([1012]));
  const told = new Set(people.flatMap(({ name, entries }) => entries.filter((entry) => !entry.startsWith(`${name}.`))));

  await relay.startAgain();
  const observer = await person(wsUrl, "observer", "participant", "class");
  const kept = new Set(observer.entries);
  expect([...told].filter((entry) => !kept.has(entry))).toEqual([]);
  for (const client of people) client.connect(wsUrl);
  const written = new Set(people.flatMap(({ entries }) => entries));
  await until("everything is back", () => observer.entries.length === written.size);
});

it("[R6] at a second signal the relay ends at once, and still nothing is lost that was told", async () => {
  const { relay, wsUrl } = await startRelay();
  const people = [await person(wsUrl, "host", "host", "class")];
  for (let i = 0; i < 40; i++) people.push(await person(wsUrl, `p${i}`, "participant", "class"));
  for (const client of people) client.write(1);
  await until("all are told", () => people.every(({ entries }) => entries.length === people.length));
  relay.signal("SIGTERM");
  await until("the first are gone", () => people.some(({ isConnected }) => !isConnected));
  relay.signal("SIGINT");
  expect(await relay.exitCode).toBe(1);
  await relay.startAgain();
  const observer = await person(wsUrl, "observer", "participant", "class");
  expect(observer.entries).toHaveLength(people.length);
});
