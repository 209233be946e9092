/** Durations as operators write them: a whole number and a unit. */

const UNITS_MS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Reads `500ms`, `30s`, `15m`, `2h` or `30d`; `null` if it is anything else. @returns ms */
export const parseDuration = (text: string): number | null => {
  const match = /^(\d{1,15})(ms|s|m|h|d)$/.exec(text);
  return match === null ? null : Number(match[1]) * UNITS_MS[match[2] as keyof typeof UNITS_MS];
};

/** Writes a duration in the largest unit that needs no fraction: 900,000 ms are `15m`. */
export const formatDuration = (durationMs: number): string => {
  const fitting = Object.entries(UNITS_MS).filter(([, unitMs]) => durationMs >= unitMs && durationMs % unitMs === 0);
  const [unit, unitMs] = fitting.at(-1) ?? ["ms", 1];
  return `${durationMs / unitMs}${unit}`;
};
