/** `npm run bench`: session-room side by side with other servers. Ends by itself. */
import { installPackages } from "./install.ts";
import { HELP, parseOptions } from "./options.ts";

const stop = (): never => process.exit(130);
process.on("SIGINT", stop);
process.on("SIGTERM", stop);

try {
  const options = parseOptions(process.argv.slice(2));
  if (options === null) {
    console.log(HELP);
  } else {
    await installPackages();
    // Loaded now: it needs the packages.
    const { runBench } = await import("./bench.ts");
    await runBench(options);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
