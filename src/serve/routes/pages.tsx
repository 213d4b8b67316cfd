/** The page's routes: ask the store, render, answer a whole document. */
import type { ComponentChildren } from "preact";
import { z } from "zod";
import { isInForce, isStanding, readDecisions } from "../../alert/decisions.ts";
import type { WindowSpec } from "../../config/duration.ts";
import type { ModelConfig } from "../../config/schema.ts";
import { DriftlineError, type ErrorCode } from "../../core/errors.ts";
import { rebuiltSince } from "../../core/rebuild.ts";
import type { SubjectKind } from "../../core/summary.ts";
import { readRetrainings } from "../../deliver/retraining-store.ts";
import { readRebuilds } from "../../store/rebuilds.ts";
import type { ServeContext } from "../context.ts";
import { decisionsAbout } from "../page/decisions.tsx";
import { FeaturePage } from "../page/feature-page.tsx";
import { IncidentPage, IncidentsPage } from "../page/incident-pages.tsx";
import { type Frame, renderPage } from "../page/layout.tsx";
import { DeadLettersPage, TroublePage } from "../page/other-pages.tsx";
import { ModelPage, OverviewPage } from "../page/overview-page.tsx";
import { loadComparison } from "../queries/comparison.ts";
import { countByReason, countDeadLetters, selectDeadLetters } from "../queries/dead-letters.ts";
import { loadFairness } from "../queries/fairness.ts";
import { loadFeature } from "../queries/feature.ts";
import { loadGrid } from "../queries/grid.ts";
import { rebuildsOf, selectDeliveries, selectIncidentChanges, selectIncidents } from "../queries/incidents.ts";
import type { SeriesView } from "../queries/models.ts";
import { selectSeries } from "../queries/models.ts";
import { loadOnline } from "../queries/online.ts";
import { loadOverview, newestSeries } from "../queries/overview.ts";
import { loadPageTier } from "../queries/page-tier.ts";
import { loadSegmentKpis } from "../queries/segment-kpis.ts";
import { type Answer, getRoute, noInput } from "../route.ts";
import { unknownModel } from "./api.ts";

const GRID_WINDOWS = 12;
const HOUR = 3_600_000;

export function html(frame: Frame, children: ComponentChildren, status = 200): Answer {
  return { status, type: "text/html; charset=utf-8", body: renderPage(frame, children) };
}

/** The page that says what went wrong; asks nothing of the store. */
export function errorPage(status: number, code: ErrorCode, message: string): Answer {
  const shown = code === "store_unavailable" || status >= 500 ? "" : message;
  return html(
    { title: "Trouble", current: null, openIncidents: null, newestEvent: null },
    <TroublePage status={status} message={shown} />,
    status,
  );
}

/** Which window, version and variant is looked at. */
const choice = z.object({
  window: z.string().optional(),
  version: z.string().optional(),
  variant: z.string().optional(),
  at: z
    .string()
    .optional()
    .transform((text) => (text === undefined ? null : /^\d{1,15}$/.test(text) ? Number(text) : Date.parse(text)))
    .transform((ms) => (ms === null || Number.isFinite(ms) ? ms : null)),
});
type Choice = z.output<typeof choice>;

function modelOf(context: ServeContext, name: string): ModelConfig {
  const model = context.models.find((one) => one.name === name);
  if (model === undefined) throw unknownModel(context, name);
  return model;
}

/** The (series, window) that a choice means: what it names, else the newest. null where there is no result yet. */
function chosenSeries(model: ModelConfig, series: readonly SeriesView[], wanted: Choice): SeriesView | null {
  const matching = series.filter(
    (row) =>
      row.model === model.name &&
      (wanted.window === undefined || row.window === wanted.window) &&
      (wanted.version === undefined || row.version === wanted.version) &&
      (wanted.variant === undefined || row.variant === wanted.variant),
  );
  return newestSeries(model, matching);
}

/** The window as configured; one that is configured no more is still shown, by what its rows say. */
function windowOf(model: ModelConfig, name: string): WindowSpec {
  const known = model.windows.find((window) => window.name === name);
  return known ?? { name, kind: "count", events: Number.parseInt(name, 10) || 0 };
}

const overviewRoute = getRoute({
  path: "/",
  summary: "The overview.",
  audience: "page",
  produces: "text/html",
  params: noInput,
  query: noInput,
  async handle(context) {
    const overview = await loadOverview(context);
    const summary = overview.models.find((model) => model.series !== null) ?? null;
    const grid =
      summary === null || summary.series === null
        ? null
        : {
            summary,
            grid: await loadGrid(context.store.lane("serve"), summary.model, {
              series: summary.series,
              window: windowOf(summary.model, summary.window),
              referenceId: summary.referenceId,
              limit: GRID_WINDOWS,
            }),
          };
    const frame: Frame = {
      title: "Overview",
      current: "overview",
      openIncidents: overview.incidents.length,
      newestEvent: overview.newestEvent,
    };
    return html(
      frame,
      <OverviewPage overview={overview} grid={grid} detectors={context.detectors} publicUrl={context.publicUrl} />,
    );
  },
});

const modelRoute = getRoute({
  path: "/models/:model",
  summary: "One model: performance by window and its grid.",
  audience: "page",
  produces: "text/html",
  params: z.object({ model: z.string() }),
  query: choice,
  async handle(context, { params, query }) {
    const model = modelOf(context, params.model);
    const overview = await loadOverview(
      context,
      (row) => chosenSeries(model, [row], query) !== null || row.model !== model.name,
    );
    const summary = overview.models.find((one) => one.model === model);
    if (summary === undefined) throw unknownModel(context, params.model);
    const grid =
      summary.series === null
        ? null
        : await loadGrid(context.store.lane("serve"), model, {
            series: summary.series,
            window: windowOf(model, summary.window),
            referenceId: summary.referenceId,
            limit: GRID_WINDOWS,
          });
    const pageTier =
      summary.series === null ? null : await loadPageTier(context.store.lane("serve"), model, summary.series);
    const fairness =
      grid === null || model.fairness === undefined
        ? []
        : await loadFairness(context.store.lane("serve"), grid.series, grid.window.name, grid.columns);
    const bySegment =
      grid === null
        ? null
        : await loadSegmentKpis(context.store.lane("serve"), model, grid.series, grid.window.name, grid.columns);
    const online =
      grid === null
        ? []
        : await loadOnline(context.store.lane("serve"), model, grid.series, grid.window.name, grid.columns);
    const frame: Frame = {
      title: model.name,
      current: "overview",
      openIncidents: overview.incidents.length,
      newestEvent: overview.newestEvent,
    };
    return html(
      frame,
      <ModelPage
        summary={summary}
        grid={grid}
        pageTier={pageTier}
        comparison={await loadComparison(context.store.lane("serve"), model)}
        fairness={fairness}
        bySegment={bySegment}
        online={online}
        rebuilds={await readRebuilds(context.store.lane("serve"), model.name)}
        detectors={context.detectors}
        publicUrl={context.publicUrl}
      />,
    );
  },
});

async function featureAnswer(
  context: ServeContext,
  name: string,
  kind: "features" | "outputs",
  subject: string,
  query: Choice,
): Promise<Answer> {
  const model = modelOf(context, name);
  const lane = context.store.lane("serve");
  const series = await selectSeries(lane);
  const chosen = chosenSeries(model, series, query);
  if (chosen === null)
    throw new DriftlineError("not_found", `${model.name} has no results for this window and version yet`);
  const subjectKind: SubjectKind = kind === "features" ? "feature" : subject === "score" ? "score" : "prediction";
  const view = await loadFeature(lane, model, {
    series: { model: chosen.model, version: chosen.version, variant: chosen.variant },
    window: windowOf(model, chosen.window),
    referenceId: chosen.reference_id,
    subjectKind,
    subject,
    at: query.at,
  });
  if (view === null)
    throw new DriftlineError("not_found", `${model.name} has no ${kind.slice(0, -1)} ${subject.slice(0, 100)}`);
  const open = await selectIncidents(lane, { state: "open", limit: 200 });
  const newest = series.filter((row) => row.model === model.name).reduce((most, row) => Math.max(most, row.last_ms), 0);
  const frame: Frame = {
    title: `${subject} · ${model.name}`,
    current: "overview",
    openIncidents: open.length,
    newestEvent: newest || null,
  };
  return html(
    frame,
    <FeaturePage view={view} detectors={context.detectors} rebuilds={await readRebuilds(lane, model.name)} />,
  );
}

const kinds = z.enum(["features", "outputs"]);

const featureRoutes = [
  getRoute({
    path: "/models/:model/:kind/:subject",
    summary: "One feature or output: distribution and detectors.",
    audience: "page",
    produces: "text/html",
    params: z.object({ model: z.string(), kind: kinds, subject: z.string() }),
    query: choice,
    handle: (context, { params, query }) => featureAnswer(context, params.model, params.kind, params.subject, query),
  }),
  getRoute({
    path: "/models/:model/:kind",
    summary: "The same for names that no path can hold (`..`).",
    audience: "page",
    produces: "text/html",
    params: z.object({ model: z.string(), kind: kinds }),
    query: choice.extend({ name: z.string() }),
    handle: (context, { params, query }) => featureAnswer(context, params.model, params.kind, query.name, query),
  }),
];

const incidentRoutes = [
  getRoute({
    path: "/incidents",
    summary: "All incidents, open ones first.",
    audience: "page",
    produces: "text/html",
    params: noInput,
    query: z.object({ model: z.string().optional() }),
    async handle({ store, clock }, { query }) {
      const lane = store.lane("serve");
      const now = clock.now();
      const incidents = await selectIncidents(lane, { model: query.model, limit: 500 });
      const pending = await selectIncidents(lane, { model: query.model, state: "pending", limit: 50 });
      const decisions = (await readDecisions(lane)).filter(
        (decision) => isStanding(decision) && isInForce(decision, now),
      );
      const open = incidents.filter((incident) => incident.state !== "resolved").length;
      const frame: Frame = {
        title: "Incidents",
        current: "incidents",
        openIncidents: query.model === undefined ? open : null,
        newestEvent: null,
      };
      return html(frame, <IncidentsPage {...{ incidents, pending, decisions, now }} model={query.model ?? null} />);
    },
  }),
  getRoute({
    path: "/incidents/:incident",
    summary: "One incident.",
    audience: "page",
    produces: "text/html",
    params: z.object({ incident: z.string() }),
    query: noInput,
    async handle({ store, clock }, { params }) {
      const lane = store.lane("serve");
      const now = clock.now();
      const [newest, ...earlier] = await selectIncidentChanges(lane, params.incident);
      if (newest === undefined) throw new DriftlineError("not_found", "There is no such incident.");
      const deliveries = await selectDeliveries(lane, params.incident);
      const decisions = decisionsAbout(await readDecisions(lane), newest, now);
      const retrainings = await readRetrainings(lane, { incident_id: params.incident });
      const frame: Frame = { title: newest.title, current: "incidents", openIncidents: null, newestEvent: null };
      const rebuild = rebuiltSince(newest, rebuildsOf(newest, await readRebuilds(lane)));
      const about = { deliveries, decisions, retrainings, rebuild, now };
      return html(frame, <IncidentPage {...about} changes={[newest, ...earlier]} />);
    },
  }),
];

const deadLetterRoute = getRoute({
  path: "/dead-letters",
  summary: "The newest dead letters.",
  audience: "page",
  produces: "text/html",
  params: noInput,
  query: noInput,
  async handle({ store, clock }) {
    const lane = store.lane("serve");
    const letters = await selectDeadLetters(lane, 100);
    const counts = await countDeadLetters(lane, clock.now() - HOUR);
    const frame: Frame = { title: "Dead letters", current: "dead-letters", openIncidents: null, newestEvent: null };
    const reasons = await countByReason(lane, clock.now() - HOUR);
    return html(frame, <DeadLettersPage letters={letters} counts={counts} reasons={reasons} />);
  },
});

export const pageRoutes = [overviewRoute, modelRoute, ...featureRoutes, ...incidentRoutes, deadLetterRoute];
