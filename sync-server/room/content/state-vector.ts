/** Yjs state vectors on the wire: a count, then a client id and a clock for each (yjs 13.6, `writeStateVector`). */
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { MalformedError } from "../../../src/protocol/protocol.ts";

/** A state vector of content and ledger together. */
export const encodeStateVector = (
  content: ReadonlyMap<number, number>,
  ledgerId: number,
  ledgerClock: number,
): Uint8Array => {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, content.size + 1);
  encoding.writeVarUint(encoder, ledgerId);
  encoding.writeVarUint(encoder, ledgerClock);
  for (const [client, clock] of content) {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock);
  }
  return encoding.toUint8Array(encoder);
};

/**
 * Whether a state vector shows that the store is an older copy: its owner holds more of the ledger
 * than the relay, or one that was made after it and before `before` (both ids are ms since the epoch).
 *
 * @throws MalformedError if it cannot be read to its end.
 */
export const holdsLaterLedger = (
  stateVector: Uint8Array,
  ledger: { readonly id: number; readonly clock: number },
  before: number,
): boolean => {
  try {
    const decoder = decoding.createDecoder(stateVector);
    let found = false;
    for (let left = decoding.readVarUint(decoder); left > 0; left--) {
      const id = decoding.readVarUint(decoder);
      const clock = decoding.readVarUint(decoder);
      if (id >= before) continue;
      found ||= id === ledger.id ? clock > ledger.clock : id > ledger.id;
    }
    return found;
  } catch {
    throw new MalformedError("the state vector cannot be read");
  }
};
