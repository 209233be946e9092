/**
 * Signed counts of a room's commits. Clients keep the newest one and show it when they come back: a valid count
 * above the store's proves that the relay has lost commits (a restored backup, a power cut), and nobody can claim
 * such a loss without one.
 */
import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** How many content commits a room had, under which ledger; `proof`: 16 bytes in base64url. */
export type CommitCount = { readonly ledger: number; readonly count: number; readonly proof: string };

const KEY_BYTES = 32;
/** HMAC-SHA256 cut to 128 bits (RFC 2104, section 5): messages stay small, and guessing stays hopeless. */
const PROOF_BYTES = 16;
const KEY_PURPOSE = "session-room commit count";

export class CommitProofs {
  readonly #key: Buffer;

  /** @param secret the relay's token secret; the key is derived from it (HKDF, RFC 5869), never the same. */
  constructor(secret: string) {
    this.#key = Buffer.from(hkdfSync("sha256", secret, "", KEY_PURPOSE, KEY_BYTES));
  }

  sign(room: string, ledger: number, count: number): CommitCount {
    return { ledger, count, proof: this.#mac(room, ledger, count).toString("base64url") };
  }

  /** Whether this relay, or another with its secret, has signed this count for the room. */
  verify(room: string, { ledger, count, proof }: CommitCount): boolean {
    const given = Buffer.from(proof, "base64url");
    return given.byteLength === PROOF_BYTES && timingSafeEqual(given, this.#mac(room, ledger, count));
  }

  #mac(room: string, ledger: number, count: number): Buffer {
    // Numbers first: a room's name may hold any character but control characters, so no two inputs read the same.
    const hmac = createHmac("sha256", this.#key).update(`${ledger}\n${count}\n${room}`);
    return hmac.digest().subarray(0, PROOF_BYTES);
  }
}
