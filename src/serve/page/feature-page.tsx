/** The feature view: what changed, and is it real? */
import { shareRows } from "../../core/distribution.ts";
import type { MetricRow } from "../../core/metric.ts";
import type { Rebuild } from "../../core/rebuild.ts";
import type { ReferenceSubject } from "../../core/summary.ts";
import type { DetectorWords } from "../context.ts";
import type { FeatureView } from "../queries/feature.ts";
import { detailNumber, noiseOf } from "../queries/rows.ts";
import type { WindowCounts } from "../queries/window-counts.ts";
import { ComputedAgain } from "./computed-again.tsx";
import { Distribution } from "./distribution-view.tsx";
import { absence } from "./drift-grid.tsx";
import { day, isShare, limitText, percent, range, seriesName, trimmed, valueText, whole } from "./format.ts";
import { type LaneData, Lanes, LaneTable } from "./lanes.tsx";
import { modelLink } from "./links.ts";
import { TierState } from "./notices-view.tsx";
import { Blank, Head, SqlOf, StateWord, shownLiteral } from "./parts.tsx";
import { WindowStrip } from "./window-strip.tsx";

interface Props {
  readonly view: FeatureView;
  readonly detectors: ReadonlyMap<string, DetectorWords>;
  /** Of the model, the newest first. */
  readonly rebuilds: readonly Rebuild[];
}

export function FeaturePage({ view, detectors, rebuilds }: Props) {
  const { model, series, window, subject, subjectKind, columns, chosen, reference } = view;
  const column = columns[chosen];
  const counts = column === undefined ? null : (view.counts.get(column.start) ?? null);
  const lanes = lanesOf(view, detectors);
  return (
    <>
      <p class="crumbs">
        <a href="/">Models</a> /{" "}
        <a href={modelLink(model.name, { window: window.name, version: series.version, variant: series.variant })}>
          {seriesName(series)}
        </a>{" "}
        / {subjectKind === "feature" ? "features" : "outputs"}
      </p>
      <h1>
        <span class="subject">{subject}</span> <span class="quiet">{reference === null ? "" : shape(reference)}</span>
      </h1>
      <Lead view={view} counts={counts} />
      <ComputedAgain rebuilds={rebuilds} />
      {view.tiers !== null && <TierState tiers={view.tiers} />}
      <section>
        <Head
          title={columns.length === 1 ? "One window" : `${columns.length} windows`}
          note="wide grey bar: reference, narrow blue bar: the window · choose one"
        />
        <WindowStrip view={view} />
      </section>
      <section class="columns">
        <div>
          <Head
            title={`Window ${chosen + 1} over the reference`}
            note={
              column === undefined ? undefined : `${range(column.start, column.end)}, ${whole(counts?.n ?? 0)} events`
            }
            sql="window-sql"
          />
          {reference !== null && counts !== null ? (
            <Distribution subject={subject} reference={reference} counts={counts} />
          ) : (
            <NoCounts reference={reference} present={column?.present ?? false} />
          )}
          <SqlOf id="window-sql" title="SQL of these counts" text={countsSql(view)} />
        </div>
        <div>
          <Head title="Evidence" />
          <Evidence view={view} counts={counts} />
        </div>
      </section>
      {lanes.length > 0 && (
        <section>
          <Head
            title="Detectors and their limits"
            note="orange dashes: limit, grey: what chance alone shows"
            sql="lanes-sql"
          />
          <Lanes columns={columns} lanes={lanes} chosen={chosen} />
          <LaneTable columns={columns} lanes={lanes} title="These values as a table" />
          <SqlOf id="lanes-sql" title="SQL of these values" text={lanesSql(view)} />
        </section>
      )}
    </>
  );
}

const shape = (reference: ReferenceSubject): string =>
  reference.kind === "numeric"
    ? `numeric, ${trimmed(reference.minimum)} to ${trimmed(reference.maximum)} in the reference`
    : `${reference.categories.length} values in the reference`;

function lanesOf(view: FeatureView, detectors: Props["detectors"]): LaneData[] {
  return view.lanes.map((lane) => {
    const words = detectors.get(lane.metric);
    return {
      metric: lane.metric,
      title: words?.title ?? lane.metric,
      note: words?.unit ?? "",
      cells: lane.cells,
      isKpi: false,
    };
  });
}

function NoCounts({ reference, present }: { readonly reference: ReferenceSubject | null; readonly present: boolean }) {
  if (reference === null)
    return (
      <Blank title="No reference">
        <p class="quiet">There is nothing to compare with: give the model a reference file that has this feature.</p>
      </Blank>
    );
  return (
    <Blank title={present ? "No counts of this window" : "No events in this window"}>
      <p class="quiet">
        {present
          ? "Its events are past retention, or it has not been summarised yet."
          : "Nothing came in this time, so there is nothing to compare."}
      </p>
    </Blank>
  );
}

/** One sentence: how far the chosen window moved, and by which value most. */
function Lead({ view, counts }: { readonly view: FeatureView; readonly counts: WindowCounts | null }) {
  const column = view.columns[view.chosen];
  const lane = view.lanes[0];
  const cell = lane?.cells[view.chosen] ?? null;
  if (column === undefined || lane === undefined) return <p class="lead quiet">No window has been compared yet.</p>;
  if (cell?.value === undefined || cell.value === null)
    return (
      <p class="lead">
        <StateWord state="none">{absence(cell, false)[0] === "–" ? "no events" : absence(cell, false)[0]}</StateWord>{" "}
        {absence(cell, false)[1]}.
      </p>
    );
  const amount = isShare(lane.metric)
    ? `${valueText(lane.metric, cell.value)} of events`
    : `${valueText(lane.metric, cell.value)} (${lane.metric})`;
  return (
    <p class="lead">
      <StateWord state={cell.breached ? "attention" : "steady"}>{cell.breached ? "moved" : "steady"}</StateWord> In the
      window to {day(column.end)}, <b>{amount}</b>
      {isShare(lane.metric) ? " sit in another value than in the reference" : " from the reference"}
      {cell.breached && counts !== null && view.reference !== null ? mostMoved(view.reference, counts) : "."}{" "}
      <span class="quiet">{limitWords(cell)}</span>
    </p>
  );
}

function limitWords(cell: MetricRow): string {
  const noise = noiseOf(cell);
  const chance = noise === null ? "" : `Chance alone shows up to ${valueText(cell.metric, noise)}. `;
  return `${chance}${cell.threshold === null ? "" : `The limit is ${limitText(cell.metric, cell.threshold)}.`}`;
}

function mostMoved(reference: ReferenceSubject, counts: WindowCounts): string {
  if (reference.kind === "numeric") return ".";
  const [most] = shareRows(reference, counts, 1).toSorted((a, b) => Math.abs(b.change) - Math.abs(a.change));
  if (most === undefined || most.kind === "others") return ".";
  const name = most.kind === "category" ? most.label : most.kind === "new" ? "new values" : most.kind;
  return `: ${name} holds ${percent(most.window)} instead of ${percent(most.reference)}.`;
}

function Evidence({ view, counts }: { readonly view: FeatureView; readonly counts: WindowCounts | null }) {
  const lane = view.lanes[0];
  const cell = lane?.cells[view.chosen] ?? null;
  const breached = lane?.cells.flatMap((one) => (one?.breached === true ? [one] : [])) ?? [];
  const judged = lane?.cells.filter((one) => one?.status === "ok").length ?? 0;
  const { reference } = view;
  const noise = cell === null ? null : noiseOf(cell);
  return (
    <dl class="facts">
      {lane !== undefined && (
        <>
          <dt>{isShare(lane.metric) ? "Moved in this window" : `${lane.metric} in this window`}</dt>
          <dd>
            {cell?.value === undefined || cell.value === null ? "–" : valueText(lane.metric, cell.value)}
            <small>{noise === null ? absenceNote(cell) : `noise 99 %: ${valueText(lane.metric, noise)}`}</small>
          </dd>
          <BeyondChance cell={cell} />
          <dt>Windows above the limit</dt>
          <dd>
            {breached.length} of {judged}
            <small>{breached[0] === undefined ? "none" : `first closed ${day(breached[0].window_end)}`}</small>
          </dd>
        </>
      )}
      <dt>Events in this window</dt>
      <dd>
        {whole(counts?.n ?? cell?.n ?? 0)}
        {reference !== null && <small>reference: {whole(reference.n)} rows</small>}
      </dd>
      {reference !== null && counts !== null && <Rates reference={reference} counts={counts} />}
    </dl>
  );
}

/** What is left of a value when what chance shows on average is taken off, beside the least that matters. */
function BeyondChance({ cell }: { readonly cell: MetricRow | null }) {
  if (cell === null || cell.value === null) return null;
  const expected = detailNumber(cell.detail, "expected");
  const least = detailNumber(cell.detail, "least");
  if (expected === null || least === null) return null;
  return (
    <>
      <dt>Corrected for chance</dt>
      <dd>
        {valueText(cell.metric, Math.max(0, cell.value - expected))}
        <small>chance shows {valueText(cell.metric, expected)} on average</small>
      </dd>
      <dt>Least that matters</dt>
      <dd>
        {limitText(cell.metric, least)}
        <small>a breach exceeds this and the noise</small>
      </dd>
    </>
  );
}

const absenceNote = (cell: MetricRow | null): string =>
  cell?.value === null || cell === null ? absence(cell, false)[1] : "";

function Rates({ reference, counts }: { readonly reference: ReferenceSubject; readonly counts: WindowCounts }) {
  const share = (count: number, n: number) => (n > 0 ? percent(count / n) : "–");
  return (
    <>
      <dt>Missing</dt>
      <dd>
        {share(counts.missing, counts.n)}
        <small>reference: {share(reference.missing, reference.n)}</small>
      </dd>
      {counts.invalid > 0 && (
        <>
          <dt>Of another type</dt>
          <dd>
            {share(counts.invalid, counts.n)}
            <small>reference: {share(reference.invalid, reference.n)}</small>
          </dd>
        </>
      )}
      {reference.kind === "numeric" && (
        <>
          <dt>Median</dt>
          <dd>
            {medianText(counts.bins, reference)}
            <small>reference: {medianText(reference.bins, reference)}</small>
          </dd>
          <dt>Range</dt>
          <dd>
            {counts.minimum === null || counts.maximum === null
              ? "–"
              : `${trimmed(counts.minimum)} to ${trimmed(counts.maximum)}`}
            <small>
              reference: {trimmed(reference.minimum)} to {trimmed(reference.maximum)}
            </small>
          </dd>
        </>
      )}
    </>
  );
}

/** The upper edge of the bin in which half of the rows are passed: exact to the width of that bin. */
function medianText(bins: readonly number[], reference: ReferenceSubject): string {
  const total = bins.reduce((sum, count) => sum + count, 0);
  let passed = 0;
  for (const [index, count] of bins.entries()) {
    passed += count;
    if (total > 0 && passed >= total / 2) {
      const edge = reference.edges[index];
      return edge === undefined ? `above ${trimmed(reference.maximum)}` : trimmed(edge);
    }
  }
  return "–";
}

function lanesSql({ series, window, subjectKind, subject }: FeatureView): string {
  return `select metric, window_start, window_end, value, threshold, breached, n, status, detail
from metrics final
where model = ${shownLiteral(series.model)} and version = ${shownLiteral(series.version)} and variant = ${shownLiteral(series.variant)} and segment = ''
  and window = ${shownLiteral(window.name)} and subject_kind = ${shownLiteral(subjectKind)} and subject = ${shownLiteral(subject)}
order by metric, window_start`;
}

function countsSql({ series, subjectKind, subject, columns, chosen }: FeatureView): string {
  const column = columns[chosen];
  const time = (ms: number) => `fromUnixTimestamp64Milli(${ms}, 'UTC')`;
  return `select pane, pane_start, n, missing, invalid, bins
from pane_summaries final
where model = ${shownLiteral(series.model)} and version = ${shownLiteral(series.version)} and variant = ${shownLiteral(series.variant)} and segment = ''
  and subject_kind = ${shownLiteral(subjectKind)} and subject = ${shownLiteral(subject)}
  and pane_start >= ${time(column?.start ?? 0)} and pane_start < ${time(column?.end ?? 0)}
order by pane, pane_start`;
}
