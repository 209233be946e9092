/** Short runs of the fuzzer with fixed seeds, started as `npm run fuzz` does. `FUZZ_SECONDS` makes them longer. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");
const SECONDS = Number(process.env["FUZZ_SECONDS"] ?? 3);

it.each([1, 2])(
  `[G1] [W13] honest clients are not affected by ${SECONDS} s of attacks with seed %i`,
  { timeout: 120_000 + 2_000 * SECONDS },
  async (seed) => {
    const child = spawn(process.execPath, [MAIN, "--seconds", String(SECONDS), "--seed", String(seed)]);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect(code, output).toBe(0);
  },
);
