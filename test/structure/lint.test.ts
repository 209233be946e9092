/** The structure of the code is held by lint rules (`oxlint.config.ts`); this shows that each of them fires. */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

type Case = { readonly path: string; readonly code: string; readonly rule: string | null };

const importCase = (folder: string, from: string, isAllowed: boolean): Case => ({
  path: `${folder}/x.ts`,
  code: `import type { A } from "${from}"; export type B = A;`,
  rule: isAllowed ? null : "no-restricted-imports",
});
const forbidden = (folder: string, from: string): Case => importCase(folder, from, false);
const allowed = (folder: string, from: string): Case => importCase(folder, from, true);

const use = (path: string, code: string, rule: string | null): Case => ({ path, code, rule });
const clockUse = (code: string, rule = "no-restricted-globals"): Case => use("src/session/x.ts", code, rule);

const DIRECTIONS: readonly Case[] = [
  forbidden("src/client", "../../components/a.ts"),
  forbidden("src/client", "../../sync-server/relay.ts"),
  forbidden("src/client", "../index.ts"),
  forbidden("src/session", "../client/a.ts"),
  forbidden("src/session", "../protocol/a.ts"),
  forbidden("src/protocol", "../client/a.ts"),
  allowed("src/client", "../protocol/a.ts"),
  allowed("src/client", "../session/a.ts"),
  allowed("src/protocol", "../session/a.ts"),
  forbidden("src/client", "y-websocket"),
  forbidden("components", "y-websocket"),
  forbidden("sync-server/gateway", "y-websocket"),
  use("src/client/room-client.ts", 'import type { A } from "y-websocket"; export type B = A;', null),
  use("src/client/room-client.ts", 'export * from "../../sync-server/relay.ts";', "no-restricted-imports"),
  forbidden("components", "../sync-server/relay.ts"),
  forbidden("components", "../test/a.ts"),
  allowed("components", "../src/index.ts"),
  forbidden("sync-server/http", "../../components/a.ts"),
  forbidden("sync-server/http", "../../src/client/a.ts"),
  allowed("sync-server/http", "../../src/session/a.ts"),
  forbidden("sync-server/gateway", "../relay-core.ts"),
  forbidden("sync-server/http", "../gateway/a.ts"),
  forbidden("sync-server/room", "../http/a.ts"),
  forbidden("sync-server/auth", "../room/a.ts"),
  forbidden("sync-server/guard", "../auth/a.ts"),
  forbidden("sync-server/struct-store", "../guard/a.ts"),
  forbidden("sync-server/store/sqlite", "../../struct-store/a.ts"),
  forbidden("sync-server/websocket", "../store/a.ts"),
  forbidden("sync-server/config", "../websocket/a.ts"),
  allowed("sync-server/gateway", "../config/a.ts"),
  allowed("sync-server/store/sqlite", "../store.ts"),
  forbidden("sync-server/room/session", "../room.ts"),
  forbidden("sync-server/room/session", "../../gateway/a.ts"),
  forbidden("sync-server/room/session", "../content/a.ts"),
  forbidden("sync-server/room/presence", "../content/a.ts"),
  allowed("sync-server/room/content", "../session/a.ts"),
  forbidden("sync-server/room/connection", "../presence/a.ts"),
  allowed("sync-server/room/presence", "../connection/a.ts"),
  allowed("sync-server/room/session", "../../../src/session/a.ts"),
  forbidden("sync-server/room/session", "../../../src/client/a.ts"),
  use("sync-server/relay-core.ts", 'export * from "./relay.ts";', "no-restricted-imports"),
  use("sync-server/relay.ts", 'export * from "./relay-core.ts";', null),
];

const CLOCK_AND_ENVIRONMENT: readonly Case[] = [
  clockUse("export const a = Date.now();"),
  clockUse("export const read = Date.now;"),
  clockUse("export const a = new Date();"),
  clockUse("export const a = Date();"),
  clockUse("export const a = performance.now();"),
  clockUse("setTimeout(() => {}, 1);"),
  clockUse("window.setInterval(() => {}, 1);"),
  clockUse("export const a = globalThis.performance;"),
  clockUse("export const a = process.hrtime.bigint();", "no-restricted-properties"),
  clockUse('import { setTimeout } from "node:timers/promises"; void setTimeout(1);', "no-restricted-imports"),
  clockUse('import { performance } from "perf_hooks"; performance.now();', "no-restricted-imports"),
  use("src/clock.ts", "export const a = Date.now() + performance.now(); setTimeout(() => {}, 1);", null),
  use("src/session/x.ts", "export const a = (clock: { setTimeout(ms: number): void }) => clock.setTimeout(1);", null),
  use("sync-server/auth/x.ts", "export const a = new Date(0);", null),
  use("sync-server/auth/x.ts", "export const a = Date.now();", "no-restricted-properties"),
  use("sync-server/config/x.ts", 'export const a = process.env["PORT"];', "no-restricted-properties"),
  use("sync-server/config/x.ts", "export const { env } = process;", "no-restricted-properties"),
  use("sync-server/config/x.ts", 'export { env } from "node:process";', "no-restricted-imports"),
  use("sync-server/main.ts", 'export const a = process.env["PORT"];', null),
  use("sync-server/main.ts", "export const a = Date.now();", "no-restricted-globals"),
];

const CYCLE = {
  "src/session/y.ts": 'import type { B } from "./z.ts"; export type A = B | 1;',
  "src/session/z.ts": 'import type { A } from "./y.ts"; export type B = A | 2;',
};

const folder = mkdtempSync(join(tmpdir(), "session-room-lint-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Each rule that fires, by file. */
const lint = (files: Readonly<Record<string, string>>): ReadonlyMap<string, readonly string[]> => {
  const here = mkdtempSync(join(folder, "case-"));
  copyFileSync(join(root, "oxlint.config.ts"), join(here, "oxlint.config.ts"));
  symlinkSync(join(root, "node_modules"), join(here, "node_modules"));
  for (const [path, code] of Object.entries(files)) {
    mkdirSync(dirname(join(here, path)), { recursive: true });
    writeFileSync(join(here, path), code);
  }
  const found = new Map<string, string[]>();
  let output = "";
  try {
    output = execFileSync(
      join(root, "node_modules/.bin/oxlint"),
      ["--format=json", ...new Set(Object.keys(files).map((path) => path.split("/")[0]!))],
      { cwd: here, encoding: "utf8" },
    );
  } catch (error) {
    // It ends with an error because it finds something.
    output = (error as { stdout: string }).stdout;
  }
  type Report = { readonly diagnostics: readonly { readonly code: string; readonly filename: string }[] };
  for (const { code, filename } of (JSON.parse(output) as Report).diagnostics) {
    found.set(filename, [...(found.get(filename) ?? []), code.replace(/^.*\((.*)\)$/, "$1")]);
  }
  return found;
};

/** The rule that fires in each case. All `x.ts` run together under other names; a file that a rule names runs alone. */
const findings = (cases: readonly Case[]): (string | null)[] => {
  const isNumbered = ({ path }: Case): boolean => path.endsWith("/x.ts");
  const pathOf = (each: Case, i: number): string =>
    isNumbered(each) ? each.path.replace("/x.ts", `/x${i}.ts`) : each.path;
  const numbered = lint(
    Object.fromEntries(cases.flatMap((each, i) => (isNumbered(each) ? [[pathOf(each, i), each.code]] : []))),
  );
  return cases.map((each, i) => {
    const found = isNumbered(each) ? numbered : lint({ [each.path]: each.code });
    return found.get(pathOf(each, i))?.join(", ") ?? null;
  });
};

describe("the rules of structure", () => {
  it("[A1] imports point downwards", () => {
    const found = findings(DIRECTIONS);
    expect(DIRECTIONS.map((each, i) => ({ ...each, rule: found[i] }))).toEqual(DIRECTIONS);
  });

  it("[A2] the clock and the environment each have one file", () => {
    const found = findings(CLOCK_AND_ENVIRONMENT);
    expect(CLOCK_AND_ENVIRONMENT.map((each, i) => ({ ...each, rule: found[i] }))).toEqual(CLOCK_AND_ENVIRONMENT);
  });

  it("[A1] there are no import cycles, not even of types", () => {
    expect([...lint(CYCLE).values()].flat()).toContain("no-cycle");
  });

  // The rules about imports do not see `import("…")`, neither as an expression nor as a type.
  it("[A1] only bin.js imports dynamically", () => {
    const dynamic = ["src", "components", "sync-server"].flatMap((name) =>
      readdirSync(join(root, name), { recursive: true, withFileTypes: true })
        .filter(
          (entry) => entry.isFile() && /\bimport\(/.test(readFileSync(join(entry.parentPath, entry.name), "utf8")),
        )
        .map((entry) => entry.name),
    );
    expect(dynamic).toEqual(["bin.js"]);
  });
});
