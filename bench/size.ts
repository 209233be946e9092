/**
 * How much a page loads for `session-room`, minified as the relay's `session-room.js` is (vite.config.ts) and
 * gzipped: our own code, and everything it needs with it.
 * Fails when that is more than the limits below. Run: `npm run size`; a step of `npm test` too.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import served from "../vite.config.ts";

const root = join(import.meta.dirname, "..");
/** The elements and the client, as npm has them. */
const ELEMENTS = ["components/index.ts", "src/index.ts"];
/** What pages import from the relay: the same, and every name of the Yjs that they share. */
const SERVED = ["examples/classroom/session-room.ts"];
const DEPENDENCIES = /^(?:lit|yjs|y-websocket|y-protocols|lib0)(?:\/|$)/;
const GZIP_LEVEL = 9;

type Limit = {
  readonly what: string;
  readonly modules: readonly string[];
  readonly isExternal: (id: string) => boolean;
  /** Above this the check fails: the present size, rounded up. */
  readonly limitBytes: number;
  /** Where it should come to; the limit follows. `null`: it may stay. */
  readonly goalBytes: number | null;
};

/** As in the other benches; the bytes are printed beside it. */
const KB = 1_024;
const LIMITS: readonly Limit[] = [
  {
    what: "our own code",
    modules: ELEMENTS,
    isExternal: (id) => DEPENDENCIES.test(id),
    limitBytes: 12 * KB,
    goalBytes: 12 * KB,
  },
  {
    what: "everything, with lit, yjs and y-websocket",
    modules: ELEMENTS,
    isExternal: () => false,
    limitBytes: 41.8 * KB,
    goalBytes: 46 * KB,
  },
  {
    what: "the relay's session-room.js, with all of Yjs",
    modules: SERVED,
    isExternal: () => false,
    limitBytes: 46.6 * KB,
    goalBytes: null,
  },
];

const ENTRY = "size-entry";

/** Bytes of all code that one build makes, gzipped file by file as a server sends them. */
const sizeOf = async ({ modules, isExternal }: Limit): Promise<number> => {
  const entry = modules.map((module) => `export * from ${JSON.stringify(join(root, module))};`).join("\n");
  const result = await build({
    configFile: false,
    root,
    logLevel: "error",
    plugins: [
      {
        name: ENTRY,
        resolveId: (id) => (id === ENTRY ? ENTRY : null),
        load: (id) => (id === ENTRY ? entry : null),
      },
      ...(served.plugins ?? []),
    ],
    build: {
      ...served.build,
      write: false,
      rolldownOptions: { input: ENTRY, external: isExternal, preserveEntrySignatures: "strict" },
    },
  });
  if (!("output" in result)) throw new Error("the build made no single output");
  return result.output.reduce(
    (sum, file) => sum + (file.type === "chunk" ? gzipSync(file.code, { level: GZIP_LEVEL }).length : 0),
    0,
  );
};

const inKb = (bytes: number): string => `${(bytes / KB).toFixed(1)} KB`;

for (const limit of LIMITS) {
  const { what, limitBytes, goalBytes } = limit;
  const bytes = await sizeOf(limit);
  const isKept = bytes <= limitBytes;
  if (!isKept) process.exitCode = 1;
  const goal = goalBytes === null ? "" : bytes <= goalBytes ? "; the goal is met" : `; the goal is ${inKb(goalBytes)}`;
  const verdict = isKept ? `within ${inKb(limitBytes)}` : `more than the limit of ${inKb(limitBytes)}`;
  console.log(`${what}: ${inKb(bytes)} gzip (${bytes} bytes), ${verdict}${goal}`);
}
