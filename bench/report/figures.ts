/** The figures of the loads: their titles, and how many digits are significant. Lower is better for all of them. */

export type FigureInfo = { readonly title: string; readonly digits: number };

export const FIGURES = {
  cpuUs: { title: "CPU per delivery, µs", digits: 2 },
  p50Ms: { title: "p50, ms", digits: 1 },
  p95Ms: { title: "p95, ms", digits: 1 },
  p99Ms: { title: "p99, ms", digits: 1 },
  bytes: { title: "bytes per delivery", digits: 0 },
  lost: { title: "lost", digits: 0 },
  serverShare: { title: "server, cores", digits: 2 },
  generatorShare: { title: "generator, cores", digits: 2 },
  cpuPercent: { title: "CPU, % of a core", digits: 2 },
  messagesPerMinute: { title: "messages per person and minute", digits: 1 },
  othersPerMinute: { title: "of these not keepalive", digits: 1 },
  bytesPerMinute: { title: "bytes per person and minute", digits: 0 },
  sendP50Ms: { title: "command to last, p50, ms", digits: 1 },
  sendP99Ms: { title: "command to last, p99, ms", digits: 1 },
  spreadP50Ms: { title: "first to last, p50, ms", digits: 1 },
  spreadP99Ms: { title: "first to last, p99, ms", digits: 1 },
  flagBytes: { title: "bytes of the message", digits: 0 },
  joinCpuMs: { title: "CPU per join, ms", digits: 1 },
  joinMs: { title: "time of a join, p50, ms", digits: 1 },
  tenCpuMs: { title: "CPU of ten at once, ms", digits: 1 },
  tenTimes: { title: "ten at once, relative to one", digits: 1 },
  tenMs: { title: "last of ten, ms", digits: 1 },
  documentBytes: { title: "bytes sent to a new client", digits: 0 },
  connectionKb: { title: "KB per connection", digits: 1 },
  roomKb: { title: "KB per idle room", digits: 1 },
  readyMs: { title: "start to ready, ms", digits: 0 },
  dormantMb: { title: "MB for all rooms", digits: 2 },
  dueMs: { title: "the due rooms, ms", digits: 0 },
  allDueMs: { title: "all rooms due, ms", digits: 0 },
  maxMs: { title: "longest, ms", digits: 0 },
  attackerCloses: { title: "attacker's connections closed", digits: 0 },
  pairCloses: { title: "pair's connections closed", digits: 0 },
  exits: { title: "relay ended", digits: 0 },
  unfired: { title: "missed", digits: 0 },
} as const satisfies Readonly<Record<string, FigureInfo>>;

export type FigureId = keyof typeof FIGURES;

export const show = (figure: FigureId, value: number): string => value.toFixed(FIGURES[figure].digits);
