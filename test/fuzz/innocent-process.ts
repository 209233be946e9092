/** A process with an innocent pair: in the fuzzer's own process, its work would be measured as the relay's. */
import { InnocentPair } from "./innocent-pair.ts";

const REPORT_EVERY_MS = 250;
const [url = "", room = "", mover = "", watcher = ""] = process.argv.slice(2);

const pair = await InnocentPair.open(url, room, [mover, watcher]);
setInterval(() => process.send!(pair.report()), REPORT_EVERY_MS);
process.on("disconnect", () => process.exit(0));
