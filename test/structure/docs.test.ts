/** Checks the documents against the code: they list what exists. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../sync-server/config/limits.ts";
import { ALL_SETTINGS, LIMIT_SETTINGS } from "../../sync-server/config/settings.ts";

const read = (path: string): string => readFileSync(join(import.meta.dirname, "../..", path), "utf8");

/** The rows of all tables of a document, each as its cells without backticks. */
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
  const tables = read("docs/limits.md").split("## Fixed").map(rowsOf);

  it("[C1] lists each limit that can be set once, with its flag, its variable, its default and a reason", () => {
    const listed = tables[0]!.filter(([, flag]) => flag?.startsWith("--limit-"));
    const existing = Object.values(LIMIT_SETTINGS).map(({ flag, env, fallbackText }) => [
      `--${flag}`,
      env,
      fallbackText,
    ]);
    expect(listed.map((cells) => cells.slice(1, 4))).toEqual(existing);
    for (const cells of listed) expect(cells[5], cells[0]).toMatch(/./);
  });

  it("[C4] lists the value of each fixed limit", () => {
    const values = tables[1]!.map(([, value]) => Number(value?.split(" ", 1)[0]));
    const fixed = Object.entries(DEFAULT_LIMITS).filter(([key]) => !(key in LIMIT_SETTINGS));
    expect(fixed.length).toBeGreaterThan(0);
    for (const [key, value] of fixed) expect(values, key).toContain(value);
  });
});

describe("the messages of the relay", () => {
  it("[C4] name no limit that cannot be set", () => {
    const folder = join(import.meta.dirname, "../../sync-server");
    const flags = Object.values(LIMIT_SETTINGS).map(({ flag }) => flag);
    const named = readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".ts"))
      .flatMap((path) => readFileSync(join(folder, path), "utf8").match(/\blimit(?:-[a-z]+)+/g) ?? []);
    expect(named.length).toBeGreaterThan(0);
    expect(named.filter((name) => !flags.includes(name))).toEqual([]);
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
