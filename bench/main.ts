/** `npm run bench`: measures session-room and other servers under the same loads. `--help` lists the flags. */
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
    // Imported after the installation, because it needs the packages.
    const { runBench } = await import("./bench.ts");
    await runBench(options);
  }
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
