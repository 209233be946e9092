/** A short soak, so that the long one keeps working. `SOAK_MINUTES` makes it longer. */
import { describe, expect, it } from "vitest";
import { Findings } from "./findings.ts";
import type { Sample } from "./sample.ts";
import { soak } from "./soak.ts";
import type { SoakOptions, SoakReport } from "./soak.ts";
import { RecentStalls } from "./stalls.ts";
import { summarize } from "./table.ts";

const MEGA = 1024 * 1024;
const MINUTES = Number(process.env["SOAK_MINUTES"] ?? 0.2);
/** The final checks take longer with more rooms and a busy machine. */
const TIMEOUT_MS = 60_000 + 2 * 60_000 * MINUTES;
const OPTIONS: SoakOptions = { minutes: MINUTES, speed: 30, seed: 1, rooms: 6, people: 12, dayMs: 150_000 };

const sample = (change: Partial<Sample> = {}): Sample => ({
  rssBytes: 100 * MEGA,
  heapBytes: 20 * MEGA,
  descriptors: 20,
  handles: 3,
  timers: 2,
  rooms: 0,
  connections: 0,
  sockets: 0,
  docs: 0,
  databaseBytes: MEGA,
  ...change,
});

const reportOf = (at: (night: number) => Partial<Sample>, findings = new Findings()): SoakReport => ({
  options: OPTIONS,
  realMs: 1,
  fastMs: 30,
  nights: Array.from({ length: 10 }, (_, night) => ({ sample: sample(at(night)), databaseGrowthBytes: 0 })),
  findings,
  stalls: new RecentStalls(),
});

describe(`a soak of ${MINUTES} min`, () => {
  it("finds nothing wrong, and has checked something", { timeout: TIMEOUT_MS }, async () => {
    const report = await soak(OPTIONS, () => {}, new AbortController().signal);
    const { findings } = report;
    expect(findings.texts).toEqual([]);
    expect(summarize(report).faults).toEqual([]);
    expect(report.nights.length).toBeGreaterThan(0);
    expect(findings.edits).toBeGreaterThan(0);
    expect(findings.comparisons).toBeGreaterThan(0);
    expect(findings.checkedEdits).toBeGreaterThan(0);
  });
});

describe("the table", () => {
  it("has no fault if nothing has grown and nothing was wrong", () => {
    expect(summarize(reportOf(() => ({}))).faults).toEqual([]);
  });

  it("names what has grown, and by how much", () => {
    const { faults } = summarize(reportOf((night) => ({ heapBytes: 20 * MEGA + night * 0.3 * MEGA })));
    expect(faults).toEqual(["heap after collection: grew by 1.20 MB over the second half; 0.25 MB is allowed"]);
  });

  it("names what remains in memory in a single night", () => {
    const { faults } = summarize(reportOf((night) => (night === 2 ? { rooms: 1 } : {})));
    expect(faults).toEqual(["rooms in memory: up to 1 at night, when nobody was connected"]);
  });

  it("names what was wrong", () => {
    const findings = new Findings();
    findings.add("lost updates", "three are gone", 3);
    expect(summarize(reportOf(() => ({}), findings)).faults).toEqual(["lost updates: 3"]);
  });
});
