/**
 * A process that opens the SQLite store of a folder and does one thing with it, so that tests can
 * kill it, trace it or starve it of space: `node store-process.ts <folder> <what>`.
 */
import { SqliteStore } from "../../../sync-server/store/sqlite/store.ts";
import { append, putRoom } from "./store-writes.ts";

const [folder, what] = process.argv.slice(2);
const say = (text: string): void => void process.stdout.write(`${text}\n`);

const store = new SqliteStore(folder!);
switch (what) {
  case "hold":
    // Commits, says so, and goes on committing until it is killed.
    await store.commit([putRoom("room")], "written");
    for (let i = 0; i < 50; i++) await store.commit([append("room", i)], "written");
    say("committed");
    setInterval(() => void store.commit([append("room", 255)], "written"), 1);
    break;
  case "fill":
    // Writes until the disk is full; says how many rooms were kept, and the error.
    await store.commit([putRoom("room")], "flushed");
    for (let kept = 0; ; kept++) {
      try {
        await store.commit([putRoom(`room-${kept}`), append("room", ...new Uint8Array(20_000))], "written");
      } catch (error) {
        const stored = (await store.readRoom("room"))!.content.length;
        const half = await store.readRoom(`room-${kept}`);
        say(JSON.stringify({ kept, stored, half, name: (error as Error).name, message: (error as Error).message }));
        break;
      }
    }
    break;
  case "commit-written":
  case "commit-flushed":
    await store.commit([putRoom("room")], "written");
    say("begin");
    for (let i = 0; i < 5; i++)
      await store.commit([append("room", i)], what === "commit-flushed" ? "flushed" : "written");
    say("end");
    // Closing would sync everything.
    process.exit(0);
}
