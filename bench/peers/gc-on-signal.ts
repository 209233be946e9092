/**
 * Loaded into a server before its memory is measured: at SIGUSR2 it collects its garbage, as the last resort, which
 * gives pages back to the system. What a heap has grown to while people came in is no figure. Needs `--expose-gc`.
 */
process.on("SIGUSR2", () => {
  const collect = globalThis.gc as (options: object) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
});
