/** The compressed copies that the build leaves beside its files. */
import { mkdir, mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { build } from "vite";
import { expect, it, onTestFinished } from "vitest";
import { precompress } from "../../../sync-server/http/precompress.ts";
import config from "../../../vite.config.ts";

it("[H7] the build leaves a Brotli and a gzip copy beside each file that gets smaller by it", async () => {
  const root = await mkdtemp(join(tmpdir(), "session-room-precompress-"));
  onTestFinished(() => rm(root, { recursive: true }));
  await mkdir(join(root, "public"));
  await writeFile(
    join(root, "index.html"),
    `<!doctype html><title>${"page ".repeat(100)}</title><script src="./a.ts" type="module"></script>`,
  );
  await writeFile(join(root, "a.ts"), `document.title = "${"words ".repeat(100)}";`);
  await writeFile(join(root, "short.ts"), "x()");
  await build({
    root,
    configFile: false,
    logLevel: "error",
    plugins: [precompress()],
    build: {
      modulePreload: { polyfill: false },
      rolldownOptions: {
        input: { index: join(root, "index.html"), short: join(root, "short.ts") },
        output: { entryFileNames: "[name].js" },
      },
    },
  });
  const out = join(root, "dist");
  const names = (await readdir(out)).toSorted();
  expect(names).toEqual([
    "index.html",
    "index.html.br",
    "index.html.gz",
    "index.js",
    "index.js.br",
    "index.js.gz",
    "short.js",
  ]);
  for (const name of ["index.html", "index.js"]) {
    const bytes = await readFile(join(out, name));
    expect(brotliDecompressSync(await readFile(join(out, `${name}.br`))).equals(bytes)).toBe(true);
    expect(gunzipSync(await readFile(join(out, `${name}.gz`))).equals(bytes)).toBe(true);
  }
});

it("[H7] the build of the classroom does so", () => {
  expect(config.plugins).toContainEqual(expect.objectContaining({ name: "precompress" }));
});
