/** Holds the rules of structure: which way imports point, who may read a clock, who may read the environment. */
import { readFileSync, readdirSync } from "node:fs";
import { join, relative } from "node:path";
import { Visitor, parseSync } from "vite";
import { describe, expect, it } from "vitest";

const root = join(import.meta.dirname, "../..");

type Source = { readonly path: string; readonly text: string };

const sourcesIn = (folder: string): Source[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.[jt]s$/.test(entry.name))
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((file) => ({ path: relative(root, file), text: readFileSync(file, "utf8") }));

const parse = ({ path, text }: Source) => {
  const { program, module, errors } = parseSync(path, text);
  if (errors.length > 0) throw new Error(`${path}: ${errors[0]!.message}`);
  return { program, module };
};

/** What a file imports or re-exports, types included: paths from the root for own files, else the name as written. */
const importsOf = (source: Source): string[] => {
  const { program, module } = parse(source);
  const names = [
    ...module.staticImports.map(({ moduleRequest }) => moduleRequest.value),
    ...module.staticExports.flatMap(({ entries }) => entries.flatMap((entry) => entry.moduleRequest?.value ?? [])),
  ];
  new Visitor({
    ImportExpression: ({ source: name }) => {
      if (name.type === "Literal" && typeof name.value === "string") names.push(name.value);
    },
    TSImportType: ({ source: name }) => {
      names.push(name.value);
    },
  }).visit(program);
  return names.map((name) => (name.startsWith(".") ? join(source.path, "..", name) : name));
};

const TIMERS = ["setTimeout", "setInterval", "setImmediate"];
const CLOCK_MODULES = ["node:timers", "node:timers/promises", "node:perf_hooks", "timers", "perf_hooks"];

/** The expressions by which a file reads a clock or sets a timer. `new Date(ms)` only converts, and is fine. */
const clockUses = (source: Source): string[] => {
  const uses = importsOf(source).filter((name) => CLOCK_MODULES.includes(name));
  new Visitor({
    CallExpression: ({ callee }) => {
      if (callee.type === "Identifier" && [...TIMERS, "Date"].includes(callee.name)) uses.push(callee.name);
    },
    NewExpression: ({ callee, arguments: args }) => {
      if (callee.type === "Identifier" && callee.name === "Date" && args.length === 0) uses.push("new Date()");
    },
    MemberExpression: ({ object, property, computed }) => {
      if (computed || property.type !== "Identifier" || object.type !== "Identifier") return;
      const use = `${object.name}.${property.name}`;
      const isTimer = TIMERS.includes(property.name) && ["window", "globalThis", "self"].includes(object.name);
      if (isTimer || object.name === "performance" || ["Date.now", "process.hrtime"].includes(use)) uses.push(use);
    },
  }).visit(parse(source).program);
  return uses;
};

const environmentUses = (source: Source): string[] => {
  const uses: string[] = importsOf(source).filter((name) => name === "node:process" || name === "process");
  new Visitor({
    MemberExpression: ({ object, property }) => {
      if (object.type !== "Identifier" || object.name !== "process") return;
      if (property.type === "Identifier" && property.name === "env") uses.push("process.env");
    },
  }).visit(parse(source).program);
  return uses;
};

/** Each fault as `file: what it does`, so that a failure says where to look. */
const faults = (sources: readonly Source[], find: (source: Source) => string[]): string[] =>
  sources.flatMap((source) => find(source).map((use) => `${source.path}: ${use}`));

const src = sourcesIn("src");
const components = sourcesIn("components");
const relay = sourcesIn("sync-server");

const importsUnder =
  (...folders: readonly string[]) =>
  (source: Source): string[] =>
    importsOf(source).filter((name) => folders.some((folder) => name.startsWith(`${folder}/`)));

describe("the direction of imports", () => {
  it("[A1] src imports nothing of components or sync-server", () => {
    expect(faults(src, importsUnder("components", "sync-server", "examples", "test"))).toEqual([]);
  });

  it("[A1] components and sync-server never import each other", () => {
    expect(faults(components, importsUnder("sync-server", "examples", "test"))).toEqual([]);
    expect(faults(relay, importsUnder("components", "examples", "test"))).toEqual([]);
  });

  it("[A1] in src, only the room client touches y-websocket", () => {
    const others = src.filter(({ path }) => !/^src\/client\/room-(client|provider)\.ts$/.test(path));
    expect(
      faults([...others, ...relay], (source) => importsOf(source).filter((name) => name === "y-websocket")),
    ).toEqual([]);
  });
});

describe("time and the environment", () => {
  it("[A2] only src/clock.ts reads a clock or sets a timer", () => {
    const all = [...src, ...components, ...relay];
    expect(all.filter((source) => clockUses(source).length > 0).map(({ path }) => path)).toEqual(["src/clock.ts"]);
  });

  it("[A2] only sync-server/main.ts reads the environment", () => {
    const others = [...src, ...components, ...relay].filter(({ path }) => path !== "sync-server/main.ts");
    expect(faults(others, environmentUses)).toEqual([]);
  });
});

describe("the checks themselves", () => {
  const source = (text: string): Source => ({ path: "src/some/file.ts", text });

  it.each([
    ['import type { A } from "../../components/a.ts"; const a: A = 1;', "components/a.ts"],
    ['import "../../components/a.ts";', "components/a.ts"],
    ['export { a } from "../../components/a.ts";', "components/a.ts"],
    ['export * from "../../components/a.ts";', "components/a.ts"],
    ['const a = () => import("../../components/a.ts");', "components/a.ts"],
    ['let a: import("../../components/a.ts").A;', "components/a.ts"],
    ['import { b } from "../b.ts";', "src/b.ts"],
    ['import * as Y from "yjs";', "yjs"],
  ])("[A1] see the import in %s", (text, path) => {
    expect(importsOf(source(text))).toEqual([path]);
  });

  it.each([
    "Date.now()",
    "const read = Date.now;",
    "new Date()",
    "Date()",
    "performance.now()",
    "setTimeout(run, 1)",
    "window.setInterval(run, 1)",
    "process.hrtime.bigint()",
    'import { setTimeout } from "node:timers/promises";',
  ])("[A2] see the clock in %s", (text) => {
    expect(clockUses(source(text))).toHaveLength(1);
  });

  it("[A2] let a conversion, a type and a method of that name pass", () => {
    const text = "new Date(atMs); let timer: ReturnType<typeof setTimeout>; clock.setTimeout(1); // Date.now()";
    expect(clockUses(source(text))).toEqual([]);
  });

  it("[A2] see the environment", () => {
    expect(environmentUses(source('process.env["PORT"]'))).toEqual(["process.env"]);
    expect(environmentUses(source('import { env } from "node:process";'))).toEqual(["node:process"]);
  });
});
