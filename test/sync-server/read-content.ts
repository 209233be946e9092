/** The whole of a room's content, or what a document lacks of it, as the updates that a client is sent. */
import type * as Y from "yjs";
import { getState } from "yjs";
import type { ContentSource } from "../../sync-server/room/content/answers.ts";

const heldBy = ({ store }: Y.Doc): Map<number, number> =>
  new Map([...store.clients.keys()].map((client) => [client, getState(store, client)]));

/** @param doc whoever is sent them; nobody holds anything of it if it is absent. */
export const readContent = (content: ContentSource, doc?: Y.Doc): Uint8Array[] => {
  const answer = content.answer(doc === undefined ? new Map() : heldBy(doc), false);
  const updates: Uint8Array[] = [];
  for (let update = answer.next(); update !== null; update = answer.next()) updates.push(update);
  return updates;
};
