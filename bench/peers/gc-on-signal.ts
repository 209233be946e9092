/** Loaded into a server before its memory is measured: at SIGUSR2 it collects its garbage. Needs `--expose-gc`. */
process.on("SIGUSR2", () => {
  const { gc } = globalThis as { gc?: () => void };
  gc?.();
  gc?.();
});
