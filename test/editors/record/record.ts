/**
 * Records what real editors send, in Chromium: `npm install && npm run record` in this folder. The recordings in
 * ../recordings are committed; run this again when an editor's new version should be held by the tests.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import { findChromium } from "../../chromium.ts";

const PORT = 5199;
const here = import.meta.dirname;

const server = await createServer({
  root: here,
  server: { port: PORT },
  // Two copies of Yjs or Lexical in one page do not work.
  resolve: { dedupe: ["yjs", "lexical"] },
  logLevel: "error",
});
await server.listen();
const browser = await chromium.launch({ executablePath: findChromium(), args: ["--no-sandbox"] });
try {
  const page = await browser.newPage();
  page.on("pageerror", (error) => process.stderr.write(`${error.stack ?? error.message}\n`));
  await page.goto(`http://localhost:${PORT}/`);
  await page.waitForFunction("'record' in globalThis");
  // Vite reloads the page once after it has found all packages.
  await page.waitForTimeout(3_000);
  const recordings = await page.evaluate<Record<string, { messages: unknown[] }>>("record()");
  for (const [name, recording] of Object.entries(recordings)) {
    process.stdout.write(`${name}: ${recording.messages.length} messages\n`);
    writeFileSync(join(here, "../recordings", `${name}.json`), `${JSON.stringify(recording)}\n`);
  }
} finally {
  await browser.close();
  await server.close();
}
