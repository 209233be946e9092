/** Every figure that a load can give: what it is called, and how many digits mean anything. Less is better. */

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
  messagesPerMinute: { title: "messages a person and minute", digits: 1 },
  othersPerMinute: { title: "of them no keepalive", digits: 1 },
  bytesPerMinute: { title: "bytes a person and minute", digits: 0 },
  sendP50Ms: { title: "command to last, p50, ms", digits: 1 },
  sendP99Ms: { title: "command to last, p99, ms", digits: 1 },
  spreadP50Ms: { title: "first to last, p50, ms", digits: 1 },
  spreadP99Ms: { title: "first to last, p99, ms", digits: 1 },
  flagBytes: { title: "bytes of the message", digits: 0 },
  joinCpuMs: { title: "CPU per join, ms", digits: 1 },
  joinMs: { title: "time of a join, p50, ms", digits: 1 },
  tenCpuMs: { title: "CPU of ten at once, ms", digits: 1 },
  tenTimes: { title: "ten at once, in joins", digits: 1 },
  tenMs: { title: "last of ten, ms", digits: 1 },
  documentBytes: { title: "bytes to a newcomer", digits: 0 },
  connectionKb: { title: "KB a connection", digits: 1 },
  roomKb: { title: "KB an idle room", digits: 1 },
  readyMs: { title: "start to ready, ms", digits: 0 },
  dormantMb: { title: "MB for the dormant rooms", digits: 2 },
  dueMs: { title: "those due at once, ms", digits: 0 },
  allDueMs: { title: "all due at once, ms", digits: 0 },
  unfired: { title: "not fired", digits: 0 },
} as const satisfies Readonly<Record<string, FigureInfo>>;

export type FigureId = keyof typeof FIGURES;

export const show = (figure: FigureId, value: number): string => value.toFixed(FIGURES[figure].digits);
