/** Clients for the tests of the wire protocol (docs/SPEC.md, parts W and S). */
import { expect } from "vitest";
import { writeSyncStep1 } from "../../../src/protocol/protocol.ts";
import { typingFrame } from "../frames.ts";
import { host, rawClient, stockClient, until } from "../harness.ts";
import type { PersonClaims, RawClient, Setting } from "../harness.ts";

export const EMPTY_STATE_VECTOR = Uint8Array.of(0);

export const joined = async (setting: Setting, claims: PersonClaims): Promise<RawClient> => {
  const client = await rawClient(setting, await setting.token(claims));
  expect(await client.command({ type: "join" })).toMatchObject({ ok: true });
  return client;
};

export const liveHost = async (setting: Setting) => {
  const client = await stockClient(setting, host);
  await until("the host has joined", () => client.provider.synced && client.session?.status === "live");
  return client;
};

export const textOf = (client: RawClient): string => client.doc.getText("text").toString();

/** The text that a new client receives. */
export const textInRoom = async (setting: Setting, claims: PersonClaims = host): Promise<string> => {
  const reader = await rawClient(setting, await setting.token(claims));
  reader.send(writeSyncStep1(EMPTY_STATE_VECTOR));
  await until("the content has arrived", () => reader.syncSteps.includes(1));
  reader.socket.terminate();
  return textOf(reader);
};

/** A run with content that has ended. */
export async function joinThenEnd(setting: Setting, text: string): Promise<void> {
  const client = await joined(setting, host);
  client.send(typingFrame(text));
  await client.command({ type: "end", run: 1 });
  client.socket.terminate();
}
