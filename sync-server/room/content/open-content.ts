/** Makes a room's content, guard and authors of what is stored, and has their changes stored. */
import { Authors } from "../../guard/authors.ts";
import { readRecord } from "../../guard/record.ts";
import type { StoredRoom } from "../../store/store.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Content } from "./content.ts";
import { GuardLog } from "./guard-log.ts";
import { HeldContent } from "./held-content.ts";

export const openContent = (
  { record, content: updates, isContentSetAside, guard }: StoredRoom,
  outbox: Outbox,
  isReserved: (client: number) => boolean,
  onSetAside: (error: unknown) => void,
): { readonly held: HeldContent; readonly authors: Authors<Connection> } => {
  const records = guard.map(readRecord);
  const guardRecords = records.flatMap((each) => each.guard ?? []);
  const authorRecords = records.flatMap((each) => each.authors ?? []);
  const authors = new Authors<Connection>(authorRecords, () => outbox.flushSoon());
  const held = new HeldContent({
    stored: { updates, guardRecords },
    isSetAside: isContentSetAside,
    isReserved,
    makeContent: (updates, slice) => Content.load(updates, slice),
    onSetAside,
  });
  const storedBytes = guard.reduce((sum, { byteLength }) => sum + byteLength, 0);
  outbox.addSource(new GuardLog(record.room, held, authors, storedBytes));
  return { held, authors };
};
