import { describe, expect, it } from "vitest";
import { CommitProofs } from "../../../sync-server/auth/commit-proof.ts";

const proofs = new CommitProofs("a secret of at least thirty-two characters");

describe("signed counts of commits", () => {
  it("are believed for the room, ledger and count that they were signed for, across restarts", () => {
    const signed = proofs.sign("physics", 2 ** 51, 17);
    expect(proofs.verify("physics", signed)).toBe(true);
    expect(new CommitProofs("a secret of at least thirty-two characters").verify("physics", signed)).toBe(true);
    expect(Buffer.from(signed.proof, "base64url")).toHaveLength(16);
  });

  it.each([
    ["another room", (signed) => ["chemistry", signed] as const],
    ["another ledger", (signed) => ["physics", { ...signed, ledger: signed.ledger + 1 }] as const],
    ["a greater count", (signed) => ["physics", { ...signed, count: signed.count + 1 }] as const],
    ["no proof", (signed) => ["physics", { ...signed, proof: "" }] as const],
    ["a longer proof", (signed) => ["physics", { ...signed, proof: `${signed.proof}AAAA` }] as const],
    ["bytes that are no base64url", (signed) => ["physics", { ...signed, proof: "€".repeat(22) }] as const],
  ] satisfies [string, (signed: ReturnType<CommitProofs["sign"]>) => readonly [string, typeof signed]][])(
    "are not believed for %s",
    (_, change) => {
      const [room, changed] = change(proofs.sign("physics", 2 ** 51, 17));
      expect(proofs.verify(room, changed)).toBe(false);
    },
  );

  it("are not believed if another secret signed them", () => {
    const signed = new CommitProofs("another secret of thirty-two characters").sign("physics", 1, 2);
    expect(proofs.verify("physics", signed)).toBe(false);
  });
});
