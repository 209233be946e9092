/**
 * Builds what the relay serves: the classroom at `/`, and `/session-room.js`, a module under a name
 * that never changes, from which any page can import the elements, the client and Yjs itself.
 */
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { minifyAgain } from "./examples/minify-again.ts";
import { precompress } from "./examples/precompress.ts";
import { trimOwnTemplates } from "./examples/trim-templates.ts";
import { projects } from "./test/projects.ts";

const page = join(import.meta.dirname, "examples/classroom");

export default defineConfig({
  root: page,
  // The relay may stand below a path of another server.
  base: "./",
  // Two copies of Yjs in one page corrupt documents silently.
  resolve: { dedupe: ["yjs", "y-protocols", "lib0"] },
  plugins: [
    {
      // In package.json `sideEffects` names compiled files, but here the sources register elements by being imported.
      name: "own-side-effects",
      transform: { filter: { id: /[/](components|examples)[/]/ }, handler: () => ({ moduleSideEffects: true }) },
    },
    trimOwnTemplates(),
    minifyAgain(),
    precompress(),
  ],
  test: { projects },
  build: {
    outDir: join(import.meta.dirname, "dist/web"),
    emptyOutDir: true,
    target: "es2024",
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // The editor is most of it, and loads only in the classroom.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      preserveEntrySignatures: "strict",
      input: { index: join(page, "index.html"), "session-room": join(page, "session-room.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "session-room" ? "session-room.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
