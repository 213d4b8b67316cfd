/**
 * A scenario: the whole application in this process, on a configuration as a person would write it, a fresh embedded folder and a
 * clock that is set by hand. Events go in as the lines a source would hand over; what comes out is read where users read it.
 */
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { z } from "zod";
import { loadConfig } from "../../src/config/load.ts";
import { secretsOf } from "../../src/config/redact.ts";
import type { MetricRow } from "../../src/core/metric.ts";
import { metricsFilter, selectMetrics } from "../../src/serve/queries/metrics.ts";
import { detailOf } from "../../src/serve/queries/rows.ts";
import { type App, createApp } from "../../src/service/app.ts";
import { sql, time, written } from "../../src/store/sql.ts";
import { createLog } from "../../src/telemetry/log.ts";
import { type HttpReceiver, startHttpReceiver } from "./http-receiver.ts";
import { clockAt } from "./ingest.ts";

export interface ScenarioOptions {
  /** YAML without `store` and `server`. `${HOOK}` is the address of a receiver of webhooks. */
  readonly config: string;
  /** Files beside the configuration, by name. */
  readonly files?: Readonly<Record<string, string>>;
  /** What the clock shows at the start, ISO 8601. */
  readonly now: string;
  readonly environment?: Readonly<Record<string, string>>;
}

export interface PushOptions {
  /** Offset of the first line; left out: after the last of the (source, partition). */
  readonly offset?: number;
  readonly partition?: number;
  readonly source?: string;
}

const deadLetter = z.object({
  source: z.string(),
  partition: z.number(),
  offset: z.number(),
  reason: z.string(),
  detail: z.string(),
  raw: z.string(),
});

const member = z.looseObject({
  rule: z.string(),
  subject: z.string(),
  metric: z.string(),
  value: z.number().nullable(),
  firing: z.boolean(),
  data_missing: z.boolean(),
});
const incident = z.looseObject({ incident_id: z.string(), state: z.string(), members: z.array(member) });
const message = z.object({
  type: z.string(),
  data: z.looseObject({
    title: z.string(),
    incident: z.looseObject({ id: z.string(), state: z.string(), members: z.array(member) }),
  }),
});

/** What to look for, as in `GET /v1/metrics`: times as ISO 8601. */
export type MetricsQuery = Partial<z.input<typeof metricsFilter>>;
export type Message = z.output<typeof message>;
export type Answer = { readonly status: number; readonly text: string };

export class Scenario implements AsyncDisposable {
  readonly clock;
  /** Lines of the log since the start, across restarts. */
  readonly log: string[] = [];
  readonly #folder: string;
  readonly #options: ScenarioOptions;
  readonly #receiver: HttpReceiver;
  readonly #offsets = new Map<string, number>();
  #app: App | null = null;

  private constructor(folder: string, receiver: HttpReceiver, options: ScenarioOptions) {
    this.#folder = folder;
    this.#receiver = receiver;
    this.#options = options;
    this.clock = clockAt(options.now);
  }

  /** One scenario at a time in a process: the engine holds one folder. */
  static async open(options: ScenarioOptions): Promise<Scenario> {
    const folder = await mkdtemp(path.join(os.tmpdir(), "driftline-scenario-"));
    const scenario = new Scenario(folder, await startHttpReceiver(), options);
    try {
      await scenario.write({
        ...options.files,
        "driftline.yaml": `${options.config}\nstore: { embedded: ./data }\nserver: { port: 0 }\n`,
      });
      await scenario.#start();
    } catch (thrown) {
      await scenario[Symbol.asyncDispose]();
      throw thrown;
    }
    return scenario;
  }

  /** Writes files beside the configuration. */
  async write(files: Readonly<Record<string, string>>): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const [file, text] of Object.entries(files)) await writeFile(path.join(this.#folder, file), text);
  }

  get app(): App {
    if (this.#app === null) throw new Error("the application is not running");
    return this.#app;
  }

  get url(): string {
    return this.app.url();
  }

  async #start(): Promise<void> {
    const environment = { HOOK: this.#receiver.url, ...this.#options.environment };
    const config = loadConfig(path.join(this.#folder, "driftline.yaml"), { environment });
    const destination = { write: (line: string) => void this.log.push(line) };
    const log = createLog({ level: "debug", secrets: secretsOf(config), clock: this.clock, destination });
    // Without the roles that act by themselves: evaluation and delivery happen when the test asks.
    this.#app = await createApp(config, { roles: ["ingest", "web"], clock: this.clock, log });
    await this.#app.start();
  }

  async #stop(): Promise<void> {
    const app = this.#app;
    this.#app = null;
    await app?.stop();
  }

  /** Stops the application and starts it anew on the same folder. */
  async restart(): Promise<void> {
    await this.#stop();
    await this.#start();
  }

  /** Stores the lines as one batch, as of the clock's time. */
  async push(
    lines: readonly (string | Buffer)[],
    { offset, partition = 0, source = "kafka:events:t1" }: PushOptions = {},
  ): Promise<void> {
    const key = `${partition} ${source}`;
    const first = offset ?? this.#offsets.get(key) ?? 0;
    this.#offsets.set(key, Math.max(this.#offsets.get(key) ?? 0, first + lines.length));
    const { writer } = this.app.ingestion;
    await writer.push(
      lines.map((line, index) => ({
        source,
        partition,
        offset: first + index,
        value: typeof line === "string" ? Buffer.from(line) : line,
      })),
    );
    await writer.flush();
    // The engine stamps a batch with its own clock; a partition's idle time must count from the time that the test has set.
    await this.app.store
      .lane("control")
      .command(
        sql`ALTER TABLE positions UPDATE seen_at = ${time(this.clock.now())} WHERE source = ${source} AND partition = ${partition} SETTINGS mutations_sync = 2`,
      );
  }

  /** One round of evaluation and delivery; `final` closes the last windows too. `at` sets the clock before. */
  async evaluate({ final = false, at }: { readonly final?: boolean; readonly at?: string } = {}): Promise<void> {
    if (at !== undefined) this.clock.set(at);
    await this.app.evaluate(final);
    await this.app.deliver();
  }

  /** The newest revision of metric rows, in the order of their windows. */
  metrics(filter: MetricsQuery = {}): Promise<MetricRow[]> {
    return this.#metrics(filter, "false");
  }

  /** Every revision, in the order of windows and revisions. */
  history(filter: MetricsQuery = {}): Promise<MetricRow[]> {
    return this.#metrics(filter, "true");
  }

  async #metrics(filter: MetricsQuery, history: "true" | "false"): Promise<MetricRow[]> {
    const rows = await selectMetrics(
      this.app.store.lane("serve"),
      metricsFilter.parse({ limit: 100_000, ...filter, history }),
    );
    return rows.sort(
      (a, b) => a.window_start - b.window_start || a.window_end - b.window_end || a.revision - b.revision,
    );
  }

  deadLetters(): Promise<z.output<typeof deadLetter>[]> {
    return this.rows(
      "SELECT source, partition, offset, reason, detail, raw FROM dead_letters FINAL ORDER BY source, partition, offset, item",
      deadLetter,
    );
  }

  /** Incidents as the API shows them. */
  async incidents(): Promise<z.output<typeof incident>[]> {
    return z.object({ incidents: z.array(incident) }).parse(await this.json("/v1/incidents")).incidents;
  }

  /** What the webhook channel has received so far. */
  messages(): Message[] {
    return this.#receiver.requests.map((request) => message.parse(JSON.parse(request.body)));
  }

  rows<Row>(statement: string, row: z.ZodType<Row>): Promise<Row[]> {
    return this.app.store.lane("control").query(written(statement), row);
  }

  async get(route: string): Promise<Answer> {
    const response = await fetch(this.url + route);
    return { status: response.status, text: await response.text() };
  }

  /** The body of a GET that must succeed. */
  async text(route: string): Promise<string> {
    const { status, text } = await this.get(route);
    if (status !== 200) throw new Error(`GET ${route}: ${status} ${text.slice(0, 400)}`);
    return text;
  }

  async json(route: string): Promise<unknown> {
    return JSON.parse(await this.text(route));
  }

  async post(route: string, body: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const response = await fetch(this.url + route, { method: "POST", body, headers });
    return { status: response.status, text: await response.text() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stop();
    await this.#receiver[Symbol.asyncDispose]();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A key of a row's `detail`. */
export const detail = (row: MetricRow | undefined, key: string): unknown =>
  row === undefined ? undefined : detailOf(row.detail).get(key);

/** 10:05 of the day that the field cases happen on, as ISO 8601; hours and minutes may overflow. */
export const at = (hour: number, minute = 0, second = 0): string =>
  new Date(Date.UTC(2026, 2, 2, hour, minute, second)).toISOString();
