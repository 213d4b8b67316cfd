/**
 * `npm run bench`: measures Driftline from outside, beside a bare kafkajs loop on the same broker. README.md says what each
 * figure means. Progress goes to the standard error, so that `--json` prints JSON alone.
 */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command, InvalidArgumentError } from "commander";
import { startBroker } from "../test/support/kafka-broker.ts";
import { type Bench, measureEvaluate, measureIngest, measureMemory, measureStartup } from "./parts.ts";
import { type Results, toJson, toMarkdown, toTable } from "./results.ts";
import { projectRoot } from "./service.ts";

const partNames = ["ingest", "wide", "memory", "evaluate", "startup"] as const;
type Part = (typeof partNames)[number];

interface Options {
  readonly json?: true;
  readonly write?: true;
  readonly only: readonly Part[];
  readonly runs: number;
  readonly events?: number;
  readonly profile?: string;
}

const options = new Command("bench")
  .description("Speed and memory of Driftline, beside a bare kafkajs loop.")
  .option("--json", "print the figures as JSON")
  .option("--write", "write bench/RESULTS.md")
  .option("--only <parts>", `some of ${partNames.join(",")}`, parts, partNames)
  .option("--runs <n>", "pairs of runs that a median is taken of", count, 3)
  .option("--events <n>", "events of each part, for a quick look; left out: as README.md says", count)
  .option("--profile <folder>", "have Node write CPU profiles of the service there")
  .parse()
  .opts<Options>();

const folder = await mkdtemp(path.join(tmpdir(), "driftline-bench-"));
try {
  const results = await measure(options);
  process.stdout.write(`${options.json === true ? toJson(results) : toTable(results)}\n`);
  if (options.write === true) {
    const command = ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" ");
    const file = path.join(projectRoot(), "bench", "RESULTS.md");
    // What other benchmarks wrote, each a section of its own, stays.
    const [, ...sections] = (await readFile(file, "utf8")).split(/^(?=## )/m);
    await writeFile(file, [toMarkdown(results, command, new Date()), ...sections].join("\n"));
  }
} finally {
  await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}

/** Each part has a broker of its own, so that none pays for the log of another. */
async function measure({ only, runs, events, profile }: Options): Promise<Results> {
  const part = async <Result>(name: Part, run: (bench: Bench) => Promise<Result>): Promise<Record<string, Result>> => {
    if (!only.includes(name)) return {};
    await using broker = await startBroker();
    const result = await run({
      brokers: broker.brokers,
      folder: path.join(folder, name),
      runs,
      nodeArguments: profile === undefined ? [] : ["--cpu-prof", `--cpu-prof-dir=${path.resolve(profile)}`],
      say: (text) => process.stderr.write(`${text}\n`),
    });
    await rm(path.join(folder, name), { recursive: true, force: true, maxRetries: 5 });
    return { [name]: result };
  };
  return {
    ...(await part("ingest", (bench) => measureIngest(bench, 8, events ?? 400_000))),
    ...(await part("wide", (bench) => measureIngest(bench, 20, events ?? 400_000))),
    ...(await part("memory", (bench) => measureMemory(bench, events ?? 1_000_000, (events ?? 1_000_000) * 5))),
    ...(await part("evaluate", (bench) => measureEvaluate(bench, events ?? 1_000_000))),
    ...(await part("startup", (bench) => measureStartup(bench, events ?? 400_000))),
  };
}

function parts(text: string): readonly Part[] {
  return text.split(",").map((name) => {
    const found = partNames.find((candidate) => candidate === name.trim());
    if (found === undefined) throw new InvalidArgumentError(`choose from ${partNames.join(", ")}.`);
    return found;
  });
}

function count(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("a whole number above 0.");
  return Number(text);
}
