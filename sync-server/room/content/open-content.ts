/** Makes a room's content, guard and authors of what is stored, and has their changes stored. */
import { Authors } from "../../guard/authors.ts";
import { readRecord } from "../../guard/record.ts";
import type { StoredRoom } from "../../store/store.ts";
import type { Connection } from "../connection/connection.ts";
import type { Outbox } from "../connection/outbox.ts";
import { Content } from "./content.ts";
import { GuardLog } from "./guard-log.ts";
import { HeldContent } from "./held-content.ts";

export type OpenContentOptions = {
  /** Whether a client id belongs to a ledger of the room, now or formerly. */
  readonly isReserved: (client: number) => boolean;
  /** Called once if using the content throws. */
  readonly onSetAside: (error: unknown) => void;
  /** Called when a connection that stays no longer owns a client id. */
  readonly onClientIdFreed: () => void;
};

export const openContent = (
  { record, content: updates, isContentSetAside, guard }: StoredRoom,
  outbox: Outbox,
  { isReserved, onSetAside, onClientIdFreed }: OpenContentOptions,
): { readonly held: HeldContent; readonly authors: Authors<Connection> } => {
  const records = guard.map(readRecord);
  const guardRecords = records.flatMap((each) => each.guard ?? []);
  const authorRecords = records.flatMap((each) => each.authors ?? []);
  const authors = new Authors<Connection>(authorRecords, {
    onChange: () => outbox.flushSoon(),
    onFreed: onClientIdFreed,
  });
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
