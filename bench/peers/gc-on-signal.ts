/**
 * Loaded into a server whose memory is measured. At SIGUSR2 the server collects garbage in V8's mode "last-resort",
 * which returns free pages to the system; otherwise the growth of the heap during the connects would be measured.
 * Needs `--expose-gc`.
 */
process.on("SIGUSR2", () => {
  const collect = globalThis.gc as (options: object) => void;
  collect({ type: "major", execution: "sync", flavor: "last-resort" });
});
