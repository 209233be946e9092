/** What must hold when the attackers of an episode have stopped. */
import { isDeepStrictEqual } from "node:util";
import * as Y from "yjs";
import { stockConnection } from "./client-connection.ts";
import { dumpClocks, dumpDocument, firstDifference } from "./document-dump.ts";
import type { FuzzedRelay } from "./fuzzed-relay.ts";
import { HonestClient } from "./honest-client.ts";
import type { Statistics } from "./statistics.ts";
import { until } from "./until.ts";

/** A client of the quiet room. */
export type QuietClient = { readonly client: HonestClient; /** Characters that it has typed. */ typed: number };

type EpisodeState = {
  readonly relay: FuzzedRelay;
  readonly room: string;
  readonly honestClients: readonly HonestClient[];
  readonly quiet: readonly QuietClient[];
  /** Whether Yjs guarantees that all clients read the same content. */
  readonly isComparable: boolean;
  readonly statistics: Statistics;
};

const agree = (clients: readonly HonestClient[], dump: (doc: Y.Doc) => string): boolean => {
  const expected = dump(clients[0]!.doc);
  return clients.every(({ doc }) => dump(doc) === expected);
};

const areAttackersGone = async ({ relay, room, honestClients }: EpisodeState): Promise<boolean> => {
  const { hosts, participants } = await relay.describe(room);
  return Number(hosts) + Number(participants) === honestClients.length;
};

const checkPending = ({ honestClients, statistics }: EpisodeState): void => {
  for (const { doc, person } of honestClients) {
    const { pendingStructs, pendingDs } = doc.store;
    if (pendingStructs === null && pendingDs === null) continue;
    const structs = JSON.stringify([...(pendingStructs?.missing ?? [])]);
    const deletes = JSON.stringify(pendingDs === null ? [] : [...Y.decodeUpdateV2(pendingDs).ds.clients]);
    statistics.reportViolation(
      `in the document of ${person.name} structs wait for ${structs}, and the deletes ${deletes} are pending`,
    );
  }
};

const compareContent = async ({ honestClients, statistics }: EpisodeState, observer: HonestClient): Promise<void> => {
  const clients = [...honestClients, observer];
  // A client that reads formats removes redundant ones and sends that (Yjs 13.6, `cleanupYTextFormatting`).
  const areEqual = (): boolean => agree(clients, (doc) => JSON.stringify([...dumpDocument(doc)]));
  await until("everybody reads the same content", areEqual, statistics);
  const expected = dumpDocument(observer.doc);
  for (const { doc, person } of clients) {
    const shown = dumpDocument(doc);
    for (const root of new Set([...expected.keys(), ...shown.keys()])) {
      const difference = firstDifference(shown.get(root) ?? "", expected.get(root) ?? "");
      if (difference === null) continue;
      statistics.reportViolation(`${person.name} and the observer read the root "${root}" differently: ${difference}`);
    }
  }
};

const finalEditOf = (name: string): string => `final edit of ${name}; `;

const checkEdits = ({ honestClients, quiet, statistics }: EpisodeState): void => {
  for (const { doc, person } of honestClients) {
    const text = doc.getText("text").toString();
    for (const { person: author } of honestClients) {
      if (!text.includes(finalEditOf(author.name))) {
        statistics.reportViolation(`${person.name} has not received the final edit of ${author.name}`);
      }
    }
  }
  const typed = quiet.reduce((sum, each) => sum + each.typed, 0);
  for (const { client } of quiet) {
    const { length } = client.doc.getText("text");
    if (length === typed) continue;
    statistics.reportViolation(`in the quiet room ${client.person.name} reads ${length} of ${typed} characters`);
  }
};

const checkSession = async ({ relay, room, honestClients, statistics }: EpisodeState): Promise<void> => {
  const { status, run, startedAt } = await relay.describe(room);
  const expected = { status, run, startedAt };
  const described = JSON.stringify(expected);
  if (status !== "live" || run !== 1) statistics.reportViolation(`the relay describes the session as ${described}`);
  for (const { session, person } of honestClients) {
    if (isDeepStrictEqual(session, expected)) continue;
    statistics.reportViolation(`${person.name} reads ${JSON.stringify(session)}, the relay describes ${described}`);
  }
};

/** Waits until all clients agree, and reports whatever does not hold. */
export const checkEpisode = async (state: EpisodeState): Promise<void> => {
  const { relay, room, honestClients, quiet, isComparable, statistics } = state;
  // Frames of the attackers may still be in flight, and may delete what anybody writes.
  await until("the attackers are gone", () => areAttackersGone(state), statistics);
  for (const { doc, person } of honestClients) doc.getText("text").insert(0, finalEditOf(person.name));
  const observer = await HonestClient.create(
    { role: "participant", sub: "observer", name: "Olga" },
    stockConnection,
    relay,
    room,
    statistics,
  );
  try {
    await until("everybody has the same structs", () => agree(honestClients, dumpClocks), statistics);
    await until(
      "everybody in the quiet room has the same structs",
      () =>
        agree(
          quiet.map(({ client }) => client),
          dumpClocks,
        ),
      statistics,
    );
    observer.connect();
    await until("a new client gets the content", () => agree([honestClients[0]!, observer], dumpClocks), statistics);
    const areOnlyPresentListed = (): boolean => {
      const present = new Set([...honestClients, observer].map(({ clientId }) => clientId));
      return honestClients.every(({ awareness }) => [...awareness.getStates().keys()].every((id) => present.has(id)));
    };
    await until("only those who are present are listed", areOnlyPresentListed, statistics);
    checkPending(state);
    if (isComparable) await compareContent(state, observer);
    checkEdits(state);
    await checkSession(state);
  } finally {
    observer.destroy();
  }
};
