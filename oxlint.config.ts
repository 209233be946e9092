/**
 * Lint rules. The overrides hold the structure of the code (docs/SPEC.md, A1 and A2): which way imports point, who reads
 * the clock and who reads the environment. `test/structure/lint.test.ts` shows that each of them fires.
 */
import { defineConfig } from "oxlint";
import type { OxlintOverride } from "oxlint";

/** Parts of the relay from the top down: each imports only itself and what comes after it. */
const RELAY_PARTS = [
  "bin.js",
  "main.ts",
  "relay.ts",
  "relay-core.ts",
  "gateway/",
  "http/",
  "room/",
  "auth/",
  "guard/",
  "struct-store/",
  "update/",
  "store/",
  "websocket/",
  "config/",
];
/** Parts of a room from the top down; the files of `room/` itself are above them. */
const ROOM_PARTS = ["content/", "presence/", "session/", "connection/"];
const SRC_PARTS = ["index.ts", "client/", "protocol/", "session/", "clock.ts"];

type Property = { readonly object: string; readonly property: string; readonly message: string };
type Pattern = { readonly regex: string; readonly message: string };

/** Relative imports of these files and folders (the latter with a slash at the end), from any depth. */
const relative = (names: readonly string[], message: string): Pattern => ({
  regex: String.raw`^(\.\.?/)+(${names.map((name) => name.replace(/\.(?=[jt]s$)/, String.raw`\.`)).join("|")})`,
  message,
});

const NOT_SHIPPED = ["test/", "bench/", "examples/"];
const SRC_NEVER = relative(["components/", "sync-server/", ...NOT_SHIPPED], "src imports nothing but itself [A1].");
const COMPONENTS_NEVER = relative(["sync-server/", ...NOT_SHIPPED], "The elements import nothing but src [A1].");
const RELAY_NEVER = [
  relative(["components/", ...NOT_SHIPPED], "The relay imports nothing but src [A1]."),
  relative(["src/client/", "src/index.ts"], "Of src, the relay imports session, protocol and clock alone [A1]."),
];

const USE_CLOCK = "Only src/clock.ts reads a clock or sets a timer [A2].";
const USE_CONFIG = "Only sync-server/main.ts reads the environment [A2].";
const TIME_GLOBALS = ["Date", "performance", "setTimeout", "setInterval", "setImmediate"];
const TIME_MODULES = ["timers", "timers/promises", "perf_hooks"];
const withNode = (names: readonly string[]): string[] => names.flatMap((name) => [name, `node:${name}`]);
const MODULES = [
  ...withNode(TIME_MODULES).map((name) => ({ name, message: USE_CLOCK })),
  ...withNode(["process"]).map((name) => ({ name, message: USE_CONFIG })),
];
const Y_WEBSOCKET = { name: "y-websocket", message: "Only the room client uses y-websocket [A1]." };

/** What these files must not import. Of several overrides for one file the last one counts, whole. */
const imports = (
  files: readonly string[],
  patterns: readonly Pattern[],
  paths = [...MODULES, Y_WEBSOCKET],
): OxlintOverride => ({
  files: [...files],
  rules: { "no-restricted-imports": ["error", { paths, patterns: [...patterns] }] },
});

/** One override for each part, which allows imports downwards only; `never` is forbidden to all of them. */
const topDown = (root: string, parts: readonly string[], never: readonly Pattern[]) =>
  parts.map((part, at) => {
    const upwards = relative(parts.slice(0, at), `${root}${part} is below this: no import points upwards [A1].`);
    return imports([root + part + (part.endsWith("/") ? "**" : "")], at === 0 ? never : [...never, upwards]);
  });

const globals = (files: readonly string[], names: readonly string[]): OxlintOverride => ({
  files: [...files],
  rules: {
    "no-restricted-globals": [
      "error",
      { globals: names.map((name) => ({ name, message: USE_CLOCK })), checkGlobalObject: true },
    ],
  },
});

const HIGH_RESOLUTION_TIME = { object: "process", property: "hrtime", message: USE_CLOCK };
const ENVIRONMENT = { object: "process", property: "env", message: USE_CONFIG };
const properties = (files: readonly string[], restricted: readonly Property[]): OxlintOverride => ({
  files: [...files],
  rules: { "no-restricted-properties": ["error", ...restricted] },
});

const EVERYTHING = ["src/**", "components/**", "sync-server/**"];

export default defineConfig({
  plugins: ["typescript", "unicorn", "oxc", "import", "promise"],
  categories: { correctness: "error", suspicious: "error" },
  rules: {
    eqeqeq: ["error", "always", { null: "ignore" }],
    "no-console": "error",
    "typescript/no-explicit-any": "error",
    "typescript/consistent-type-imports": "error",
    "import/no-cycle": "error",
    // Names its own false alarm with fast-check: `fc.assert` is how its manual writes it.
    "import/no-named-as-default-member": "off",
    // A small helper may stand beside the only lines that use it.
    "unicorn/consistent-function-scoping": "off",
    // Sorting or walking a fresh copy is plain, and `[...set]` is needed where the walk changes the set.
    "unicorn/no-array-sort": "off",
    "unicorn/no-useless-spread": "off",
    "unicorn/no-new-array": "off",
    // Yjs names what is its own with an underscore, and tests look at it.
    "no-underscore-dangle": "off",
    // A shorter scope may use the plain word again.
    "no-shadow": "off",
    // `then` also waits for what answers nothing.
    "promise/always-return": "off",
    // An import for its effect alone is how elements are registered.
    "import/no-unassigned-import": "off",
  },
  overrides: [
    { files: ["test/**", "bench/**"], rules: { "no-console": "off" } },
    { files: EVERYTHING, rules: { "import/no-cycle": ["error", { ignoreTypes: false }] } },
    globals(EVERYTHING, TIME_GLOBALS),
    properties(EVERYTHING, [HIGH_RESOLUTION_TIME, ENVIRONMENT]),
    ...topDown("src/", SRC_PARTS, [SRC_NEVER]),
    imports(["components/**"], [COMPONENTS_NEVER]),
    ...topDown("sync-server/", RELAY_PARTS, RELAY_NEVER),
    ...topDown("sync-server/room/", ROOM_PARTS, [
      ...RELAY_NEVER,
      relative(RELAY_PARTS.slice(0, RELAY_PARTS.indexOf("room/")), "sync-server/room/ is below this [A1]."),
      { regex: String.raw`^\.\./[^/]+$`, message: "The parts of a room do not import the room [A1]." },
    ]),

    // The files that the rules above name.
    { files: ["src/clock.ts"], rules: { "no-restricted-globals": "off", "no-restricted-properties": "off" } },
    properties(["sync-server/main.ts"], [HIGH_RESOLUTION_TIME]),
    imports(["src/client/room-client.ts", "src/client/room-provider.ts"], [SRC_NEVER], MODULES),
    // jose takes the time as a Date, made of the clock's.
    globals(
      ["sync-server/auth/**"],
      TIME_GLOBALS.filter((name) => name !== "Date"),
    ),
    properties(
      ["sync-server/auth/**"],
      [{ object: "Date", property: "now", message: USE_CLOCK }, HIGH_RESOLUTION_TIME, ENVIRONMENT],
    ),
  ],
  ignorePatterns: ["dist/", "test/editors/record/"],
});
