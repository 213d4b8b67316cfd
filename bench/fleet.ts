/**
 * `npm run bench:fleet`: time and memory where there is much of something: models, features, or values of segments. Each scene is a
 * `driftline replay` of a file in a process of its own, from an empty folder to the last evaluated window. It needs no broker.
 */
import { spawn } from "node:child_process";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Command, InvalidArgumentError } from "commander";
import { stringify } from "yaml";
import { z } from "zod";
import { seededRandom } from "../src/math/seeded-random.ts";
import { cpuSecondsOf, peakMbOf } from "./process-usage.ts";
import { writeSection } from "./results-section.ts";
import { projectRoot } from "./service.ts";

interface Scene {
  readonly name: string;
  readonly title: string;
  readonly models: number;
  readonly features: number;
  /** Events of each model. */
  readonly events: number;
  /** Keys of the events' segments, and how many values each has. */
  readonly segments: number;
  readonly values: number;
}

const scenes: readonly Scene[] = [
  {
    name: "models",
    title: "200 models of 8 features, 2,000 events each",
    models: 200,
    features: 8,
    events: 2_000,
    segments: 0,
    values: 0,
  },
  {
    name: "features",
    title: "one model of 1,000 features, 10,000 events",
    models: 1,
    features: 1_000,
    events: 10_000,
    segments: 0,
    values: 0,
  },
  {
    name: "segments",
    title: "one model of 8 features with 50 segments of 10,000 values each, 200,000 events",
    models: 1,
    features: 8,
    events: 200_000,
    segments: 50,
    values: 10_000,
  },
];

const options = new Command("bench:fleet")
  .description("Time and memory of many models, many features and many values of segments.")
  .option("--only <scene>", scenes.map(({ name }) => name).join(", "), oneScene)
  .option("--share <fraction>", "of the events only, for a quick look", share, 1)
  .option("--profile <folder>", "have Node write CPU profiles there")
  .option("--json", "print the figures as JSON")
  .option("--write", "put the figures into bench/RESULTS.md")
  .parse()
  .opts<{ only?: string; share: number; profile?: string; json?: true; write?: true }>();

const REFERENCE_ROWS = 5_000;
const HOUR = 3_600_000;
const HOURS = 6;
const START = Date.UTC(2026, 0, 5);
const LOOK_MS = 50;
const summarySchema = z.looseObject({ windows: z.number(), deadLetters: z.literal(0) });

interface Figures {
  readonly scene: Scene;
  readonly seconds: number;
  readonly cpuSeconds: number;
  readonly peakMb: number;
  readonly windows: number;
}

const figures: Figures[] = [];
for (const scene of scenes)
  if (options.only === undefined || options.only === scene.name)
    figures.push(await measure({ ...scene, events: Math.ceil(scene.events * options.share) }));
const rows = figures.flatMap(rowsOf);
process.stdout.write(
  options.json === true
    ? `${JSON.stringify(figures)}\n`
    : rows.map(([what, figure]) => `${what}: ${figure}\n`).join(""),
);
if (options.write === true)
  writeSection(
    "Fleet",
    `Written by \`npm run bench:fleet -- --write\` on ${new Date().toISOString().slice(0, 10)}: each scene once, ${os.cpus().length} cores, Node ${process.versions.node}; [README.md](README.md) says what is measured.`,
    rows,
  );

async function measure(scene: Scene): Promise<Figures> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-fleet-"));
  try {
    await mkdir(path.join(folder, "data"));
    await pipeline(Readable.from(referenceLines(scene)), createWriteStream(path.join(folder, "reference.ndjson")));
    await pipeline(Readable.from(eventLines(scene)), createWriteStream(path.join(folder, "events.ndjson")));
    await writeFile(path.join(folder, "driftline.yaml"), stringify(configuration(scene)));
    return { scene, ...(await replay(folder)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function modelNames({ models }: Scene): string[] {
  return Array.from({ length: models }, (_, index) => `model-${index}`);
}

function featureNames({ features }: Scene): string[] {
  return Array.from({ length: features }, (_, index) => `feature_${index}`);
}

function segmentNames({ segments }: Scene): string[] {
  return Array.from({ length: segments }, (_, index) => `segment_${index}`);
}

function configuration(scene: Scene) {
  return {
    store: { embedded: "data" },
    sources: [{ use: "file", path: "events.ndjson" }],
    models: modelNames(scene).map((name) => ({
      name,
      task: "binary",
      reference: { file: "reference.ndjson" },
      windows: ["1h"],
      kpis: ["accuracy"],
      ...(scene.segments === 0 ? {} : { segments: segmentNames(scene) }),
    })),
  };
}

/** Uniform values: what they are does not bear on the cost. */
function valuesText(names: readonly string[], random: () => number): string {
  return names.map((name) => `"${name}":${random().toFixed(6)}`).join(",");
}

function* referenceLines(scene: Scene): Generator<string> {
  const random = seededRandom(1);
  const features = featureNames(scene);
  const segments = segmentNames(scene);
  for (let row = 0; row < REFERENCE_ROWS; row++) {
    const time = new Date(START - (REFERENCE_ROWS - row) * 60_000).toISOString();
    const more = segments.map((name) => `,"segments.${name}":"${segmentValue(scene, random)}"`).join("");
    yield `{"timestamp":"${time}",${valuesText(features, random)}${more},"prediction":1,"score":${random().toFixed(4)},"label":${Math.round(random())}}\n`;
  }
}

function* eventLines(scene: Scene): Generator<string> {
  const random = seededRandom(2);
  const features = featureNames(scene);
  const segments = segmentNames(scene);
  const models = modelNames(scene);
  const stepMs = (HOURS * HOUR) / scene.events;
  for (let event = 0; event < scene.events; event++) {
    const time = new Date(START + event * stepMs).toISOString();
    for (const model of models) {
      const more = segments.map((name) => `"${name}":"${segmentValue(scene, random)}"`).join(",");
      yield `{"type":"prediction","id":"${event}","model":"${model}","version":"1","timestamp":"${time}","features":{${valuesText(features, random)}},"prediction":1,"score":${random().toFixed(4)},"label":${Math.round(random())},"segments":{${more}}}\n`;
    }
  }
}

/** Few frequent values and a long tail, as cities or products have. */
function segmentValue({ values }: Scene, random: () => number): string {
  return `v${Math.floor(values * random() ** 4)}`;
}

async function replay(folder: string): Promise<Omit<Figures, "scene">> {
  const started = performance.now();
  const main = path.join(projectRoot(), "dist", "src", "main.js");
  // As people start it: the file's first line gives Node its options.
  const profile =
    options.profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(options.profile)}`];
  const child = spawn(
    process.execPath,
    ["--max-semi-space-size=8", ...profile, main, "replay", "-c", "driftline.yaml", "--keep", "--json"],
    {
      cwd: folder,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const { pid } = child;
  if (pid === undefined) throw new Error("driftline replay could not be started");
  let peakMb = 0;
  let cpuSeconds = 0;
  const look = setInterval(() => {
    try {
      peakMb = peakMbOf(pid);
      cpuSeconds = cpuSecondsOf(pid);
    } catch {
      // It has just ended; what was seen last stands.
    }
  }, LOOK_MS);
  let text = "";
  child.stdout.on("data", (bytes: Buffer) => (text += bytes.toString()));
  const code = await new Promise<number | null>((resolve) => child.on("close", resolve));
  clearInterval(look);
  if (code !== 0) throw new Error(`driftline replay ended with ${code}`);
  const seconds = (performance.now() - started) / 1000;
  const { windows } = summarySchema.parse(JSON.parse(text));
  return { seconds, cpuSeconds, peakMb, windows };
}

function rowsOf({ scene, seconds, cpuSeconds, peakMb, windows }: Figures): [string, string][] {
  return [
    [`${scene.title}: stored and evaluated`, `${seconds.toFixed(1)} s`],
    ["… CPU", `${cpuSeconds.toFixed(1)} s`],
    ["… peak memory", `${peakMb.toFixed(0)} MB`],
    ["… windows", windows.toLocaleString("en")],
  ];
}

function share(text: string): number {
  const fraction = Number(text);
  if (!(fraction > 0 && fraction <= 1)) throw new InvalidArgumentError("a number above 0, at most 1");
  return fraction;
}

function oneScene(text: string): string {
  if (!scenes.some(({ name }) => name === text))
    throw new InvalidArgumentError(`choose from ${scenes.map(({ name }) => name).join(", ")}`);
  return text;
}
