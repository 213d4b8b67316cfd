/** The parts of the benchmark, each on a bench that holds the broker, a folder for scratch and the options. */
import { execFile } from "node:child_process";
import { mkdir, rm } from "node:fs/promises";
import path from "node:path";
import { promisify } from "node:util";
import { z } from "zod";
import type { Width } from "./events.ts";
import type { EvaluateResult, IngestResult, IngestRun, MemoryResult, StartupResult } from "./results.ts";
import { Service, type ServiceOptions } from "./service.ts";
import { type FilledTopic, fillTopic, writeReference } from "./topic.ts";

export interface Bench {
  readonly brokers: string[];
  /** Scratch. */
  readonly folder: string;
  readonly runs: number;
  readonly nodeArguments: readonly string[];
  readonly say: (text: string) => void;
}

/** Pairs of a bare kafkajs loop and Driftline over the same topic, one after the other. */
export async function measureIngest(bench: Bench, width: Width, events: number): Promise<IngestResult> {
  const topic = await fill(bench, `ingest-${width}`, width, events);
  const runs: IngestRun[] = [];
  for (let run = 1; run <= bench.runs; run += 1) {
    const baseline = await runBaseline(bench, topic, run);
    const driftline = await runDriftline(bench, topic, run);
    const perSecond = (seconds: number) => topic.messages / seconds;
    const perMillion = (cpuSeconds: number) => (cpuSeconds / topic.messages) * 1e6;
    runs.push({
      eventsPerSecond: perSecond(driftline.seconds),
      baselineEventsPerSecond: perSecond(baseline.seconds),
      ratio: baseline.seconds / driftline.seconds,
      cpuSecondsPerMillion: perMillion(driftline.cpuSeconds),
      baselineCpuSecondsPerMillion: perMillion(baseline.cpuSeconds),
      peakMb: driftline.peakMb,
    });
    const { eventsPerSecond, baselineEventsPerSecond, ratio } = runs.at(-1) ?? failed();
    bench.say(
      `${width} features, run ${run}: kafkajs ${thousands(baselineEventsPerSecond)}, Driftline ${thousands(eventsPerSecond)} events/s, ratio ${ratio.toFixed(2)}`,
    );
  }
  return {
    eventsPerSecond: median(runs.map((run) => run.eventsPerSecond)),
    baselineEventsPerSecond: median(runs.map((run) => run.baselineEventsPerSecond)),
    ratio: median(runs.map((run) => run.ratio)),
    cpuSecondsPerMillion: median(runs.map((run) => run.cpuSecondsPerMillion)),
    baselineCpuSecondsPerMillion: median(runs.map((run) => run.baselineCpuSecondsPerMillion)),
    events,
    runs,
  };
}

/** Peak memory of a service that reads `fewer`, and of another one that reads `more` events. */
export async function measureMemory(bench: Bench, fewer: number, more: number): Promise<MemoryResult> {
  const peakMbOf = async (events: number) => {
    const topic = await fill(bench, `memory-${events}`, 8, events);
    const { peakMb, seconds } = await runDriftline(bench, topic, 0);
    bench.say(`${thousands(events)} events in ${seconds.toFixed(1)} s: at most ${peakMb.toFixed(0)} MB`);
    return peakMb;
  };
  return { peakMb1M: await peakMbOf(fewer), peakMb5M: await peakMbOf(more), events: [fewer, more] };
}

/** A process that only stores, then a process that only evaluates what the first one stored. */
export async function measureEvaluate(bench: Bench, events: number): Promise<EvaluateResult> {
  const topic = await fill(bench, "evaluate", 20, events);
  const folder = path.join(bench.folder, "evaluate");
  await using store = await start(bench, topic, folder, { roles: "ingest,web" });
  await store.stored(topic);
  await store.stop();
  await using evaluation = await start(bench, topic, folder, { roles: "evaluate,web" });
  // From the start of the process, since evaluation begins before anyone can ask; starting is no part of it.
  const finishedAt = await evaluation.evaluated(topic, false);
  const { evaluationSeconds } = (await evaluation.sample()) ?? failed();
  const wallSeconds = (finishedAt - evaluation.spawnedAt) / 1000;
  bench.say(
    `${thousands(events)} events evaluated in ${evaluationSeconds.toFixed(1)} s, ${wallSeconds.toFixed(1)} s from the start`,
  );
  return { seconds: evaluationSeconds, wallSeconds, events };
}

/** From the start of the process to a `/ready` of 200, on a folder with data and on an empty one. */
export async function measureStartup(bench: Bench, events: number): Promise<StartupResult> {
  const topic = await fill(bench, "startup", 8, events);
  const startIn = async (folder: string) => {
    await using service = await start(bench, topic, folder);
    await service.ready();
    return (performance.now() - service.spawnedAt) / 1000;
  };
  const full = path.join(bench.folder, "startup-full");
  {
    await using service = await start(bench, topic, full);
    await service.evaluated(topic);
  }
  const seconds: number[] = [];
  const emptySeconds: number[] = [];
  for (let run = 1; run <= bench.runs; run += 1) {
    seconds.push(await startIn(full));
    const empty = path.join(bench.folder, `startup-empty-${run}`);
    emptySeconds.push(await startIn(empty));
    await rm(empty, { recursive: true });
  }
  bench.say(
    `ready after ${median(seconds).toFixed(2)} s, on an empty folder after ${median(emptySeconds).toFixed(2)} s`,
  );
  return { seconds: median(seconds), emptySeconds: median(emptySeconds), events };
}

async function fill(bench: Bench, name: string, width: Width, events: number): Promise<FilledTopic> {
  bench.say(`filling the topic ${name} with ${thousands(events)} events of ${width} features`);
  await mkdir(bench.folder, { recursive: true });
  await writeReference(referenceFile(bench, width), width);
  return fillTopic(bench.brokers, `bench-${name}`, width, events);
}

const referenceFile = (bench: Bench, width: Width): string => path.join(bench.folder, `reference-${width}.ndjson`);

function start(bench: Bench, topic: FilledTopic, folder: string, more: Partial<ServiceOptions> = {}): Promise<Service> {
  return Service.spawn({
    folder,
    reference: referenceFile(bench, topic.width),
    brokers: bench.brokers,
    topic: topic.topic,
    nodeArguments: bench.nodeArguments,
    ...more,
  });
}

/** One service on a fresh folder, from its first fetch to the last window. */
async function runDriftline(bench: Bench, topic: FilledTopic, run: number) {
  const folder = path.join(bench.folder, `${topic.topic}-${run}`);
  try {
    await using service = await start(bench, topic, folder);
    const { atMs, cpuSeconds } = await service.reading();
    const finishedAt = await service.evaluated(topic);
    return {
      seconds: (finishedAt - atMs) / 1000,
      cpuSeconds: service.cpuSeconds - cpuSeconds,
      peakMb: service.peakMb,
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

const baselineSchema = z.object({ seconds: z.number(), cpuSeconds: z.number() });

async function runBaseline(bench: Bench, topic: FilledTopic, run: number): Promise<z.output<typeof baselineSchema>> {
  const script = path.join(import.meta.dirname, `baseline${path.extname(import.meta.filename)}`);
  const group = `baseline-${topic.topic}-${run}`;
  const command = [script, bench.brokers.join(","), topic.topic, group, String(topic.messages)];
  const { stdout } = await promisify(execFile)(process.execPath, command, { timeout: 600_000 });
  return baselineSchema.parse(JSON.parse(stdout));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? failed();
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? failed())) / 2;
}

const thousands = (count: number): string => Math.round(count).toLocaleString("en-US");

function failed(): never {
  throw new Error("nothing was measured");
}
