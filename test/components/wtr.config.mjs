/** The elements in real Chromium: `web-test-runner --config test/components/wtr.config.mjs`. */
import { fileURLToPath } from "node:url";
import { esbuildPlugin } from "@web/dev-server-esbuild";
import { chromeLauncher } from "@web/test-runner";

const root = fileURLToPath(new URL("../..", import.meta.url));

export default {
  rootDir: root,
  files: `${root}test/components/*.test.ts`,
  nodeResolve: { exportConditions: ["production", "default"], dedupe: ["yjs"] },
  concurrency: 1,
  plugins: [esbuildPlugin({ ts: true, target: "es2022", tsconfig: `${root}tsconfig.json` })],
  browsers: [
    chromeLauncher({
      launchOptions: {
        executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
        // Chromium refuses its sandbox to root, which is who runs in most containers.
        args: ["--no-sandbox"],
      },
    }),
  ],
  testFramework: { config: { timeout: 10_000 } },
};
