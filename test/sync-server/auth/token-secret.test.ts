/** [C3] The secret that the relay makes for itself. */
import { chmodSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { keptTokenSecret } from "../../../sync-server/auth/token-secret.ts";
import { StoreError } from "../../../sync-server/store/store.ts";
import { temporaryFolder } from "../temporary-folder.ts";

describe("the kept token secret", () => {
  it("[C3] is made once, 256 random bits, and is the same at every later start", () => {
    const folder = join(temporaryFolder(), "data");
    const secret = keptTokenSecret(folder);
    expect(Buffer.from(secret, "base64url").length).toBe(32);
    expect(keptTokenSecret(folder)).toBe(secret);
    expect(keptTokenSecret(join(temporaryFolder(), "data"))).not.toBe(secret);
  });

  it("[C3] is its owner's alone, and no draft of it stays", () => {
    const folder = temporaryFolder();
    keptTokenSecret(folder);
    expect(readdirSync(folder)).toEqual(["token-secret"]);
    expect(statSync(join(folder, "token-secret")).mode & 0o777).toBe(0o600);
  });

  it("may be one that an operator put there, with a line break at its end", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "token-secret"), `${"s".repeat(40)}\n`);
    expect(keptTokenSecret(folder)).toBe("s".repeat(40));
  });

  it.each([
    ["nothing", ""],
    ["part of one", "abcdef"],
  ])("is refused, not replaced, if the file holds %s: all links would stop working without a word", (_, content) => {
    const folder = temporaryFolder();
    const file = join(folder, "token-secret");
    writeFileSync(file, content);
    expect(() => keptTokenSecret(folder)).toThrow(StoreError);
    expect(() => keptTokenSecret(folder)).toThrow(`the token secret ${file} is damaged`);
    expect(() => keptTokenSecret(folder)).not.toThrow("abcdef");
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  it("[C2] cannot be kept where the folder cannot be made, or the file not be read", () => {
    const folder = temporaryFolder();
    writeFileSync(join(folder, "file"), "");
    expect(() => keptTokenSecret(join(folder, "file"))).toThrow(`the data folder ${join(folder, "file")} is a file`);
    mkdirSync(join(folder, "token-secret"));
    expect(() => keptTokenSecret(folder)).toThrow(`the token secret ${join(folder, "token-secret")} cannot be read`);
  });

  it.skipIf(process.getuid?.() === 0)("[C2] cannot be kept in a folder that may not be written", () => {
    const folder = temporaryFolder();
    chmodSync(folder, 0o500);
    expect(() => keptTokenSecret(folder)).toThrow("cannot be written");
  });
});
