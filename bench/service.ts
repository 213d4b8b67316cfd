/**
 * Driftline as a child process, watched from outside: through `/metrics`, its SQL and /proc, so that nothing in it knows of
 * the benchmark.
 */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { z } from "zod";
import { countedFeature, modelName } from "./events.ts";
import { cpuSecondsOf, peakMbOf } from "./process-usage.ts";
import type { FilledTopic } from "./topic.ts";

/** Given up after this long without any progress. */
const patienceMs = 120_000;
const checkEveryMs = 100;

export interface ServiceOptions {
  /** Folder for the configuration, the log and `data`; made where it is missing. */
  readonly folder: string;
  readonly reference: string;
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly roles?: string;
  /** Arguments of Node itself, such as --cpu-prof. */
  readonly nodeArguments?: readonly string[];
}

/** Numbers that the service tells of itself, at one moment. */
export interface Sample {
  readonly events: number;
  readonly deadLetters: number;
  readonly windows: number;
  readonly watermarkMs: number;
  /** Seconds that evaluations have taken. */
  readonly evaluationSeconds: number;
  /** Whether a first fetch has been answered. */
  readonly reading: boolean;
}

export class Service implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #log: string;
  readonly #url: string;
  readonly spawnedAt = performance.now();

  readonly #killAtExit = () => void this.#child.kill("SIGKILL");

  private constructor(child: ChildProcess, log: string, url: string) {
    this.#child = child;
    process.on("exit", this.#killAtExit);
    this.#log = log;
    this.#url = url;
  }

  static async spawn(options: ServiceOptions): Promise<Service> {
    await mkdir(options.folder, { recursive: true });
    const port = await freePort();
    const config = path.join(options.folder, "config.yaml");
    await writeFile(config, stringify(configuration(options, port)));
    const file = path.join(options.folder, "service.log");
    const log = await open(file, "a");
    const main = path.join(projectRoot(), "dist", "src", "main.js");
    const roles = options.roles === undefined ? [] : ["--roles", options.roles];
    const command = ["serve", "-c", config, ...roles];
    const stdio: StdioOptions = ["ignore", log.fd, log.fd];
    const { nodeArguments = [] } = options;
    const child =
      nodeArguments.length === 0
        ? // As people start it: the file's first line gives Node its options.
          spawn(main, command, { stdio, cwd: options.folder })
        : spawn(process.execPath, [...nodeArguments, main, ...command], { stdio, cwd: options.folder });
    await log.close();
    return new Service(child, file, `http://127.0.0.1:${port}`);
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error("the service was not started");
    return this.#child.pid;
  }

  get cpuSeconds(): number {
    return cpuSecondsOf(this.pid);
  }

  get peakMb(): number {
    return peakMbOf(this.pid);
  }

  /** Resolves as soon as `/ready` answers 200. */
  async ready(): Promise<void> {
    await this.#until("ready", async () => (await fetch(`${this.#url}/ready`)).status === 200, 5);
  }

  /** The service's numbers; null while it does not answer yet. */
  async sample(): Promise<Sample | null> {
    try {
      const response = await fetch(`${this.#url}/metrics`);
      return response.ok ? readSample(await response.text()) : null;
    } catch {
      return null;
    }
  }

  /** Waits until a first fetch has been answered. Returns the last moment at which it had not been, and the CPU time then. */
  async reading(): Promise<{ readonly atMs: number; readonly cpuSeconds: number }> {
    let before = { atMs: performance.now(), cpuSeconds: this.cpuSeconds };
    await this.#until(
      "read",
      async () => {
        const now = { atMs: performance.now(), cpuSeconds: this.cpuSeconds };
        if ((await this.sample())?.reading === true) return true;
        before = now;
        return false;
      },
      10,
    );
    return before;
  }

  /** Waits until the service tells that all messages are stored, no matter what is evaluated. */
  async stored(topic: FilledTopic): Promise<void> {
    await this.#untilSample("store all messages", (sample) => sample.events >= topic.messages);
  }

  /**
   * Waits until all messages are stored and all windows evaluated, looks into the metrics table whether that is true, and
   * returns the moment at which it was.
   */
  async evaluated(topic: FilledTopic, storedHere = true): Promise<number> {
    const windows = topic.windows["1m"] + topic.windows["5m"];
    await this.#untilSample(
      "evaluate all windows",
      (sample) =>
        (!storedHere || sample.events >= topic.messages) &&
        sample.watermarkMs >= topic.closesAtMs &&
        sample.windows >= windows,
    );
    let reachedAt = performance.now();
    // A window that is evaluated in parts counts more than once, so the table has the last word.
    await this.#until(
      "write every window",
      async () => {
        const wasWhole = await this.#everyWindowIsWhole(topic);
        if (!wasWhole) reachedAt = performance.now() + checkEveryMs;
        return wasWhole;
      },
      checkEveryMs,
    );
    return reachedAt;
  }

  async #everyWindowIsWhole(topic: FilledTopic): Promise<boolean> {
    const rows = await this.sql(
      `SELECT window, toUInt32(uniqExact(window_start)) AS windows, toUInt32(sum(n)) AS events FROM metrics FINAL
       WHERE model = '${modelName}' AND subject = '${countedFeature}' AND metric = 'jensen-shannon' AND n > 0
         AND toUnixTimestamp64Milli(window_end) <= ${topic.closesAtMs} GROUP BY window`,
      z.object({ window: z.string(), windows: z.number(), events: z.number() }),
    );
    return Object.entries(topic.windows).every(([window, windows]) =>
      rows.some((row) => row.window === window && row.windows === windows && row.events === topic.events),
    );
  }

  async sql<Row>(query: string, row: z.ZodType<Row>): Promise<Row[]> {
    const response = await fetch(`${this.#url}/v1/sql`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ query, format: "JSONEachRow" }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${query}: ${response.status} ${text}`);
    const lines = text.split("\n").filter((line) => line.trim() !== "");
    return lines.map((line) => row.parse(JSON.parse(line)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    process.off("exit", this.#killAtExit);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = new Promise((resolve) => this.#child.once("exit", resolve));
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 30_000);
    await exited;
    clearTimeout(timer);
  }

  async #untilSample(aim: string, reached: (sample: Sample) => boolean): Promise<void> {
    await this.#until(
      aim,
      async () => {
        const sample = await this.sample();
        if (sample === null) return false;
        if (sample.deadLetters > 0) throw await this.#failure(`${sample.deadLetters} dead letters`);
        return reached(sample) || `${sample.events} events, ${sample.windows} windows, watermark ${sample.watermarkMs}`;
      },
      checkEveryMs,
    );
  }

  /** Asks again and again. A text that changes is progress; none for two minutes is the end. */
  async #until(aim: string, ask: () => Promise<boolean | string>, everyMs: number): Promise<void> {
    let progress = "";
    let progressAt = performance.now();
    for (;;) {
      const answer = await ask().catch((error: unknown) => {
        if (error instanceof TypeError) return false; // fetch: nobody listens yet
        throw error;
      });
      if (answer === true) return;
      if (this.#child.exitCode !== null || this.#child.signalCode !== null)
        throw await this.#failure("the service ended");
      if (typeof answer === "string" && answer !== progress) {
        progress = answer;
        progressAt = performance.now();
      }
      if (performance.now() - progressAt > patienceMs) {
        throw await this.#failure(`the service did not ${aim} (${progress})`);
      }
      await sleep(everyMs);
    }
  }

  async #failure(what: string): Promise<Error> {
    const log = await readFile(this.#log, "utf8").catch(() => "");
    return new Error(`${what}; the end of its log:\n${log.slice(-3000)}`);
  }
}

/** Everything that is not here has its default. */
function configuration(options: ServiceOptions, port: number): unknown {
  return {
    store: { embedded: path.join(options.folder, "data") },
    sources: [{ use: "kafka", brokers: options.brokers, topics: [options.topic], group: `bench-${port}` }],
    server: { port },
    // So that the last windows are not waited for longer than they take.
    evaluation: { every: "1s" },
    models: [{ name: modelName, task: "binary", reference: { file: options.reference }, windows: ["1m", "5m"] }],
  };
}

function readSample(text: string): Sample {
  const sum = (name: string): number | null => {
    let total: number | null = null;
    for (const line of text.split("\n")) {
      if (!line.startsWith(`${name}{`) && !line.startsWith(`${name} `)) continue;
      total = (total ?? 0) + Number(line.slice(line.lastIndexOf(" ") + 1));
    }
    return total;
  };
  const events = sum("driftline_events_total") ?? 0;
  return {
    events,
    deadLetters: sum("driftline_dead_letters_total") ?? 0,
    windows: sum("driftline_windows_evaluated_total") ?? 0,
    watermarkMs: (sum("driftline_watermark_seconds") ?? 0) * 1000,
    evaluationSeconds: sum("driftline_evaluation_duration_seconds_sum") ?? 0,
    reading: events > 0 || sum("driftline_kafka_lag_events") !== null,
  };
}

/** The same from the sources and from dist/. */
export function projectRoot(): string {
  let folder = import.meta.dirname;
  while (!existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder);
  return folder;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() =>
        address !== null && typeof address === "object" ? resolve(address.port) : reject(new Error("no port")),
      );
    });
  });
}
