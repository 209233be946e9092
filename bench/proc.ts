/** CPU time and memory of a process as the system reports them, so that all servers are measured in the same way. Linux only. */
import { readdirSync, readFileSync } from "node:fs";

const PAGE_BYTES = 4_096;
const TICK_US = 10_000;

/** CPU time of all present threads of a process, in µs. */
export const cpuUs = (pid: number): number => {
  try {
    let ns = 0;
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      ns += Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
    }
    return ns / 1_000;
  } catch {
    // The kernel has no schedstat: user and system time in ticks of 10 ms (proc(5), fields 14 and 15).
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  }
};

/** Resident memory of a process, in bytes. */
export const rssBytes = (pid: number): number =>
  Number(readFileSync(`/proc/${pid}/statm`, "utf8").split(" ")[1]) * PAGE_BYTES;
