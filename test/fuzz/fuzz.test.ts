/** A short run of the fuzzer, just as `npm run fuzz` does it, with seeds that never change. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, it } from "vitest";

const MAIN = join(import.meta.dirname, "main.ts");

it.each([1, 2])(
  "[G1] [W13] innocents notice nothing of 3 s of attacks with the seed %i",
  { timeout: 120_000 },
  async (seed) => {
    const child = spawn(process.execPath, [MAIN, "--seconds", "3", "--seed", String(seed)]);
    let output = "";
    for (const stream of [child.stdout, child.stderr])
      stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
    const [code] = (await once(child, "close")) as [number];
    expect(code, output).toBe(0);
  },
);
