/** For whom client ids are kept while their authors are away, and how that is stored beside a room's content. */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";

/** What the author of a client id keeps while they are away. */
export const Hold = {
  /** A guest's: anybody may continue it, but the guest takes it back. */
  open: 0,
  /** A known person's who has only written under it: nobody else writes, but somebody else may show a cursor. */
  provisional: 1,
  /** A known person's. */
  firm: 2,
} as const;
type Hold = (typeof Hold)[keyof typeof Hold];
export type Kept = { readonly key: string; readonly hold: Hold };

/** `null`: an id that is not kept any more. */
export const writeKept = (all: ReadonlyMap<number, Kept | null>): Uint8Array => {
  const byKey = Map.groupBy(all, ([, kept]) => (kept === null ? "" : `${kept.hold}${kept.key}`));
  return encoding.encode((encoder) => {
    encoding.writeVarUint(encoder, byKey.size);
    for (const [key, entries] of byKey) {
      encoding.writeVarString(encoder, key);
      encoding.writeVarUint(encoder, entries.length);
      for (const [client] of entries) encoding.writeVarUint(encoder, client);
    }
  });
};

const parseKept = (text: string): Kept | null => {
  if (text === "") return null;
  const hold = Number(text[0]);
  if (hold === Hold.open || hold === Hold.provisional || hold === Hold.firm) return { key: text.slice(1), hold };
  // A record of before there was a hold does not say whether a person was a guest.
  return { key: text, hold: text.startsWith("guest:") ? Hold.open : Hold.firm };
};

export const readKept = (record: Uint8Array, all: Map<number, Kept>): void => {
  const decoder = decoding.createDecoder(record);
  for (let groups = decoding.readVarUint(decoder); groups > 0; groups--) {
    const kept = parseKept(decoding.readVarString(decoder));
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const client = decoding.readVarUint(decoder);
      if (kept === null) all.delete(client);
      else all.set(client, kept);
    }
  }
};
