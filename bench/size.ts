/**
 * How much a page loads for `session-room`, built as the relay's `session-room.js` is (vite.config.ts) and gzipped.
 * The sizes are figures to know; the limits only catch a dependency or a build that went wrong.
 * Run: `npm run size`; a step of `npm test` too.
 */
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "vite";
import served from "../vite.config.ts";

const root = join(import.meta.dirname, "..");
/** The elements and the client, as npm has them. */
const PACKAGE = ["components/index.ts", "src/index.ts"];
const DEPENDENCIES = /^(?:lit|yjs|y-websocket|y-protocols|lib0)(?:\/|$)/;
const GZIP_LEVEL = 9;

type Measured = {
  readonly what: string;
  readonly modules: readonly string[];
  readonly isExternal: (id: string) => boolean;
  /** Above this the check fails; `null`: no limit. */
  readonly limitBytes: number | null;
};

/** As in the other benches; the bytes are printed beside it. */
const KB = 1_024;
const MEASURED: readonly Measured[] = [
  {
    what: "our own code",
    modules: PACKAGE,
    isExternal: (id) => DEPENDENCIES.test(id),
    limitBytes: 20 * KB,
  },
  {
    what: "everything, with lit, yjs and y-websocket",
    modules: PACKAGE,
    isExternal: () => false,
    limitBytes: 54 * KB,
  },
  {
    what: "the relay's session-room.js, which exports all of Yjs",
    modules: ["components/browser-bundle.ts"],
    isExternal: () => false,
    limitBytes: null,
  },
];

const ENTRY = "size-entry";

/** Bytes of all code that one build makes, gzipped file by file as a server sends them. */
const sizeOf = async ({ modules, isExternal }: Measured): Promise<number> => {
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

for (const measured of MEASURED) {
  const { what, limitBytes } = measured;
  const bytes = await sizeOf(measured);
  const isTooLarge = limitBytes !== null && bytes > limitBytes;
  if (isTooLarge) process.exitCode = 1;
  const limit = limitBytes === null ? "" : `, ${isTooLarge ? "above" : "within"} the limit of ${inKb(limitBytes)}`;
  console.log(`${what}: ${inKb(bytes)} gzip (${bytes} bytes)${limit}`);
}
