/** The load generator: its own process, which runs one job at a time against one server. */
import { runAttack } from "./attacks.ts";
import { runCursors } from "./cursors.ts";
import { runEnds } from "./ends.ts";
import { runIdle } from "./idle.ts";
import type { Figures, JobAnswer, JobRequest } from "./jobs.ts";
import { runJoins } from "./joins.ts";
import { runMemory } from "./memory.ts";
import { runUpdates } from "./updates.ts";

const run = ({ target, room, job }: JobRequest): Promise<Figures> => {
  switch (job.type) {
    case "updates":
      return runUpdates(target, room, job);
    case "cursors":
      return runCursors(target, room, job);
    case "idle":
      return runIdle(target, room, job);
    case "ends":
      return runEnds(target, room, job);
    case "joins":
      return runJoins(target, room, job);
    case "memory":
      return runMemory(target, room, job);
    case "attack":
      return runAttack(target, room, job);
  }
};

const answer = (message: JobAnswer): void => void process.send!(message);

process.on("message", (request: JobRequest) => {
  run(request).then(
    (figures) => answer({ figures }),
    (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
  );
});
process.on("disconnect", () => process.exit(0));
