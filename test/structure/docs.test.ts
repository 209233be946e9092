/** Holds the documents to the code: what they list is what there is. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../sync-server/config/limits.ts";
import { ALL_SETTINGS } from "../../sync-server/config/settings.ts";

const read = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** The rows of all tables of a document, each as its cells without the marks of code. */
const rowsOf = (markdown: string): string[][] =>
  markdown
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("`", "")),
    );

describe("docs/limits.md", () => {
  it("[C1] lists each limit once, with its flag, its variable and its default", () => {
    const listed = rowsOf(read("docs/limits.md"))
      .map((cells) => cells.slice(1, 4))
      .filter(([flag]) => flag?.startsWith("--limit-"));
    const existing = Object.entries(DEFAULT_LIMITS).map(([key, value]) => {
      const words = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
      return [`--limit-${words}`, `SESSION_ROOM_LIMIT_${words.toUpperCase().replaceAll("-", "_")}`, String(value)];
    });
    expect(listed.toSorted()).toEqual(existing.toSorted());
  });
});

describe("docs/SPEC.md", () => {
  it("numbers no rule that no test carries in its name", () => {
    const folder = join(import.meta.dirname, "..");
    const names = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) => readFileSync(join(folder, path), "utf8").match(/\[[A-Z]\d+\]/g) ?? []);
    const rules = [...read("docs/SPEC.md").matchAll(/^- \*\*([A-Z]\d+)\*\*/gm)].map(([, rule]) => `[${rule}]`);
    expect(rules.length).toBeGreaterThan(0);
    expect(rules.filter((rule) => !names.includes(rule))).toEqual([]);
  });
});

describe("README.md", () => {
  it("[C1] lists each setting but the limits, with its variable and its flag", () => {
    const existing = ALL_SETTINGS.map(({ flag, env }) => [env, `--${flag}`]).filter(
      ([, flag]) => !flag!.startsWith("--limit-"),
    );
    const listed = rowsOf(read("README.md"))
      .map((cells) => cells.slice(0, 2))
      .filter(([, flag]) => flag?.startsWith("--") && !/^-+$/.test(flag));
    expect(existing.length).toBeGreaterThan(0);
    expect(listed).toEqual(existing);
  });
});
