/** The features × windows grid: KPIs on top, then prediction and score, then features by their largest move. */
import type { MetricRow } from "../../core/metric.ts";
import type { Grid, GridRow, WindowColumn } from "../queries/grid.ts";
import { reasonOf } from "../queries/rows.ts";
import {
  cellText,
  columnHead,
  isEstimated,
  isShare,
  kpiName,
  limitText,
  NBSP,
  plural,
  range,
  valueText,
  whole,
} from "./format.ts";
import { modelLink, subjectLink } from "./links.ts";
import { Head, Scroll, SqlOf, shownLiteral } from "./parts.tsx";

interface GridProps {
  readonly grid: Grid;
  readonly title: string;
  /** Detector's title for the note. */
  readonly metricTitle: string;
  readonly mostFeatures: number;
  readonly kpis: readonly string[];
}

export function DriftGrid({ grid, title, metricTitle, mostFeatures, kpis }: GridProps) {
  const shown = grid.features.slice(0, mostFeatures);
  const hidden = grid.features.length - shown.length;
  const kpiRows = grid.kpis.filter((row) => kpis.includes(row.metric));
  const unit = isShare(grid.metric) ? "% moved" : metricTitle.toLowerCase();
  const span = grid.columns.length + 3;
  return (
    <section>
      <Head title={title} note={`${windowWords(grid)}, ordered by their largest move`} sql="grid-sql" />
      <Scroll label="Features and windows">
        <table class={`grid${grid.columns.length > 8 ? " many" : ""}`} aria-describedby="grid-key">
          <caption class="visually-hidden">
            {metricTitle} of each feature against the reference, for each window of {grid.window.name}
          </caption>
          <colgroup>
            <col class="name" />
            <col class="kind" />
            {grid.columns.map(() => (
              <col />
            ))}
            <col class="noise" />
          </colgroup>
          <GridHead columns={grid.columns} />
          <tbody>
            {kpiRows.length > 0 && <Part span={span} title="Outcome" />}
            {kpiRows.map((row) => (
              <KpiLine grid={grid} metric={row.metric} cells={row.cells} />
            ))}
            {grid.outputs.length > 0 && <Part span={span} title={`Model output, ${unit}`} />}
            {grid.outputs.map((row) => (
              <SubjectLine grid={grid} row={row} />
            ))}
            {shown.length > 0 && <Part span={span} title={`Features, ${unit}`} />}
            {shown.map((row) => (
              <SubjectLine grid={grid} row={row} />
            ))}
          </tbody>
        </table>
      </Scroll>
      {hidden > 0 && (
        <p class="small quiet">
          {plural(hidden, "more feature")} moved less. <a href={modelLink(grid.series.model)}>See all</a>
        </p>
      )}
      <Key grid={grid} metricTitle={metricTitle} />
      <SqlOf id="grid-sql" title="SQL of this grid" text={gridSql(grid, kpis)} />
    </section>
  );
}

function windowWords({ window }: Grid): string {
  return window.kind === "count" ? `${whole(window.events)} events a window` : `windows of ${window.name}`;
}

function GridHead({ columns }: { readonly columns: readonly WindowColumn[] }) {
  return (
    <thead>
      <tr>
        <th class="l" scope="col">
          window
          <span>
            <br />
            closed
          </span>
        </th>
        <td class="kind" />
        {columns.map((column) => {
          const [top, below] = columnHead(column.start, column.end);
          return (
            <th scope="col">
              <b>{top}</b>
              <span>{below}</span>
            </th>
          );
        })}
        <th class="noise r" scope="col">
          noise
          <br />
          99 %
        </th>
      </tr>
    </thead>
  );
}

function Part({ span, title }: { readonly span: number; readonly title: string }) {
  return (
    <tr class="part">
      <th colSpan={span} scope="colgroup">
        {title}
      </th>
    </tr>
  );
}

interface KpiLineProps {
  readonly grid: Grid;
  readonly metric: string;
  readonly cells: readonly (MetricRow | null)[];
}

function KpiLine({ grid, metric, cells }: KpiLineProps) {
  const limit = cells.findLast((cell) => cell?.threshold !== null && cell !== null)?.threshold ?? null;
  return (
    <tr>
      <th scope="row">{kpiName(metric)}</th>
      <td class="kind">
        {limit === null ? (isEstimated(metric) ? "estimated" : "realised") : `limit ${limitText(metric, limit)}`}
      </td>
      {cells.map((cell, index) => (
        <KpiCell grid={grid} metric={metric} cell={cell} column={grid.columns[index]} />
      ))}
      <td class="noise" />
    </tr>
  );
}

interface CellProps {
  readonly grid: Grid;
  readonly metric: string;
  readonly cell: MetricRow | null;
  readonly column: WindowColumn | undefined;
}

function KpiCell({ grid, metric, cell, column }: CellProps) {
  const when = column === undefined ? "" : range(column.start, column.end);
  if (cell?.value === undefined || cell.value === null) {
    const [word, spoken] = absence(cell, true);
    return (
      <td class="cell gap-cell" title={spoken}>
        <span aria-label={`${kpiName(metric)}, ${when}: ${spoken}`}>{word}</span>
      </td>
    );
  }
  const spoken = `${kpiName(metric)}, ${when}: ${valueText(metric, cell.value)}${cell.breached ? ", beyond its limit" : ""}`;
  const link = modelLink(grid.series.model, {
    window: grid.window.name,
    version: grid.series.version,
    variant: grid.series.variant,
  });
  return (
    <td class={`cell kpi${cell.breached ? " low" : ""}${cell.coverage < 0.995 ? " wait" : ""}`}>
      <a href={`${link}#outcome`} aria-label={spoken}>
        {cellText(metric, cell.value)}
      </a>
    </td>
  );
}

function SubjectLine({ grid, row }: { readonly grid: Grid; readonly row: GridRow }) {
  const newest = grid.columns.at(-1)?.start ?? null;
  const link = (at: number | null) =>
    subjectLink(grid.series, row.subjectKind, row.subject, { window: grid.window.name, at });
  return (
    <tr>
      <th scope="row">
        <a href={link(newest)} title={row.subject}>
          {row.subject}
        </a>
      </th>
      <td class="kind">{shapeWords(row)}</td>
      {row.cells.map((cell, index) => {
        const column = grid.columns[index];
        const when = column === undefined ? "" : range(column.start, column.end);
        if (cell?.value === undefined || cell.value === null) {
          const [word, spoken] = absence(cell, false);
          return (
            <td class="cell gap-cell" title={spoken}>
              <span aria-label={`${row.subject}, ${when}: ${spoken}`}>{word}</span>
            </td>
          );
        }
        const above = cell.breached ? `, above the limit of ${limitText(cell.metric, cell.threshold ?? 0)}` : "";
        return (
          <td class={`cell m${step(cell.value, cell.breached, grid.tolerance)}`}>
            <a href={link(cell.window_start)} aria-label={`${row.subject}, ${when}: ${spokenValue(cell)}${above}`}>
              {cellText(cell.metric, cell.value)}
            </a>
          </td>
        );
      })}
      <td class="noise">{row.noise === null ? "" : cellText(grid.metric, row.noise)}</td>
    </tr>
  );
}

const spokenValue = (cell: MetricRow): string =>
  `${valueText(cell.metric, cell.value ?? 0)}${cell.metric === "total-variation" ? " of events moved" : ""}`;

function shapeWords({ shape }: GridRow): string {
  if (shape === null) return "";
  return shape.kind === "numeric" ? "numeric" : plural(shape.categories, "value");
}

/** Why a cell holds no number: the word in it, and the sentence to speak. Never a zero, never green. */
export function absence(cell: MetricRow | null, needsLabels: boolean): readonly [string, string] {
  if (cell === null) return ["–", "no events, so no value"];
  const reason = reasonOf(cell);
  if (cell.status === "error") return ["error", reason === "" ? "could not be computed; the log says why" : reason];
  if (needsLabels && cell.n === 0) return ["no labels", reason === "" ? "no value: no labels have arrived" : reason];
  return [
    "too few",
    reason === "" ? `no value: too few ${needsLabels ? "labelled " : ""}events, has ${whole(cell.n)}` : reason,
  ];
}

/** Edges of the seven colours, as multiples of the tolerance. Grey up to it, orange above. */
const QUIET_EDGES = [0.2, 0.4] as const;
const LOUD_EDGES = [2, 4, 6] as const;

/** Which of the seven colours a value has. Orange means that the window has breached, and nothing else. */
export function step(value: number, breached: boolean, tolerance: number | null): number {
  if (tolerance === null || tolerance <= 0) return breached ? 3 : 0;
  const edges: readonly number[] = breached ? LOUD_EDGES : QUIET_EDGES;
  return (breached ? 3 : 0) + edges.filter((edge) => value >= edge * tolerance).length;
}

function Key({ grid, metricTitle }: { readonly grid: Grid; readonly metricTitle: string }) {
  const { tolerance, metric } = grid;
  if (tolerance === null) return null;
  const edge = (multiple: number) => cellText(metric, multiple * tolerance).replace(/\.0+$/, "");
  const sign = isShare(metric) ? `${NBSP}%` : "";
  return (
    <div class="key" id="grid-key">
      <span>
        {metric === "total-variation" ? "Share of events moved since the reference" : `${metricTitle} to the reference`}
      </span>
      <span class="ramp">
        <span class="k0">
          &lt; {edge(QUIET_EDGES[0])}
          {sign}
        </span>
        <span class="k1">{edge(QUIET_EDGES[0])}</span>
        <span class="k2">{edge(QUIET_EDGES[1])}</span>
        <span class="k3">
          {edge(1)}
          {sign}
        </span>
        <span class="k4">{edge(LOUD_EDGES[0])}</span>
        <span class="k5">{edge(LOUD_EDGES[1])}</span>
        <span class="k6">{edge(LOUD_EDGES[2])} +</span>
      </span>
      <span>
        orange, bold and notched: above the limit of {limitText(metric, tolerance)} and above what chance shows
      </span>
    </div>
  );
}

function gridSql(grid: Grid, kpis: readonly string[]): string {
  const { model, version, variant } = grid.series;
  const metrics = [grid.metric, ...kpis].map(shownLiteral).join(", ");
  return `select subject_kind, subject, metric, window_start, window_end, value, threshold, breached, n, status
from metrics final
where model = ${shownLiteral(model)} and version = ${shownLiteral(version)} and variant = ${shownLiteral(variant)} and segment = ''
  and window = ${shownLiteral(grid.window.name)} and metric in (${metrics})
order by subject_kind, subject, metric, window_start`;
}
