/**
 * A plugin that leaves a Brotli and a gzip copy beside each built file that gets smaller by it
 * (`name.br`, `name.gz`). The relay sends the copies to browsers that accept them.
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { brotliCompress, constants, gzip } from "node:zlib";
import type { Plugin } from "vite";

/** Kinds of files that are not compressed already. */
const COMPRESSIBLE = /\.(?:css|html|js|json|map|svg|txt|wasm|webmanifest)$/;

const COPIES = [
  { suffix: ".br", compress: (bytes: Buffer) => promisify(brotliCompress)(bytes) },
  { suffix: ".gz", compress: (bytes: Buffer) => promisify(gzip)(bytes, { level: constants.Z_BEST_COMPRESSION }) },
];

const writeCopies = async (file: string): Promise<void> => {
  const bytes = await readFile(file);
  for (const { suffix, compress } of COPIES) {
    const copy = await compress(bytes);
    if (copy.length < bytes.length) await writeFile(file + suffix, copy);
  }
};

export const precompress = (): Plugin => ({
  name: "precompress",
  // After all files are on the disk: Vite itself still changes the page while it makes the bundle.
  writeBundle: async ({ dir }, bundle) => {
    const files = Object.keys(bundle).filter((name) => COMPRESSIBLE.test(name));
    await Promise.all(files.map((name) => writeCopies(join(dir!, name))));
  },
});
