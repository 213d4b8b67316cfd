/** One row a model, worst first: its state in a word, its leading KPI, its features, its labels, its open incidents. */
import type { MetricRow } from "../../core/metric.ts";
import { type ModelSummary, urgency } from "../queries/overview.ts";
import { kpiName, percent, valueText, whole } from "./format.ts";
import { modelLink } from "./links.ts";
import { Head, Scroll, type State, StateWord } from "./parts.tsx";
import { leadingKpis } from "./sentences.tsx";

export function ModelsTable({ models }: { readonly models: readonly ModelSummary[] }) {
  return (
    <section>
      <Head title="Models" note="worst first · values of the last closed window" />
      <Scroll label="Models">
        <table class="models">
          <thead>
            <tr>
              <th scope="col">State</th>
              <th scope="col">Model</th>
              <th scope="col" class="narrow-hide">
                Version
              </th>
              <th scope="col">
                KPI <span class="ci">95 %</span>
              </th>
              <th scope="col" class="narrow-hide">
                Over windows
              </th>
              <th scope="col">Features</th>
              <th scope="col" class="num narrow-hide">
                Events
              </th>
              <th scope="col" class="num narrow-hide">
                Labels
              </th>
              <th scope="col" class="num">
                Open
              </th>
            </tr>
          </thead>
          <tbody>
            {models.map((summary) => (
              <ModelRow summary={summary} />
            ))}
          </tbody>
        </table>
      </Scroll>
    </section>
  );
}

function stateOf(summary: ModelSummary): readonly [State, string] {
  const level = urgency(summary);
  if (level === 3) return ["page", "page"];
  if (level === 2) return ["attention", summary.incidents.length > 0 ? "ticket" : "moved"];
  if (level === 0) return ["steady", "steady"];
  return ["none", summary.series === null && (summary.events?.predictions ?? 0) === 0 ? "no events" : "too few"];
}

function ModelRow({ summary }: { readonly summary: ModelSummary }) {
  const { model, series, events } = summary;
  const [state, word] = stateOf(summary);
  const [lead] = leadingKpis(model, 1);
  const rows = lead === undefined ? [] : (summary.kpis.get(lead) ?? []);
  const coverage = rows.at(-1)?.coverage;
  const target = { window: summary.window, version: series?.version, variant: series?.variant };
  return (
    <tr class={series === null ? "dim" : undefined}>
      <td>
        <StateWord state={state}>{word}</StateWord>
      </td>
      <th scope="row">
        <a href={modelLink(model.name, target)}>{model.name}</a>
        <span class="under">{model.task}</span>
      </th>
      <td class="narrow-hide">
        {series === null ? "–" : [series.version || "none", series.variant].filter(Boolean).join(" ")}
      </td>
      <td>{lead === undefined ? <span class="faint">no KPI</span> : <KpiCell kpi={lead} rows={rows} />}</td>
      <td class="narrow-hide">
        {lead !== undefined && rows.length > 1 ? (
          <Spark kpi={lead} rows={rows} />
        ) : (
          <span class="faint micro">no history yet</span>
        )}
      </td>
      <td>
        <FeatureCounts summary={summary} />
      </td>
      <td class="num narrow-hide">{events === null ? "–" : whole(events.predictions)}</td>
      <td class="num narrow-hide">{coverage === undefined ? "–" : percent(coverage, 0)}</td>
      <td class="num">
        {summary.incidents.length === 0 ? (
          "0"
        ) : (
          <a href={`/incidents?model=${encodeURIComponent(model.name)}`}>{summary.incidents.length}</a>
        )}
      </td>
    </tr>
  );
}

function FeatureCounts({ summary }: { readonly summary: ModelSummary }) {
  const { steady, tooFew, moved } = summary;
  if (steady + tooFew + moved.length === 0) return <span class="faint">–</span>;
  return (
    <>
      {steady} steady
      {moved.length > 0 && (
        <>
          , <b>{moved.length} moved</b>
        </>
      )}
      {tooFew > 0 && `, ${tooFew} too few`}
    </>
  );
}

function KpiCell({ kpi, rows }: { readonly kpi: string; readonly rows: readonly MetricRow[] }) {
  const last = rows.findLast((row) => row.status === "ok");
  if (last?.value === undefined || last.value === null) {
    const newest = rows.at(-1);
    return (
      <span class="faint">
        {newest === undefined || newest.n === 0 ? "awaits labels" : `too few, has ${whole(newest.n)}`}
      </span>
    );
  }
  return (
    <>
      {kpiName(kpi)} {valueText(kpi, last.value)}
      {last.lower !== null && last.upper !== null && (
        <span class="ci">
          {valueText(kpi, last.lower)}–{valueText(kpi, last.upper)}
        </span>
      )}
    </>
  );
}

const WIDTH = 104;
const HEIGHT = 22;

/** A small line with the limit; windows without a value break it. */
function Spark({ kpi, rows }: { readonly kpi: string; readonly rows: readonly MetricRow[] }) {
  const values = rows.map((row) => row.value);
  const known = values.filter((value) => value !== null);
  const limit = rows.findLast((row) => row.threshold !== null)?.threshold ?? null;
  if (known.length === 0) return <span class="faint micro">no value yet</span>;
  const all = limit === null ? known : [...known, limit];
  const low = Math.min(...all);
  const span = Math.max(...all) - low || 1;
  const left = (index: number) => 2 + (index * (WIDTH - 8)) / Math.max(1, rows.length - 1);
  const top = (value: number) => 19 - ((value - low) / span) * 16;
  const end = values.findLastIndex((value) => value !== null);
  return (
    <svg
      class="spark"
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      role="img"
      aria-label={`${kpiName(kpi)} over ${rows.length} windows, lowest ${valueText(kpi, Math.min(...known))}, highest ${valueText(kpi, Math.max(...known))}`}
    >
      {limit !== null && <line class="limit" x1="0" x2={WIDTH} y1={top(limit)} y2={top(limit)} />}
      <path class="real-path" d={brokenLine(values, left, top)} />
      {end !== -1 && <circle class="dot" cx={left(end)} cy={top(values[end] ?? 0)} r="2" />}
    </svg>
  );
}

/** An SVG path through the values: a null ends a piece and the next value begins another. A lone value is a short dash. */
export function brokenLine(
  values: readonly (number | null)[],
  left: (index: number) => number,
  top: (value: number) => number,
): string {
  let path = "";
  for (const [index, value] of values.entries()) {
    if (value === null) continue;
    const at = `${left(index).toFixed(1)} ${top(value).toFixed(1)}`;
    const joined = index > 0 && values[index - 1] !== null;
    path += joined ? `L${at}` : `M${at}`;
    if (!joined && (values[index + 1] ?? null) === null) path += "h1.5";
  }
  return path;
}
