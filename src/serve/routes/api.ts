/** The `/v1` routes: what the page shows, as strict JSON. */
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { z } from "zod";
import { DriftlineError } from "../../core/errors.ts";
import { incidentStates, modelsOf } from "../../core/incident.ts";
import { readRetrainings } from "../../deliver/retraining-store.ts";
import { checkFormat, checkReadOnly } from "../../store/read-only.ts";
import { readRebuilds } from "../../store/rebuilds.ts";
import { sql } from "../../store/sql.ts";
import type { ServeContext } from "../context.ts";
import { comparisonJson, loadComparison } from "../queries/comparison.ts";
import {
  incidentJson,
  rebuildJson,
  selectDeliveries,
  selectIncidentChanges,
  selectIncidents,
} from "../queries/incidents.ts";
import { metricJson, metricsFilter, selectMetrics } from "../queries/metrics.ts";
import { type SeriesView, selectEvents, selectSeries } from "../queries/models.ts";
import { newestSeries } from "../queries/overview.ts";
import { loadPageTier, pageTierJson } from "../queries/page-tier.ts";
import { retrainingJson } from "../queries/retrainings.ts";
import { selectUnknownModels } from "../queries/unknown-models.ts";
import {
  type Answer,
  errorAnswer,
  getRoute,
  jsonAnswer,
  noInput,
  postRoute,
  type RawInput,
  rawRoute,
} from "../route.ts";

const iso = (ms: number | null): string | null => (ms === null ? null : new Date(ms).toISOString());

/** What one model is, and how far each of its series is known. */
async function modelsJson(context: ServeContext): Promise<Record<string, unknown>[]> {
  const lane = context.store.lane("serve");
  const series = await selectSeries(lane);
  const events = await selectEvents(lane);
  const open = await selectIncidents(lane, { state: "open", limit: 10_000 });
  const rebuilds = (await readRebuilds(lane)).filter(({ state }) => state === "done");
  return context.models.map((model) => {
    const counted = events.find((row) => row.model === model.name);
    const rebuild = rebuilds.find((one) => one.model === model.name);
    return {
      model: model.name,
      task: model.task,
      owner: model.owner ?? null,
      // `labels` are the ground truth.
      model_labels: model.labels,
      windows: model.windows.map((window) => window.name),
      kpis: model.kpis.map((kpi) => ("use" in kpi ? kpi.use : kpi.name)),
      predictions: counted?.predictions ?? 0,
      labels: counted?.labels ?? 0,
      newest_event: iso(counted?.newest_ms ?? null),
      reference: context.references?.state(model.name) ?? null,
      epoch: rebuild?.epoch ?? 1,
      computed_again: rebuild === undefined ? null : rebuildJson(rebuild),
      open_incidents: open.filter((incident) => modelsOf(incident).includes(model.name)).length,
      series: series.filter((row) => row.model === model.name).map(seriesJson),
    };
  });
}

const seriesJson = (row: SeriesView): Record<string, unknown> => ({
  version: row.version,
  variant: row.variant,
  window: row.window,
  windows: row.windows,
  first_window_start: iso(row.first_ms),
  last_window_end: iso(row.last_ms),
  reference_id: row.reference_id,
});

const limit = (initial: number) =>
  z.coerce.number().int().min(1).max(10_000).default(initial).describe("Rows at most; the newest come first.");

const readRoutes = [
  getRoute({
    path: "/v1/models",
    summary: "All models, with their series and how far each is known.",
    audience: "api",
    produces: "application/json",
    params: noInput,
    query: noInput,
    handle: async (context) => jsonAnswer({ models: await modelsJson(context) }),
  }),
  getRoute({
    path: "/v1/models/:model",
    summary: "One model.",
    audience: "api",
    produces: "application/json",
    params: z.object({ model: z.string().describe("Name of the model.") }),
    query: noInput,
    async handle(context, { params }) {
      const found = (await modelsJson(context)).find((model) => model["model"] === params.model);
      if (found === undefined) throw unknownModel(context, params.model);
      return jsonAnswer(found);
    },
  }),
  getRoute({
    path: "/v1/models/:model/page-tier",
    summary:
      "The budget of false alarms, the evidence over time, what has changed and what is noticed, of one version and variant.",
    audience: "api",
    produces: "application/json",
    params: z.object({ model: z.string().describe("Name of the model.") }),
    query: z.object({
      version: z.string().optional().describe("Left out: the version with the newest results."),
      variant: z.string().optional().describe("Left out: that of the newest results."),
    }),
    async handle(context, { params, query }) {
      const model = context.models.find(({ name }) => name === params.model);
      if (model === undefined) throw unknownModel(context, params.model);
      const lane = context.store.lane("serve");
      const series = (await selectSeries(lane)).filter(
        (row) =>
          (query.version === undefined || row.version === query.version) &&
          (query.variant === undefined || row.variant === query.variant),
      );
      const newest = newestSeries(model, series);
      const tier = newest === null ? null : await loadPageTier(lane, model, newest);
      const { version = query.version ?? "", variant = query.variant ?? "" } = newest ?? {};
      const comparison = await loadComparison(lane, model);
      return jsonAnswer({
        model: model.name,
        version,
        variant,
        page_tier: tier === null ? null : pageTierJson(tier),
        comparison: comparison === null ? null : comparisonJson(comparison),
      });
    },
  }),
  getRoute({
    path: "/v1/metrics",
    summary: "Rows of the metrics table: drift, KPIs and their limits per window. Values are numbers or null.",
    audience: "api",
    produces: "application/json",
    params: noInput,
    query: metricsFilter,
    async handle({ store }, { query }) {
      const rows = await selectMetrics(store.lane("serve"), query);
      return jsonAnswer({ metrics: rows.slice(0, query.limit).map(metricJson), truncated: rows.length > query.limit });
    },
  }),
  getRoute({
    path: "/v1/incidents",
    summary: "Incidents as they are now: open ones first, the worst first.",
    audience: "api",
    produces: "application/json",
    params: noInput,
    query: z.object({
      state: z
        .enum(["open", ...incidentStates])
        .optional()
        .describe("`open` is all but pending and resolved; left out: all that have opened."),
      model: z.string().optional().describe("Name of a model."),
      limit: limit(100),
    }),
    async handle({ store }, { query }) {
      const lane = store.lane("serve");
      const incidents = await selectIncidents(lane, query);
      const rebuilds = await readRebuilds(lane);
      return jsonAnswer({ incidents: incidents.map((incident) => incidentJson(incident, rebuilds)) });
    },
  }),
  getRoute({
    path: "/v1/incidents/:incident",
    summary: "One incident with all its changes and deliveries.",
    audience: "api",
    produces: "application/json",
    params: z.object({ incident: z.string().describe("Id of the incident.") }),
    query: noInput,
    async handle({ store }, { params }) {
      const lane = store.lane("serve");
      const changes = await selectIncidentChanges(lane, params.incident);
      const [newest] = changes;
      if (newest === undefined)
        throw new DriftlineError("not_found", `there is no incident ${params.incident.slice(0, 80)}`);
      const deliveries = await selectDeliveries(lane, params.incident);
      const retrainings = await readRetrainings(lane, { incident_id: params.incident });
      return jsonAnswer({
        ...incidentJson(newest, await readRebuilds(lane)),
        changes: changes.map((change) => incidentJson(change, [])),
        retrainings: retrainings.map(retrainingJson),
        deliveries: deliveries.map(({ at_ms, due_ms, ...delivery }) => ({
          ...delivery,
          at: iso(at_ms),
          due_at: iso(due_ms),
        })),
      });
    },
  }),
];

/** The names of the models that there are, so that a typing error explains itself. */
export function unknownModel(context: ServeContext, model: string): DriftlineError {
  const known = context.models.map((one) => one.name).join(", ");
  return new DriftlineError("not_found", `there is no model ${model.slice(0, 100)}; the configuration has ${known}`);
}

const unknownModelsRoute = getRoute({
  path: "/v1/unknown-models",
  summary: "Models that events name and the configuration does not, with their features and what would watch them.",
  audience: "api",
  produces: "application/json",
  params: noInput,
  query: noInput,
  async handle({ store }) {
    const { models, more } = await selectUnknownModels(store.lane("serve"));
    const shown = models.map(({ first_ms, last_ms, ...rest }) => ({
      ...rest,
      first: iso(first_ms),
      last: iso(last_ms),
    }));
    return jsonAnswer({ models: shown, more });
  },
});

const eventsRoute = rawRoute({
  path: "/v1/events",
  summary:
    "Takes one event, an array of events, NDJSON or CloudEvents; answers after the rows are stored. `Idempotency-Key` makes a repeat safe.",
  audience: "api",
  produces: "application/json",
  async handle(context, raw): Promise<Answer> {
    if (context.ingest === null)
      return errorAnswer(
        503,
        "store_unavailable",
        "this process does not ingest; send events to one that has the role ingest",
      );
    const result = await context.ingest.accept({
      contentType: raw.headers.get("content-type") ?? "",
      body: await plainBody(raw),
      idempotencyKey: raw.headers.get("idempotency-key"),
      ...wireHeaders(raw.headers),
    });
    return jsonAnswer(result.body, result.status, result.headers ?? {});
  },
});

/** Attributes of a CloudEvent, and the id of a call; nothing else of a request goes further. */
function wireHeaders(headers: Headers): { headers?: Record<string, string> } {
  const found = [...headers].filter(([name]) => name.startsWith("ce-") || name === "x-request-id");
  return found.length === 0 ? {} : { headers: Object.fromEntries(found) };
}

const unzip = promisify(gunzip);
/** An unpacked body may be this long at most, however small it came in. */
const UNPACKED_BYTES = 64 * 1024 * 1024;

async function plainBody({ headers, body }: RawInput): Promise<Buffer> {
  const encoding = (headers.get("content-encoding") ?? "identity").toLowerCase();
  if (encoding === "identity") return body;
  if (encoding !== "gzip")
    throw new DriftlineError(
      "request_invalid",
      `content-encoding ${encoding.slice(0, 40)} is not understood; send gzip or none`,
    );
  try {
    return await unzip(body, { maxOutputLength: UNPACKED_BYTES });
  } catch (thrown) {
    throw new DriftlineError(
      "request_invalid",
      `the body is no gzip, or unpacks to more than ${UNPACKED_BYTES} bytes`,
      { cause: thrown },
    );
  }
}

const SQL_SECONDS = 30;
const SQL_MEMORY = 2 * 1024 ** 3;

const sqlRoute = postRoute({
  path: "/v1/sql",
  summary: "Runs one read-only query on the store and answers in ClickHouse's own format.",
  audience: "api",
  produces: "text/plain",
  body: z.strictObject({
    query: z.string().min(1).max(100_000).describe("One SELECT, WITH, SHOW, DESCRIBE, EXPLAIN or EXISTS."),
    format: z.string().default("JSONEachRow").describe("Output format of ClickHouse."),
  }),
  async handle({ store }, { body }) {
    const lane = store.lane("serve");
    const tableFunctions = await lane.query(
      sql`SELECT name FROM system.table_functions`,
      z.object({ name: z.string() }),
    );
    const statement = checkReadOnly(
      body.query,
      tableFunctions.map((row) => row.name),
    );
    const format = checkFormat(body.format);
    const text = await lane.text(statement, format, {
      readOnly: true,
      timeoutSeconds: SQL_SECONDS,
      memoryBytes: SQL_MEMORY,
    });
    return {
      status: 200,
      type: /^JSON$|^JSONCompact$/.test(format) ? "application/json" : "text/plain; charset=utf-8",
      body: text,
    };
  },
});

export const apiRoutes = [...readRoutes, unknownModelsRoute, eventsRoute, sqlRoute];
