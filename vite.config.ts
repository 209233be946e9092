/**
 * `vite build` makes what the relay serves: the classroom at `/`, and `/session-room.js`, a module under a name that
 * never changes, from which any page can import the elements, the client and Yjs itself.
 */
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { precompress } from "./sync-server/http/precompress.ts";
import { projects } from "./test/projects.ts";

const root = import.meta.dirname;
const classroom = join(root, "examples/classroom");

export default defineConfig({
  root: classroom,
  // The relay may be below a path of another server.
  base: "./",
  // Two copies of Yjs in one page corrupt documents silently.
  resolve: { dedupe: ["yjs", "y-protocols", "lib0"] },
  plugins: [
    {
      // `sideEffects` in package.json names compiled files, but here the sources register elements on import.
      name: "own-side-effects",
      transform: { filter: { id: /[/](components|examples)[/]/ }, handler: () => ({ moduleSideEffects: true }) },
    },
    precompress(),
  ],
  test: { projects },
  build: {
    outDir: join(root, "dist/web"),
    emptyOutDir: true,
    target: "es2024",
    reportCompressedSize: false,
    modulePreload: { polyfill: false },
    // The editor is most of the code, and loads only in the classroom.
    chunkSizeWarningLimit: 1000,
    rolldownOptions: {
      preserveEntrySignatures: "strict",
      input: { index: join(classroom, "index.html"), "session-room": join(root, "components/browser-bundle.ts") },
      output: {
        entryFileNames: ({ name }) => (name === "session-room" ? "session-room.js" : "assets/[name]-[hash].js"),
      },
    },
  },
});
