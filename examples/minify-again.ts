/**
 * A plugin that has terser go over what the bundler's minifier (oxc) has made. Terser puts a function that is
 * used once, and the values of a table that nobody else sees, to where they are used; oxc does not, while its
 * other half is the better one: each alone makes more of it than both.
 */
import { minify } from "terser";
import type { Plugin } from "vite";

export const minifyAgain = (): Plugin => ({
  name: "minify-again",
  generateBundle: async (_options, bundle) => {
    for (const file of Object.values(bundle)) {
      // The editor of the classroom is not worth the seconds: it is no part of what other pages load.
      if (file.type !== "chunk" || !file.moduleIds.some((id) => id.includes("/components/"))) continue;
      const { code } = await minify(file.code, { module: true, ecma: 2020, compress: { passes: 3 } });
      if (code === undefined) throw new Error(`terser made nothing of ${file.fileName}`);
      file.code = code;
    }
  },
});
