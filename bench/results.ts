/** What the benchmarks found, and how it is shown: JSON for machines, a table for people, RESULTS.md for the record. */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { projectRoot } from "./service.ts";

export interface IngestRun {
  readonly eventsPerSecond: number;
  readonly baselineEventsPerSecond: number;
  /** Events a second of Driftline over those of the bare loop. */
  readonly ratio: number;
  readonly cpuSecondsPerMillion: number;
  readonly baselineCpuSecondsPerMillion: number;
  readonly peakMb: number;
}

/** Medians of the runs; `ratio` is the median of the pairs' ratios. */
export interface IngestResult extends Omit<IngestRun, "peakMb"> {
  readonly events: number;
  readonly runs: readonly IngestRun[];
}

export interface MemoryResult {
  readonly peakMb1M: number;
  readonly peakMb5M: number;
  readonly events: readonly [number, number];
}

export interface EvaluateResult {
  /** The service's own time in evaluations. */
  readonly seconds: number;
  /** From the start of the process to the last window. */
  readonly wallSeconds: number;
  readonly events: number;
}

export interface StartupResult {
  /** On a folder with data. */
  readonly seconds: number;
  readonly emptySeconds: number;
  readonly events: number;
}

export interface Results {
  readonly ingest?: IngestResult;
  readonly wide?: IngestResult;
  readonly memory?: MemoryResult;
  readonly evaluate?: EvaluateResult;
  readonly startup?: StartupResult;
}

/** The figures alone. */
export function toJson({ ingest, wide, memory, evaluate, startup }: Results): string {
  const speed = (result: IngestResult) => ({
    eventsPerSecond: Math.round(result.eventsPerSecond),
    baselineEventsPerSecond: Math.round(result.baselineEventsPerSecond),
    ratio: rounded(result.ratio, 3),
    cpuSecondsPerMillion: rounded(result.cpuSecondsPerMillion, 2),
    baselineCpuSecondsPerMillion: rounded(result.baselineCpuSecondsPerMillion, 2),
  });
  return JSON.stringify({
    ...(ingest && { ingest: speed(ingest) }),
    ...(wide && { wide: speed(wide) }),
    ...(memory && { memory: { peakMb1M: Math.round(memory.peakMb1M), peakMb5M: Math.round(memory.peakMb5M) } }),
    ...(evaluate && { evaluate: { seconds: rounded(evaluate.seconds, 2) } }),
    ...(startup && {
      startup: { seconds: rounded(startup.seconds, 2), emptySeconds: rounded(startup.emptySeconds, 2) },
    }),
  });
}

/** Rows of [what, figure]. */
function rows({ ingest, wide, memory, evaluate, startup }: Results): [string, string][] {
  const speed = (features: number, result: IngestResult): [string, string][] => [
    [`events of ${features} features, Kafka to stored and evaluated`, `${whole(result.eventsPerSecond)} /s`],
    ["… bare kafkajs loop with JSON.parse", `${whole(result.baselineEventsPerSecond)} /s`],
    ["… ratio", `${result.ratio.toFixed(2)} (${result.runs.map((run) => run.ratio.toFixed(2)).join(", ")})`],
    ["… CPU seconds per million events", result.cpuSecondsPerMillion.toFixed(1)],
    ["… of the bare loop", result.baselineCpuSecondsPerMillion.toFixed(1)],
  ];
  return [
    ...(ingest ? speed(8, ingest) : []),
    ...(wide ? speed(20, wide) : []),
    ...(memory
      ? [
          [`peak memory, ${whole(memory.events[0])} events of 8 features`, `${whole(memory.peakMb1M)} MB`] as [
            string,
            string,
          ],
          [`peak memory, ${whole(memory.events[1])} events of 8 features`, `${whole(memory.peakMb5M)} MB`] as [
            string,
            string,
          ],
        ]
      : []),
    ...(evaluate
      ? [
          [`evaluating ${whole(evaluate.events)} stored events of 20 features`, `${evaluate.seconds.toFixed(1)} s`] as [
            string,
            string,
          ],
        ]
      : []),
    ...(startup
      ? [
          [`start to /ready, ${whole(startup.events)} events stored`, `${startup.seconds.toFixed(2)} s`] as [
            string,
            string,
          ],
          ["start to /ready, empty folder", `${startup.emptySeconds.toFixed(2)} s`] as [string, string],
        ]
      : []),
  ];
}

export function toTable(results: Results): string {
  const figures = rows(results);
  const width = Math.max(...figures.map(([what]) => what.length));
  return figures.map(([what, figure]) => `${what.padEnd(width)}  ${figure}`).join("\n");
}

export function toMarkdown(results: Results, command: string, now: Date): string {
  const memoryGb = Math.round(os.totalmem() / 1e9);
  const lines = [
    "# Results of the benchmarks",
    "",
    `Written by \`${command}\` on ${now.toISOString().slice(0, 10)}; [README.md](README.md) says what is measured and how.`,
    "",
    `Host: ${os.cpus().length} cores, ${memoryGb} GB of memory, ${os.type()} ${os.arch()}; the broker ran on the same cores. ${versions()}.`,
    "",
    "| what | figure |",
    "| --- | ---: |",
    ...rows(results).map(([what, figure]) => `| ${what} | ${figure} |`),
  ];
  return `${lines.join("\n")}\n`;
}

const packageSchema = z.object({ version: z.string() });

function versions(): string {
  const versionOf = (folder: string) =>
    packageSchema.parse(JSON.parse(readFileSync(path.join(projectRoot(), folder, "package.json"), "utf8"))).version;
  const pom = readFileSync(path.join(projectRoot(), "test/support/kafka/pom.xml"), "utf8");
  const kafka = /<artifactId>kafka_2\.13<\/artifactId>\s*<version>([^<]+)</.exec(pom)?.[1] ?? "given";
  return `Driftline ${versionOf(".")} (${commit()}), Node ${process.versions.node}, kafkajs ${versionOf("node_modules/kafkajs")}, chdb ${versionOf("node_modules/chdb")}, Kafka ${kafka}`;
}

function commit(): string {
  try {
    return execFileSync("git", ["rev-parse", "--short", "HEAD"], {
      cwd: projectRoot(),
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return "no commit";
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString("en-US");
const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));
