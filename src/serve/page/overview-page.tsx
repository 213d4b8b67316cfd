/** The overview and a model's own view: what needs me, and what do I do? */
import type { MetricRow } from "../../core/metric.ts";
import type { Rebuild } from "../../core/rebuild.ts";
import type { DetectorWords } from "../context.ts";
import type { ComparisonView } from "../queries/comparison.ts";
import type { FeatureFairness } from "../queries/fairness.ts";
import type { Grid } from "../queries/grid.ts";
import type { OnlineLane } from "../queries/online.ts";
import type { ModelSummary, Overview } from "../queries/overview.ts";
import type { PageTierView } from "../queries/page-tier.ts";
import type { SegmentKpis } from "../queries/segment-kpis.ts";
import { ComparisonSection } from "./comparison-view.tsx";
import { ComputedAgain } from "./computed-again.tsx";
import { DriftGrid } from "./drift-grid.tsx";
import { FairnessTables } from "./fairness-table.tsx";
import { isEstimated, kpiName, percent, plural, range, seriesName } from "./format.ts";
import { type LaneData, Lanes, LaneTable } from "./lanes.tsx";
import { modelLink } from "./links.ts";
import { ModelsTable } from "./models-table.tsx";
import { OnlineSection } from "./online-section.tsx";
import { OutcomeNotes } from "./outcome-notes.tsx";
import { PageTierSection } from "./page-tier-view.tsx";
import { Blank, Head, Owner } from "./parts.tsx";
import { ReliabilityCurves } from "./reliability-curves.tsx";
import { SegmentKpiTables } from "./segment-kpis-table.tsx";
import { leadingKpis, Sentences, sentencesOf, sentencesOfModel } from "./sentences.tsx";
import { UnknownModelsSection } from "./unknown-models.tsx";

const GRID_FEATURES = 40;
const GRID_KPIS = 4;

type Detectors = ReadonlyMap<string, DetectorWords>;

interface OverviewProps {
  readonly overview: Overview;
  /** The grid of the worst model that has one. */
  readonly grid: { readonly summary: ModelSummary; readonly grid: Grid } | null;
  readonly detectors: Detectors;
  readonly publicUrl: string;
}

export function OverviewPage({ overview, grid, detectors, publicUrl }: OverviewProps) {
  const isEmpty = overview.newestEvent === null;
  return (
    <>
      <h1 class="visually-hidden">Overview</h1>
      <Sentences sentences={sentencesOf(overview)} />
      {isEmpty && <FirstRun model={overview.models[0] ?? null} publicUrl={publicUrl} />}
      <ModelsTable models={overview.models} />
      <UnknownModelsSection unknown={overview.unknown} />
      {grid !== null && (
        <>
          <DriftGrid
            grid={grid.grid}
            title={`${seriesName(grid.grid.series)}: features × windows`}
            metricTitle={titleOf(detectors, grid.grid.metric)}
            mostFeatures={GRID_FEATURES}
            kpis={leadingKpis(grid.summary.model, GRID_KPIS)}
          />
          <Foot />
        </>
      )}
    </>
  );
}

const titleOf = (detectors: Detectors, metric: string): string => detectors.get(metric)?.title ?? metric;

function FirstRun({ model, publicUrl }: { readonly model: ModelSummary | null; readonly publicUrl: string }) {
  const name = model?.model.name ?? "my-model";
  const prediction = model?.model.task === "regression" ? "12.5" : '"1"';
  return (
    <section>
      <Blank title={`Waiting for the first event of ${name}`}>
        <p class="quiet">Nothing has come yet. Send one event to see it counted here:</p>
        <pre tabIndex={0}>
          {`curl -X POST ${publicUrl}/v1/events -H 'content-type: application/json' \\
  -d '{"type":"prediction","id":"a1","model":"${name}","timestamp":"2026-01-01T00:00:00Z",
       "features":{"amount":12.5},"prediction":${prediction}}'`}
        </pre>
        <p class="small quiet gap">Windows and verdicts appear once a window has closed and holds enough events.</p>
      </Blank>
    </section>
  );
}

function Foot() {
  return (
    <p class="foot">
      Times are event times in UTC. “Noise 99 %” is what a window of this size shows by chance alone when nothing has
      changed. “Too few” and “no labels” are no verdict: such a window is neither green nor zero. An open window is not
      shown until it has closed.
    </p>
  );
}

interface ModelProps {
  readonly summary: ModelSummary;
  readonly grid: Grid | null;
  readonly pageTier: PageTierView | null;
  /** null where the model has no champion and challenger. */
  readonly comparison: ComparisonView | null;
  /** By feature that names groups; none where the model's fairness is not watched. */
  readonly fairness: readonly FeatureFairness[];
  /** null where nothing is known by segment. */
  readonly bySegment: SegmentKpis | null;
  /** Online detectors of the whole model; none where it lists none. */
  readonly online: readonly OnlineLane[];
  /** The newest first. */
  readonly rebuilds: readonly Rebuild[];
  readonly detectors: Detectors;
  readonly publicUrl: string;
}

/** One model: its sentences, its KPIs on one time axis, and its grid. */
export function ModelPage(props: ModelProps) {
  const { summary, grid, pageTier, comparison, fairness, bySegment, online, rebuilds, detectors, publicUrl } = props;
  const { model, series } = summary;
  return (
    <>
      <p class="crumbs">
        <a href="/">Models</a> / {model.name}
      </p>
      <h1>
        {series === null ? model.name : seriesName(series)} <span class="quiet">{model.task}</span>
      </h1>
      <Owner of={model} />
      <Choices summary={summary} />
      <ComputedAgain rebuilds={rebuilds} />
      <Sentences sentences={sentencesOfModel(summary)} />
      {grid === null || series === null ? (
        <FirstRun model={summary} publicUrl={publicUrl} />
      ) : (
        <>
          {pageTier !== null && <PageTierSection tier={pageTier} series={series} />}
          {comparison !== null && <ComparisonSection comparison={comparison} />}
          <Outcome grid={grid} />
          <OnlineSection lanes={online} columns={grid.columns} detectors={detectors} />
          <ReliabilityCurves grid={grid} />
          <SegmentKpiTables kpis={bySegment} />
          <FairnessTables features={fairness} columns={grid.columns} />
          <DriftGrid
            grid={grid}
            title="Features × windows"
            metricTitle={titleOf(detectors, grid.metric)}
            mostFeatures={1000}
            kpis={leadingKpis(model, GRID_KPIS)}
          />
          <Foot />
        </>
      )}
    </>
  );
}

/** KPIs of the grid's windows on one time axis; nothing where it has none. */
export function Outcome({ grid }: { readonly grid: Grid }) {
  const lanes: LaneData[] = grid.kpis.map((row) => {
    const newest = row.cells.findLast((cell) => cell !== null);
    return {
      metric: row.metric,
      title: kpiName(row.metric),
      note: outcomeNote(row.metric, newest ?? null),
      cells: row.cells,
      isKpi: true,
    };
  });
  if (lanes.length === 0) return null;
  const first = grid.columns[0];
  const last = grid.columns.at(-1);
  return (
    <section id="outcome">
      <Head
        title="Performance by window"
        note={`${plural(grid.columns.length, "window")} of ${grid.window.name}${first && last ? `, ${range(first.start, last.end)}` : ""} · orange dashes: limit, whiskers: 95 %`}
      />
      <OutcomeNotes grid={grid} />
      <Lanes columns={grid.columns} lanes={lanes} chosen={null} />
      <LaneTable columns={grid.columns} lanes={lanes} title="These values as a table" />
    </section>
  );
}

function outcomeNote(metric: string, newest: MetricRow | null): string {
  if (isEstimated(metric)) return "estimated before labels";
  return newest === null ? "realised" : `realised, ${percent(newest.coverage, 0)} labelled`;
}

/** Windows and versions to choose from: links, so that every choice has an address. */
function Choices({ summary }: { readonly summary: ModelSummary }) {
  const { model, series, allSeries } = summary;
  if (series === null) return null;
  const windows = model.windows.map((window) => window.name);
  const versions = [...new Map(allSeries.map((row) => [`${row.version}\0${row.variant}`, row])).values()];
  const here = { version: series.version, variant: series.variant };
  return (
    <p class="choices">
      {windows.length > 1 && (
        <span>
          Window:{" "}
          {windows.map((window) => (
            <a
              href={modelLink(model.name, { ...here, window })}
              aria-current={window === summary.window ? "true" : undefined}
            >
              {window}
            </a>
          ))}
        </span>
      )}
      {versions.length > 1 && (
        <span>
          Version:{" "}
          {versions.map((row) => (
            <a
              href={modelLink(model.name, { window: summary.window, version: row.version, variant: row.variant })}
              aria-current={row.version === series.version && row.variant === series.variant ? "true" : undefined}
            >
              {[row.version || "none", row.variant].filter(Boolean).join(" ")}
            </a>
          ))}
        </span>
      )}
    </p>
  );
}
